"""Train, sample and score a language model from the shell, on any text file.

    python -m llmbook train book.txt                     # writes model.safetensors
    python -m llmbook generate model.safetensors --prompt "Once"
    python -m llmbook evaluate model.safetensors other.txt
    torchrun --nproc-per-node 2 -m llmbook train book.txt    # the same on two processes or GPUs

`train` makes a character-level GPT. Every mistake in what was given ends in one sentence on
stderr and exit status 2; nothing half-written is left and no earlier file is lost.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Threads that wait without spinning: two to three times faster where the machine is busy.
# Read once, when torch is imported; hence no import of torch above the functions here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# nanoGPT's CPU shape; rate and length were chosen on other English than the benchmark's.
DEFAULTS = {
    "steps": 1000, "context": 64, "layers": 4, "heads": 4, "hidden": 128, "dropout": 0.0,
    "batch": 12, "lr": 4e-3, "seed": 0, "accumulate": 1, "precision": "float32",
}  # fmt: skip
VALID = 0.1  # the last tenth of the text is kept for validation
CHECKPOINT_EVERY = 200  # steps


class UserError(Exception):
    """Something that was given cannot work; the message says what, and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 2 after a mistake, 130 after Ctrl-C."""
    options = parser().parse_args(argv)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("llmbook: stopped by Ctrl-C.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has gone (| head): no mistake
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it on its way out
    except Exception as error:
        if not isinstance(error, _mistakes()):
            raise
        rank = os.environ.get("RANK", "0")  # every process may have its own mistake to tell
        who = "llmbook" if rank == "0" else f"llmbook (process {rank})"
        print(f"{who}: {_sentence(error)}", file=sys.stderr)
        return 2
    return 0


def train(options: argparse.Namespace) -> None:
    """Train a character-level GPT on a text file and write it with its vocabulary."""
    from llmbook import distributed
    from llmbook.settings import settings

    kind = settings().device
    with distributed.processes(kind) as world:
        _train(options, distributed.device(kind), print if world.first else _silent)


def _silent(*args: Any, **kwargs: Any) -> None:
    """What the processes beside the first print."""


def _train(options: argparse.Namespace, device: Any, say: Callable[..., None]) -> None:
    from llmbook.corpora import text_file
    from llmbook.text import CharVocab
    from llmbook.train import fit

    out = Path(options.out)
    _check_out(out, options)
    text = text_file(options.file)
    chosen = _settings(out, options)
    vocab = CharVocab.from_text(text)
    train_data, valid_data = _split(vocab.encode(text), chosen["context"])
    model = _build(len(vocab), chosen).to(device)
    say(
        f"{options.file}: {len(text):,} characters, {len(set(text))} different; "
        f"{train_data.num_tokens + 1:,} to learn from, {valid_data.num_tokens + 1:,} to validate\n"
        f"GPT of {chosen['layers']} layers, {chosen['heads']} heads, {chosen['hidden']} wide, "
        f"context {chosen['context']}: {model.num_params():,} parameters",
        flush=True,
    )
    try:
        history = fit(
            model, train_data, valid_data=valid_data,
            steps=chosen["steps"], batch_size=chosen["batch"], lr=chosen["lr"], seed=chosen["seed"],
            accumulate=chosen["accumulate"], precision=chosen["precision"], shard=options.shard,
            checkpoint=out, checkpoint_every=CHECKPOINT_EVERY, resume=options.resume,
            overwrite=options.force, extra={"vocabulary": vocab.to_dict(), "shell": chosen},
        )  # fmt: skip
    except KeyboardInterrupt:
        say(f"{out} holds the run so far; --resume goes on with it.", file=sys.stderr)
        raise
    loss = history.valid_loss[-1]
    say(
        f"validation loss {loss:.3f} nats a character, after {history.cpu_seconds[-1]:.0f} CPU "
        f"seconds of training\n{out} is written. Try: python -m llmbook generate {out}"
    )


def generate(options: argparse.Namespace) -> None:
    """Print a continuation of the prompt."""
    from llmbook.generate import generate as continue_text

    model, vocab = _load(options.model)
    prompt = options.prompt
    if prompt is None:
        prompt = "\n" if "\n" in vocab else vocab.tokens[vocab.end_id]
        ids = [vocab.id(prompt)]
    elif not (ids := vocab.encode(prompt, strict=True)):
        raise UserError(
            f"the prompt {prompt!r} is empty; give at least one character, or leave --prompt out."
        )
    new = continue_text(
        model, ids, options.length, temperature=options.temperature, top_k=options.top_k,
        top_p=options.top_p, seed=options.seed,
        stop=None if vocab.kind == "char" else vocab.end_id,
    )  # fmt: skip
    print(vocab.decode(ids + new, specials=False))


def evaluate(options: argparse.Namespace) -> None:
    """Print a model's loss and perplexity on a text file."""
    from math import log

    from llmbook.corpora import text_file
    from llmbook.data import Stream
    from llmbook.evaluate import perplexity

    model, vocab = _load(options.model)
    text = text_file(options.file)
    try:
        ids = vocab.encode(text, strict=not options.allow_unknown)
    except ValueError as error:
        raise UserError(f"{options.file}: {error}, or give --allow-unknown.") from error
    context = options.context or min(model.context or len(ids), len(ids) - 1)
    result = perplexity(model, Stream(ids, context), stride=options.stride)
    token = {"char": "character", "bpe": "token"}.get(vocab.kind, vocab.kind)
    print(
        f"{options.file}: {result.tokens:,} {token}s predicted, with at most {context} before\n"
        f"loss        {result.nats:.4f} nats a {token} ({result.nats / log(2):.4f} bits)\n"
        f"perplexity  {result.perplexity:.4f}"
    )


def _check_out(out: Path, options: argparse.Namespace) -> None:
    """Before any reading and training: may this file be written, and by this run?"""
    from llmbook.checkpoint import check_writable

    if options.resume and not out.exists():
        raise UserError(f"there is no {out} to go on with; leave --resume out to begin.")
    check_writable(out)
    if out.exists() and Path(options.file).exists() and out.samefile(options.file):
        raise UserError(f"{out} is the text itself; give another name to --out.")
    if out.exists() and not (options.resume or options.force):
        raise UserError(
            f"{out} exists. Give --resume to go on with that run, --force to replace it, or "
            "another name to --out."
        )


def _settings(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What was given, over what the run to be resumed began with, over the defaults."""
    from llmbook.checkpoint import load

    earlier = load(out).extra.get("shell", {}) if options.resume else {}
    return {name: getattr(options, name) if getattr(options, name) is not None
            else earlier.get(name, default) for name, default in DEFAULTS.items()}  # fmt: skip


def _split(ids: list[int], context: int) -> tuple[Any, Any]:
    """The first nine tenths to learn from, the last to validate on."""
    from llmbook.data import Stream

    kept = max(2, int(VALID * len(ids)))
    if len(ids) - kept < context + 1:
        raise UserError(
            f"the text has {len(ids)} characters, {len(ids) - kept} of them to learn from; a "
            f"context of {context} needs at least {context + 1} of those. Give a longer text, or "
            f"a smaller --context."
        )
    valid = ids[-kept:]
    return Stream(ids[:-kept], context), Stream(valid, min(context, kept - 1))


def _build(vocab_size: int, chosen: dict[str, Any]) -> Any:
    """The model with first weights that depend on the seed alone."""
    from dataclasses import replace

    import torch

    from llmbook.models import GPT, GPTConfig

    if chosen["hidden"] % (2 * chosen["heads"]):
        raise UserError(
            f"--hidden is {chosen['hidden']} and --heads {chosen['heads']}; each head needs an "
            "even number of the hidden units: give a --hidden that 2 x --heads divides."
        )
    names = {"num_layers": "layers", "num_heads": "heads", "hidden_size": "hidden"}
    shape = {ours: chosen[name] for ours, name in names.items()}
    torch.manual_seed(chosen["seed"])
    config = GPTConfig.modern(vocab_size, context=chosen["context"], **shape)
    return GPT(replace(config, dropout=chosen["dropout"]))


def _load(name: str) -> tuple[Any, Any]:
    """The model and vocabulary of a file, or of a model that the book brings."""
    from llmbook import checkpoint, zoo
    from llmbook.generate import check_causal
    from llmbook.text import Vocab

    if not Path(name).exists() and name in zoo.names():
        model, vocab = zoo.load(name)
    else:
        point = checkpoint.load(name)
        if point.vocabulary is None:
            raise UserError(
                f"{name} holds no vocabulary, so text cannot be turned into its numbers. Give a "
                "model that `python -m llmbook train` wrote."
            )
        model, vocab = checkpoint.rebuild(point), Vocab.from_dict(point.vocabulary)
    try:
        check_causal(model)
    except TypeError as error:
        raise UserError(f"{name}: {error}") from error
    return model, vocab


def _mistakes() -> tuple[type[Exception], ...]:
    """What can go wrong by what was given; anything else is a fault of ours and is shown whole."""
    from llmbook.checkpoint import CheckpointError
    from llmbook.distributed import RankLost
    from llmbook.train import TrainingDiverged

    return UserError, ValueError, OSError, CheckpointError, RankLost, TrainingDiverged


def _sentence(error: Exception) -> str:
    """The message on one line; a system's own error also names its file."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split())


def _whole(text: str) -> int:
    """A positive whole number, for argparse."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


_whole.__name__ = "positive whole number"  # argparse says: invalid positive whole number value


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(
        "python -m llmbook", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any, **positional: str) -> argparse.ArgumentParser:
        new = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        new.set_defaults(run=run)
        for name, text in positional.items():
            new.add_argument(name, metavar=name.upper(), help=text)
        return new

    sub = command(train, file="a UTF-8 text; a megabyte is plenty, ten kilobytes a beginning")
    sub.add_argument("--out", default="model.safetensors", help="file to write (%(default)s)")
    either = sub.add_mutually_exclusive_group()
    either.add_argument("--resume", action="store_true", help="go on with the run in --out")
    either.add_argument("--force", action="store_true", help="replace --out if it exists")
    shard = "under torchrun: cut weights and optimizer up between the processes"
    sub.add_argument("--shard", action="store_true", help=shard)
    for name, default in DEFAULTS.items():
        kind = int if name == "seed" else {int: _whole}.get(type(default), type(default))
        sub.add_argument(f"--{name}", type=kind, metavar="N", help=f"default {default}")

    model = "a file that train wrote, or the name of one of the book's models"
    sub = command(generate, model=model)
    sub.add_argument("--prompt", help="the text to continue (default: a new line)")
    sub.add_argument("--length", type=_whole, default=500, help="tokens to add (%(default)s)")
    sub.add_argument("--temperature", type=float, default=0.8, help="0 is greedy (%(default)s)")
    sub.add_argument("--top-k", type=_whole, help="draw from the k likeliest tokens only")
    sub.add_argument("--top-p", type=float, help="... from the fewest with this probability")
    sub.add_argument("--seed", type=int, help="the same seed gives the same text")

    sub = command(evaluate, model=model, file="a UTF-8 text")
    sub.add_argument("--context", type=_whole, help="tokens a window (default: the model's)")
    sub.add_argument("--allow-unknown", action="store_true", help="score the unknown as <unk>")
    sub.add_argument("--stride", type=_whole, help="tokens between windows (default: no overlap)")
    return top


if __name__ == "__main__":
    sys.exit(main())

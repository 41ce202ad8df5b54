"""`python -m llmbook train`: a GPT on any text file, alone or under torchrun."""

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmbook.shell import Command, UserError, whole

# nanoGPT's CPU shape. Optimizer, rates, schedule and first weights were chosen on the prose of
# `pydocs`, 500 steps from seed 0 (nats a character): AdamW 1.519; Muon with a cosine 1.337, with
# a straight line 1.321, and with the embedding as head, too, 1.291. Twice the rate was no
# better. 430 steps take less than a third of the time of nanoGPT's own recipe, as
# benchmarks/shell_train.py measures it.
DEFAULTS = {
    "steps": 430, "context": 64, "layers": 4, "heads": 4, "hidden": 128, "dropout": 0.0,
    "batch": 12, "lr": None, "optimizer": "muon", "tokenizer": "char", "seed": 0,
    "accumulate": 1, "precision": "float32",
}  # fmt: skip
RATES = {"muon": 1e-2, "adamw": 4e-3, "sgd": 0.1}
HELP = {
    "lr": "learning rate; " + ", ".join(f"{rate:g} for {name}" for name, rate in RATES.items()),
    "optimizer": "adamw, muon or sgd",
    "tokenizer": "char; or a number: byte-pair encoding with so many tokens, learned from the "
    "text;\nor a file: a tokenizer.json",
    "precision": "float32, bf16 or fp16",
}
VALID = 0.1  # the last tenth of the text is kept for validation
CHECKPOINT_EVERY = 200  # steps


def add(command: Command) -> None:
    """The command and its options."""
    sub = command(train, file="a UTF-8 text; a megabyte is plenty, ten kilobytes a beginning")
    sub.add_argument("--out", default="model.safetensors", help="file to write (%(default)s)")
    either = sub.add_mutually_exclusive_group()
    either.add_argument("--resume", action="store_true", help="go on with the run in --out")
    either.add_argument("--force", action="store_true", help="replace --out if it exists")
    shard = "under torchrun: cut weights and optimizer up between the processes"
    sub.add_argument("--shard", action="store_true", help=shard)
    for name, default in DEFAULTS.items():
        kind = {"seed": int, "lr": float}.get(name) or {int: whole}.get(
            type(default), type(default)
        )
        told = "" if default is None else f"default {default}"
        about = f"{HELP[name]} ({told})" if name in HELP and told else HELP.get(name, told)
        sub.add_argument(f"--{name}", type=kind, metavar=name[0].upper(), help=about)


def train(options: argparse.Namespace) -> None:
    """Train a GPT on a text file and write it with its vocabulary."""
    from llmbook import distributed
    from llmbook.settings import settings

    kind = settings().device
    with distributed.processes(kind) as world:
        _train(options, distributed.device(kind), print if world.first else _silent)


def _silent(*args: Any, **kwargs: Any) -> None:
    """What the processes beside the first print."""


def _train(options: argparse.Namespace, device: Any, say: Callable[..., None]) -> None:
    from llmbook.corpora import text_file
    from llmbook.train import fit

    out = Path(options.out)
    _check_out(out, options)
    text = text_file(options.file)
    chosen = _settings(out, options)
    vocab = tokenizer(chosen["tokenizer"], text)
    token = "character" if vocab.kind == "char" else "token"
    ids = vocab.encode(text)
    train_data, valid_data = split(ids, chosen["context"], token)
    model = build(len(vocab), chosen).to(device)
    say(
        f"{options.file}: {len(ids):,} {token}s, {len(set(ids)):,} different; "
        f"{train_data.num_tokens + 1:,} to learn from, {valid_data.num_tokens + 1:,} to validate\n"
        f"GPT of {chosen['layers']} layers, {chosen['heads']} heads, {chosen['hidden']} wide, "
        f"context {chosen['context']}: {model.num_params():,} parameters",
        flush=True,
    )
    try:
        history = fit(
            model, train_data, valid_data=valid_data,
            steps=chosen["steps"], batch_size=chosen["batch"], lr=chosen["lr"], seed=chosen["seed"],
            optimizer=chosen["optimizer"], schedule="linear", accumulate=chosen["accumulate"],
            precision=chosen["precision"], shard=options.shard,
            checkpoint=out, checkpoint_every=CHECKPOINT_EVERY, resume=options.resume,
            overwrite=options.force, extra={"vocabulary": vocab.to_dict(), "shell": chosen},
        )  # fmt: skip
    except KeyboardInterrupt:
        say(f"{out} holds the run so far; --resume goes on with it.", file=sys.stderr)
        raise
    loss = history.valid_loss[-1]
    held_out = ids[-valid_data.num_tokens :]
    num_bytes = len(vocab.decode(held_out).encode("utf-8", "replace"))
    bits = loss * len(held_out) / math.log(2) / num_bytes
    say(
        f"validation loss {loss:.3f} nats a {token} ({bits:.3f} bits a byte), after "
        f"{history.cpu_seconds[-1]:.0f} CPU seconds of training\n"
        f"{out} is written. Try: python -m llmbook generate {out}"
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
    chosen = {name: getattr(options, name) if getattr(options, name) is not None
              else earlier.get(name, default) for name, default in DEFAULTS.items()}  # fmt: skip
    if chosen["lr"] is None:  # an unknown optimizer is refused with the names of the known
        chosen["lr"] = RATES.get(chosen["optimizer"], 0.0)
    return chosen


def tokenizer(name: str, text: str) -> Any:
    """What turns the text into ids, by the value of ``--tokenizer``."""
    from llmbook.text import BPETokenizer, CharVocab

    if name == "char":
        return CharVocab.from_text(text)
    if name.isdecimal():  # what is held out for validation teaches no merges
        return BPETokenizer.train([text[: len(text) - int(VALID * len(text))]], int(name))
    if not Path(name).exists():
        raise UserError(
            f"--tokenizer is {name!r}, and there is no such file; give char, a number of tokens "
            "such as 512, or the path of a tokenizer.json."
        )
    return BPETokenizer.from_tokenizers(Path(name))


def split(ids: list[int], context: int, token: str = "character") -> tuple[Any, Any]:
    """The first nine tenths to learn from, the last to validate on."""
    from llmbook.data import Stream

    kept = max(2, int(VALID * len(ids)))
    if len(ids) - kept < context + 1:
        raise UserError(
            f"the text has {len(ids)} {token}s, {len(ids) - kept} of them to learn from; a "
            f"context of {context} needs at least {context + 1} of those. Give a longer text, or "
            f"a smaller --context."
        )
    valid = ids[-kept:]
    return Stream(ids[:-kept], context), Stream(valid, min(context, kept - 1))


def build(vocab_size: int, chosen: dict[str, Any]) -> Any:
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
    return GPT(replace(config, tie=True, init_std=None, dropout=chosen["dropout"]))

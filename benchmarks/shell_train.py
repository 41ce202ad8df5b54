"""`python -m llmbook train FILE`, its own defaults, against nanoGPT's published CPU recipe.

The recipe (github.com/karpathy/nanoGPT, README and train.py): 4 layers, 4 heads, 128 wide,
context 64, batch 12, no dropout, 2,000 iterations of AdamW with betas .9 and .99, weight decay
.1, clipping at 1, 100 steps of warm-up to 1e-3 and a cosine down to 1e-4. It runs on
transformers' GPT-2. Both get the same text, characters, split and scoring; each trains in a
process of its own, one after the other, and what counts is the CPU time of training alone
(no imports, no scoring).

    python benchmarks/shell_train.py [--write] [--text docstrings|pydocs] [--seed N]
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common  # sets the path and the threads' way of waiting, before torch is imported

CHARACTERS = 1_100_000
ITERATIONS, WARMUP, BATCH, CONTEXT = 2000, 100, 12, 64
PEAK, END = 1e-3, 1e-4
REQUIRED = 1 / 3  # of the recipe's CPU time
PACKAGE = str(Path(__file__).parents[1] / "code")


def english(name: str) -> str:
    """1.1 MB of the standard library's docstrings, or the prose of its help texts."""
    from llmbook.corpora import docstrings, pydocs

    return docstrings.text(limit=CHARACTERS) if name == "docstrings" else pydocs.text()


def peer(file: str, seed: int, iterations: int) -> dict:
    """The recipe on transformers' GPT-2: its loss, and the CPU seconds of its loop."""
    import torch
    from torch.nn import functional as F
    from transformers import GPT2Config, GPT2LMHeadModel

    from llmbook import optim
    from llmbook.corpora import text_file
    from llmbook.shell.train import split
    from llmbook.text import CharVocab

    text = text_file(file)
    vocab = CharVocab.from_text(text)
    train, valid = split(vocab.encode(text), CONTEXT)
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(vocab), n_positions=CONTEXT, n_embd=128, n_layer=4, n_head=4,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
            activation_function="gelu_pytorch_tanh",  # the same function, fused: its fastest
            bos_token_id=vocab.end_id, eos_token_id=vocab.end_id, attn_implementation="sdpa",
        )
    ).train()  # fmt: skip
    decays = [p for p in model.parameters() if p.ndim >= 2]  # as nanoGPT: every matrix
    rest = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decays, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99))
    spent = 0.0
    for step in range(iterations):
        started = time.process_time()
        inputs, targets = train.batch(step, BATCH, seed)
        for group in optimizer.param_groups:
            group["lr"] = PEAK * optim.cosine(step, iterations, WARMUP, END / PEAK)
        loss = F.cross_entropy(model(inputs).logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        spent += time.process_time() - started
    return {"nats": score(lambda ids: model(ids).logits, model, valid), "cpu": spent}


def ours(file: str, model: str) -> dict:
    """The loss of the model that the shell has written, and the CPU seconds of its loop."""
    from llmbook import checkpoint
    from llmbook.corpora import text_file
    from llmbook.shell.train import split
    from llmbook.text import Vocab

    point = checkpoint.load(model)
    net = checkpoint.rebuild(point)
    vocab = Vocab.from_dict(point.vocabulary)
    valid = split(vocab.encode(text_file(file)), CONTEXT)[1]
    nats = score(lambda ids: net.logits(ids)[0], net, valid)
    return {"nats": nats, "cpu": point.history["cpu_seconds"][-1], **point.extra["shell"]}


def score(logits, model, valid) -> float:
    """Both models' one judge: every character of the validation text, windows of CONTEXT."""
    import torch

    from llmbook.evaluate import perplexity

    class Judged(torch.nn.Module):
        context = CONTEXT

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def logits(self, ids, state=None):
            return logits(ids), None

    return perplexity(Judged(), valid).nats


def child(*command: str) -> str:
    """Run a Python process to its end; its standard output."""
    paths = [PACKAGE, str(Path(__file__).parent)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TQDM_DISABLE": "1"}
    done = subprocess.run([sys.executable, *command], env=env, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="update the table in README.md")
    parser.add_argument("--text", choices=("docstrings", "pydocs"), default="docstrings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="of the recipe")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)  # what a child does
    options = parser.parse_args()
    if options.run:
        kind, file = options.run
        made = peer(file, options.seed, options.iterations) if kind == "peer" else ours(file, kind)
        print(json.dumps(made))
        return
    measure(options)


def measure(options: argparse.Namespace) -> None:
    """Both runs and the table."""
    import torch
    import transformers

    text = english(options.text)
    with tempfile.TemporaryDirectory() as folder:
        file, model = str(Path(folder, "text.txt")), str(Path(folder, "model.safetensors"))
        Path(file).write_text(text, encoding="utf-8")
        again = ("--seed", str(options.seed), "--iterations", str(options.iterations))
        child("-m", "llmbook", "train", file, "--out", model, "--seed", str(options.seed))
        mine = json.loads(child(__file__, "--run", model, file, *again))
        theirs = json.loads(child(__file__, "--run", "peer", file, *again))
    ratio = mine["cpu"] / theirs["cpu"]
    reached = mine["nats"] <= theirs["nats"]
    header = ["", "validation loss, nats a character", "CPU s of training", "of the recipe's time"]
    rows = [
        ["nanoGPT's recipe on transformers' GPT-2", f"{theirs['nats']:.3f}",
         f"{theirs['cpu']:.0f}", "1.00"],
        ["`python -m llmbook train FILE`", f"{mine['nats']:.3f}", f"{mine['cpu']:.0f}",
         f"{ratio:.2f}"],
    ]  # fmt: skip
    notes = [
        f"Required: the recipe's loss or lower in at most a third of its time. Loss "
        f"{'reached' if reached else 'NOT reached'}, "
        f"time {'within' if ratio <= REQUIRED else 'NOT within'} the bound ({common.processor()}).",
        f"Text: {options.text}, {len(text):,} characters, the last tenth for validation (scored "
        f"whole, windows of {CONTEXT}); uniform guessing would be {math.log(len(set(text))):.3f}.",
        f"Recipe: {options.iterations:,} iterations, batch {BATCH}, AdamW {PEAK:g} to {END:g}. "
        f"Ours: {mine['steps']:,} steps, batch {mine['batch']}, {mine['optimizer']} "
        f"{mine['lr']:g} to 0 on a straight line, rotary positions, query-key norm, squared ReLU, "
        "RMSNorm, branches that begin at zero. Both: 4 layers, 4 heads, 128 wide, context 64, no "
        "dropout, float32.",
        f"Seed {options.seed}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"transformers {transformers.__version__}, {torch.backends.cpu.get_cpu_capability()}.",
    ]
    sys.argv = [sys.argv[0], *(["--write"] if options.write else [])]
    common.report("shell_train", header, rows, notes, by_processor=True)


if __name__ == "__main__":
    main()

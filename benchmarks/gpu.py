"""GPT-2 of 124 M parameters on one GPU: what part of the card's speed training makes use of.

Both models train in bf16, compiled, on the same batches of 1,024 tokens a text. Their *model
FLOP utilisation* is the FLOPs of the model's matrix products (``llmbook.cost.train_flops``) in a
second, over the speed of one large product of bf16 matrices on the same card in the same run.

    python benchmarks/gpu.py [--write] [--batch 16]
    python benchmarks/gpu.py --rehearse     # the same steps on a tiny model, on the CPU
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import common  # sets the path, before torch is imported

import torch  # isort: skip
from torch import nn
from torch.nn import functional as F

from llmbook.cost import train_flops
from llmbook.models import GPT, GPTConfig

STEPS = 10  # training steps in one turn


@dataclass(frozen=True)
class Size:
    """What is trained, and how large the product is that stands for the card's peak."""

    vocab_size: int = 50257
    context: int = 1024
    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    batch: int = 16
    product: int = 8192  # rows and columns of both factors

    def config(self) -> GPTConfig:
        shape = {name: getattr(self, name) for name in ("context", "hidden_size", "num_layers")}
        return GPTConfig.gpt2(self.vocab_size, num_heads=self.num_heads, **shape)


REHEARSAL = Size(97, context=16, hidden_size=32, num_layers=2, num_heads=2, batch=2, product=128)


def peak(size: int, device: str, rounds: int = common.ROUNDS, repeats: int = 20) -> float:
    """FLOP/s of a product of two square bf16 matrices, the best of some rounds."""
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    best = min(seconds(lambda: [a @ b for _ in range(repeats)], device) for _ in range(rounds + 1))
    return repeats * 2 * size**3 / best


def seconds(work: Callable[[], object], device: str) -> float:
    """Wall time of ``work`` until the device has done all of it."""
    settle(device)
    started = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - started


def settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def make_peer(size: Size) -> nn.Module:
    """transformers' GPT-2 at its best: sdpa, no dropout, tanh-GELU in one kernel."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=size.vocab_size, n_positions=size.context, n_embd=size.hidden_size,
        n_layer=size.num_layers, n_head=size.num_heads, activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
        bos_token_id=0, eos_token_id=0, attn_implementation="sdpa",
    )  # fmt: skip
    return GPT2LMHeadModel(config).train()


def trainer(
    model: nn.Module, logits: Callable, size: Size, device: str, backend: str
) -> Callable[[], None]:
    """STEPS compiled training steps: bf16, loss, backward, clipping at 1, fused AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.1, fused=True)
    generator = torch.Generator().manual_seed(0)
    shape = (STEPS, size.batch, size.context + 1)
    data = torch.randint(size.vocab_size, shape, generator=generator).to(device)

    @torch.compile(backend=backend)
    def loss_of(ids: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16):
            scores = logits(ids[:, :-1])
        return F.cross_entropy(scores.float().flatten(0, 1), ids[:, 1:].flatten())

    def work() -> None:
        for ids in data:
            optimizer.zero_grad(set_to_none=True)
            loss_of(ids).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return work


def measure(size: Size, device: str, backend: str = "inductor") -> tuple[list[list[str]], float]:
    """The table's rows, and the peak in FLOP/s."""
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    top = peak(size.product, device)
    theirs = make_peer(size).to(device)
    ours = GPT.from_transformers(theirs).to(device).train()
    works = {
        "llmbook": trainer(ours, lambda ids: ours.logits(ids)[0], size, device, backend),
        "transformers": trainer(theirs, lambda ids: theirs(ids).logits, size, device, backend),
    }
    times = take_turns(works, device)
    tokens = STEPS * size.batch * size.context
    flops = train_flops(size.config(), tokens)
    rows = []
    for name, taken in times.items():
        spent = statistics.median(taken)
        ratios = [b / a for a, b in zip(taken, times["transformers"], strict=True)]
        row = [name, f"{tokens / spent:,.0f}", f"{flops / spent / 1e12:.3g}"]
        rows.append([*row, f"{flops / spent / top:.1%}", f"{statistics.median(ratios):.2f}"])
    return rows, top


def take_turns(works: dict[str, Callable[[], None]], device: str) -> dict[str, list[float]]:
    """Seconds of each, turn by turn, after a first call that compiles."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(common.ROUNDS):
        for name in list(works) if turn % 2 == 0 else list(works)[::-1]:
            times[name].append(seconds(works[name], device))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="update the table in README.md")
    parser.add_argument("--batch", type=int, default=Size.batch, help="texts in a batch")
    parser.add_argument("--rehearse", action="store_true", help="a tiny model on the CPU, eager")
    options = parser.parse_args()
    if options.rehearse:
        rows, top = measure(REHEARSAL, "cpu", backend="eager")
        print(f"A rehearsal on the CPU: its figures mean nothing.\n{rows}\npeak {top:.3g} FLOP/s")
        return
    if not torch.cuda.is_available():
        raise SystemExit(
            "This measures a GPU, and torch sees none here (torch "
            f"{torch.__version__}). Run it where torch.cuda.is_available() is true; "
            "--rehearse goes through the same steps on the CPU."
        )
    size = Size(batch=options.batch)
    rows, top = measure(size, "cuda")
    header = ["model", "tokens/s", "TFLOP/s of the model", "utilisation", "speed, of the peer's"]
    import transformers

    notes = [
        f"{torch.cuda.get_device_name()}; peak {top / 1e12:.0f} TFLOP/s: a product of bf16 "
        f"matrices of {size.product:,} rows and columns, in the same run.",
        f"{size.num_layers} layers, {size.num_heads} heads, {size.hidden_size} wide, context "
        f"{size.context:,}, batch {size.batch}, vocabulary {size.vocab_size:,}; bf16 autocast, "
        "torch.compile, fused AdamW, clipping at 1, the same weights and batches for both; peer: "
        "GPT2LMHeadModel, sdpa, no dropout, gelu_pytorch_tanh.",
        f"Median of {common.ROUNDS} interleaved turns of {STEPS} steps, wall time; torch "
        f"{torch.__version__}, transformers {transformers.__version__}.",
    ]
    sys.argv = [sys.argv[0], *(["--write"] if options.write else [])]
    common.report("gpu", header, rows, notes)


if __name__ == "__main__":
    main()

"""layers.LSTM against torch.nn.LSTM: forward and backward, hidden 256, length 256, batch 32."""

from common import ROUNDS, compare, report

import torch  # isort: skip
from torch import nn

from llmbook.layers import LSTM

HIDDEN, LENGTH, BATCH = 256, 256, 32


def training_step(layer: nn.Module, x: torch.Tensor) -> None:
    """One forward and backward pass; gradients of every parameter and of the input."""
    layer.zero_grad(set_to_none=True)
    x.grad = None
    layer(x)[0].square().mean().backward()


def main() -> None:
    torch.manual_seed(0)
    peer = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
    ours = LSTM.from_torch(peer)
    x = torch.randn(BATCH, LENGTH, HIDDEN, requires_grad=True)
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        r = compare(lambda: training_step(ours, x), lambda: training_step(peer, x))
        for clock in ("cpu", "wall"):
            mine, theirs = r[f"ours_{clock}"], r[f"peer_{clock}"]
            ratio = 1 / r[f"ratio_{clock}"]
            rows.append(
                [str(threads), clock, f"{mine:.3f}", f"{theirs:.3f}", f"{ratio:.2f}", "≤ 1.35"]
            )
    header = ["threads", "clock", "llmbook, s", "torch.nn.LSTM, s", "ours / torch", "required"]
    notes = [
        f"Hidden and input size {HIDDEN}, length {LENGTH}, batch {BATCH}, float32, batch first; "
        f"same weights; median of {ROUNDS} interleaved turns; torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}."
    ]
    report("lstm", header, rows, notes, by_processor=True)


if __name__ == "__main__":
    main()

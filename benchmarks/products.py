"""One linear map, forward and backward, by oneDNN's products and by those of ``nn.Linear``.

Which of the two ``llmbook.layers.linear`` takes on a processor rests on this table, so here it
takes oneDNN's on any.
"""

import common  # sets the path and the threads' way of waiting, before torch is imported

import torch  # isort: skip
from torch import nn

from llmbook.layers import Linear, linear

ROWS = 12 * 64  # a batch of nanoGPT's CPU recipe
SHAPES = [(128, 384), (128, 128), (128, 512), (512, 128), (256, 1024), (768, 3072)]
TURN = 2e9  # multiplications in one turn


def trainer(layer: nn.Module, inputs: int) -> callable:
    """Repeated forward and backward passes over the same random numbers."""
    x = torch.randn(ROWS, inputs, requires_grad=True)
    gradient = torch.randn(ROWS, layer.out_features)
    repeats = max(1, round(TURN / (3 * ROWS * inputs * layer.out_features)))

    def work() -> None:
        for _ in range(repeats):
            x.grad = None
            layer.zero_grad(set_to_none=True)
            layer(x).backward(gradient)

    work.flops = repeats * 3 * 2 * ROWS * inputs * layer.out_features
    return work


def measure() -> list[list[str]]:
    """A row for each shape and number of threads."""
    linear.pays_here = lambda: True
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for inputs, outputs in SHAPES:
            ours = trainer(Linear(inputs, outputs), inputs)
            peer = trainer(nn.Linear(inputs, outputs), inputs)
            r = common.compare(ours, peer)
            speeds = [f"{ours.flops / r[f'{who}_wall'] / 1e9:.0f}" for who in ("ours", "peer")]
            ratios = [f"{r[f'ratio_{clock}']:.2f}" for clock in ("cpu", "wall")]
            name = torch.backends.cpu.get_cpu_capability()
            rows.append([name, str(threads), f"{inputs} → {outputs}", *speeds, *ratios])
    return rows


def main() -> None:
    header = ["instructions", "threads", "map", "oneDNN, GFLOP/s", "nn.Linear, GFLOP/s"]
    notes = [
        f"{ROWS} rows, float32, with bias, forward and both gradients; wall time for the speeds.",
        f"Median of {common.ROUNDS} interleaved turns; torch {torch.__version__}.",
        common.AVX2_NOTE,
    ]
    rows = common.on_both_instruction_sets(measure)
    common.report(
        "products",
        [*header, "oneDNN / nn.Linear, CPU", "oneDNN / nn.Linear, wall"],
        rows,
        notes,
        by_processor=True,
    )


if __name__ == "__main__":
    main()

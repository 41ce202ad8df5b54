"""The task of ``llmbook.frameworks`` in PyTorch: it writes the file that all others read.

>>> torch_cell.write("lstm_cell.safetensors")
"""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.frameworks import ADAMW, NUMBERS, SGD_RATE, Task

B, T, I, C, V = 4, 6, 3, 5, 7  # noqa: E741


class Cell(nn.Module):
    """``nn.LSTM`` and a head: ``x [B, T, I]`` -> all h ``[B, T, C]`` and logits ``[B, T, V]``."""

    def __init__(self, input_size: int = I, hidden_size: int = C, vocab_size: int = V):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, vocab_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h, _ = self.lstm(x)
        return h, self.head(h)


def build(weights: dict[str, np.ndarray], dtype: str = "float64") -> Cell:
    """A Cell with the task's weights. torch keeps two biases and adds them: the second is zero."""
    (vocab_size, hidden_size), inputs = weights["head.weight"].shape, weights["weight_ih"].shape[1]
    cell = Cell(inputs, hidden_size, vocab_size).to(getattr(torch, dtype))
    state = {name: torch.from_numpy(w.copy()) for name, w in weights.items()}
    cell.load_state_dict({
        "lstm.weight_ih_l0": state["weight_ih"],
        "lstm.weight_hh_l0": state["weight_hh"],
        "lstm.bias_ih_l0": state["bias"],
        "lstm.bias_hh_l0": torch.zeros_like(state["bias"]),
        "head.weight": state["head.weight"],
        "head.bias": state["head.bias"],
    })  # fmt: skip
    cell.lstm.bias_hh_l0.requires_grad_(False)
    return cell


def loss_of(cell: Cell, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean cross-entropy, and ``(h, logits)``."""
    h, logits = cell(x)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), h, logits


def optimizers(cell: Cell) -> dict[str, torch.optim.Optimizer]:
    """SGD and AdamW over a cell's weights; epsilon means for torch what the task means."""
    learned = [p for p in cell.parameters() if p.requires_grad]
    adamw = torch.optim.AdamW(learned, **ADAMW)
    return {"sgd": torch.optim.SGD(learned, lr=SGD_RATE), "adamw": adamw, "adamw_as_named": adamw}


def run(task: Task, dtype: str = "float64") -> dict[str, np.ndarray]:
    """All answers."""
    weights, inputs = task.cast(dtype)
    x, targets = torch.from_numpy(inputs), torch.from_numpy(task.targets)
    answers: dict[str, Tensor] = {}
    for kind in ("sgd", "adamw", "adamw_as_named"):
        cell = build(weights, dtype)
        loss, h, logits = loss_of(cell, x, targets)
        loss.backward()
        answers |= {"h": h, "logits": logits, "loss": loss}
        answers |= {f"gradients.{name}": p.grad for name, p in named(cell).items()}
        optimizers(cell)[kind].step()
        answers |= {f"{kind}.{name}": p for name, p in named(cell).items()}
    return {name: value.detach().numpy().copy() for name, value in answers.items()}


def named(cell: Cell) -> dict[str, nn.Parameter]:
    """The learned weights under the task's names."""
    lstm, head = cell.lstm, cell.head
    return {
        "weight_ih": lstm.weight_ih_l0,
        "weight_hh": lstm.weight_hh_l0,
        "bias": lstm.bias_ih_l0,
        "head.weight": head.weight,
        "head.bias": head.bias,
    }


def fresh(seed: int = 0) -> Task:
    """A new task: torch's own first weights, a random batch, no answers yet."""
    torch.manual_seed(seed)
    cell = Cell().double()
    x, targets = torch.randn(B, T, I, dtype=torch.float64), torch.randint(V, (B, T))
    weights = {name: p.detach().numpy().copy() for name, p in named(cell).items()}
    return Task(weights, x.numpy(), targets.numpy(), {})


def write(path: str | Path = NUMBERS, seed: int = 0) -> None:
    """Write a task with torch's answers to a safetensors file."""
    from safetensors.numpy import save

    task = fresh(seed)
    parts = {"weight": task.weights, "batch": {"x": task.x, "targets": task.targets}}
    parts["answer"] = run(task)
    arrays = {
        f"{part}:{name}": np.array(array, order="C")
        for part, group in parts.items()
        for name, array in group.items()
    }
    Path(path).write_bytes(save(arrays, {"seed": str(seed), "made by": __name__}))


def defaults() -> dict[str, float]:
    """What torch's AdamW takes when nothing is said."""
    signature = inspect.signature(torch.optim.AdamW.__init__).parameters
    beta_1, beta_2 = signature["betas"].default
    return {
        "lr": signature["lr"].default, "beta 1": beta_1, "beta 2": beta_2,
        "epsilon": signature["eps"].default, "weight decay": signature["weight_decay"].default,
    }  # fmt: skip

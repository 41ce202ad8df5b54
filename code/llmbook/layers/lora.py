"""LoRA: a frozen weight W and beside it a trained product B A of low rank (Hu et al. 2022).

    layers = lora.inject(model, rank=4)       # every attention.qkv: W stays, A and B are trained
    fit(model, data, ...)
    lora.merge(model)                         # W + (α/r) B A in one matrix: no cost left

What it adds over fine-tuning: far fewer numbers to train, to keep optimizer state for and to
store for each task, and a way back (`remove`). B begins at zero, so the model begins as it was.

Dimensions: ``in`` and ``out`` features of a linear layer, r rank; ``...`` any leading dimensions.
"""

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from llmbook.layers.linear import linear


class LoRALinear(nn.Module):
    """y = W x + b + (α/r) B A x, with W and b frozen (Hu et al. 2022, equation 3).

    ``A [r, in]`` begins random, as an ``nn.Linear`` does; ``B [out, r]`` begins at zero. alpha:
    α, by default 2r. dropout: on what A reads, in training only. Raises ValueError for a rank
    that is below 1 or above what W can have.
    """

    def __init__(
        self, base: nn.Linear, rank: int, alpha: float | None = None, dropout: float = 0.0
    ):
        super().__init__()
        most = min(base.in_features, base.out_features)
        if not 1 <= rank <= most:
            raise ValueError(
                f"rank is {rank}; expected 1 to {most}, for the weight is "
                f"{base.out_features} × {base.in_features} and has no higher rank"
            )
        self.base = base.requires_grad_(False)
        self.rank, self.alpha = rank, 2.0 * rank if alpha is None else float(alpha)
        self.dropout = nn.Dropout(dropout)
        self.A = nn.Parameter(base.weight.new_empty(rank, base.in_features))
        self.B = nn.Parameter(base.weight.new_zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    @property
    def scale(self) -> float:
        """α / r."""
        return self.alpha / self.rank

    def forward(self, x: Tensor) -> Tensor:
        """``x [..., in]`` -> ``[..., out]``."""
        y = linear(x, self.base.weight, self.base.bias)
        z = linear(self.dropout(x), self.A)  # [..., r]
        return y + self.scale * linear(z, self.B)

    @property
    def delta(self) -> Tensor:
        """What was learned, as one matrix: (α/r) B A, ``[out, in]``."""
        return self.scale * (self.B @ self.A)

    @property
    def weight(self) -> Tensor:
        """W + (α/r) B A ``[out, in]``, for code that asks a layer for its weight."""
        return self.base.weight + self.delta

    @property
    def bias(self) -> Tensor | None:
        return self.base.bias

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The base layer itself with the product added to its weight, trainable again."""
        self.base.weight += self.delta
        return self.base.requires_grad_(True)


def inject(
    model: nn.Module,
    rank: int,
    alpha: float | None = None,
    targets: Iterable[str] = ("attention.qkv",),
    dropout: float = 0.0,
) -> list[str]:
    """Freeze ``model`` and put a `LoRALinear` around each linear layer whose name ends in one of
    ``targets``, in place; returns the layers' names.

    ValueError when no layer is called so, or one has a LoRA already.
    """
    if any(True for _ in layers(model)):
        raise ValueError("this model has a LoRA already; call lora.merge or lora.remove first")
    targets = tuple(targets)
    candidates = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}
    chosen = [n for n in candidates if f".{n}".endswith(tuple(f".{t}" for t in targets))]
    if not chosen:
        ends = sorted({".".join(n.split(".")[-2:]) for n in candidates})
        raise ValueError(
            f"no linear layer's name ends in {' or '.join(map(repr, targets)) or 'nothing'}; "
            f"this {type(model).__name__} has layers that end in {', '.join(ends)}"
        )
    made = {n: LoRALinear(candidates[n], rank, alpha, dropout) for n in chosen}
    model.requires_grad_(False)
    for name, layer in made.items():
        layer.A.requires_grad_(True), layer.B.requires_grad_(True)
        _put(model, name, layer)
    return chosen


def layers(model: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    """The LoRA layers of a model by name."""
    return ((n, m) for n, m in model.named_modules() if isinstance(m, LoRALinear))


def merge(model: nn.Module) -> nn.Module:
    """Every product added to its weight, in place: plain linear layers, all of them trainable."""
    for name, layer in list(layers(model)):
        _put(model, name, layer.merged())
    return model.requires_grad_(True)


def remove(model: nn.Module) -> nn.Module:
    """Every product thrown away, in place: the model as it was before `inject`, trainable."""
    for name, layer in list(layers(model)):
        _put(model, name, layer.base)
    return model.requires_grad_(True)


def state(model: nn.Module) -> dict[str, Tensor]:
    """Copies of every A and B by name: all that one task needs to be stored."""
    found = {}
    for name, layer in layers(model):
        found[f"{name}.A"] = layer.A.detach().clone()
        found[f"{name}.B"] = layer.B.detach().clone()
    return found


@torch.no_grad()
def load(model: nn.Module, stored: dict[str, Tensor]) -> None:
    """Put what `state` gave into a model with LoRA layers of the same places and ranks.

    ValueError, and nothing changed, where a name or a shape does not fit.
    """
    mine = {f"{n}.{part}": getattr(layer, part) for n, layer in layers(model) for part in "AB"}
    if odd := sorted(mine.keys() ^ stored.keys()):
        raise ValueError(f"model and stored LoRA differ in {', '.join(odd[:4])}")
    for name, p in mine.items():
        if p.shape != stored[name].shape:
            raise ValueError(
                f"{name} is stored as {list(stored[name].shape)} and the model has "
                f"{list(p.shape)}; inject with the same rank and targets"
            )
    for name, p in mine.items():
        p.copy_(stored[name])


def _put(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put ``layer`` in the place ``name`` of the model."""
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, layer)

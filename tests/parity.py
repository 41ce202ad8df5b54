"""Comparing a function of the book with its reference: values and gradients, in two precisions."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # relative and absolute

both_precisions = pytest.mark.parametrize("dtype", list(TOLERANCE), ids=["float32", "float64"])


def close(ours: Tensor, theirs: Tensor) -> None:
    """Equal within the tolerance of their type; equal infinities and nans count as equal."""
    bound = TOLERANCE[theirs.dtype]
    torch.testing.assert_close(ours, theirs, rtol=bound, atol=bound, equal_nan=True)


def same(
    ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *inputs: Tensor, grads: bool = True
) -> None:
    """``ours(*inputs)`` equals ``theirs(*inputs)``, and so do the gradients of every input.

    The gradients are those of the output's product with fixed random numbers, so that no
    symmetry can hide a mistake.
    """
    results = []
    for function in (ours, theirs):
        leaves = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
        y = function(*leaves)
        weights = randn(*y.shape, dtype=y.dtype, seed=99)
        wanted = [x for x in leaves if x.requires_grad]
        if grads:
            gradients = torch.autograd.grad((y * weights).sum(), wanted, allow_unused=True)
        else:
            gradients = []
        results.append((y.detach(), gradients))
    (y1, g1), (y2, g2) = results
    close(y1, y2)
    for a, b in zip(g1, g2, strict=True):
        close(a, b)


def randn(*shape: int, dtype: torch.dtype, seed: int = 0, scale: float = 1.0) -> Tensor:
    """Normal numbers that depend on the seed and the shape alone."""
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * scale

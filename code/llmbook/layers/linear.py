"""x Wᵀ + b by the faster of the two matrix products that torch brings for a CPU.

torch hands a product in float32 to MKL, Intel's library. On AMD's processors MKL leaves AVX-512
unused; oneDNN, which torch brings too and which ``torch.compile`` makes use of, has it. Where
such a processor works on all 512 bits at once, oneDNN's products took half the time, and about
the same where it works through them in two halves. On Intel's own processors, and with AVX2 alone,
MKL is the faster one (`benchmarks/products.py`). oneDNN is slower to begin, so that small products
stay where they were. A recurrent network multiplies by the same weights at every step: ``packed``
puts them in oneDNN's own order once.

Dimensions: ``...`` any leading dimensions, I inputs, O outputs.
"""

from functools import cache

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

SMALLEST = 2**21  # multiplications of numbers; below, oneDNN's start costs more than it saves
REPAYS = 16  # products after which the new order of a weight has repaid what it cost

# Names that torch keeps to itself; without one of them all goes the plain way.
_onednn = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
_reorder = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_transformed = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
_watchers = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 1)


class Linear(nn.Linear):
    """``nn.Linear``, its product taken by ``linear``."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    """``F.linear``: ``x [..., I]``, ``W [O, I]``, ``b [O]`` -> ``x Wᵀ + b [..., O]``.

    Where oneDNN is taken it gives first derivatives only.
    """
    if not _is_faster(x, W):
        return F.linear(x, W, b)
    if torch.is_grad_enabled() and (x.requires_grad or W.requires_grad):
        return _Linear.apply(x, W, b)
    return _by_onednn(x, W, b)


def product(x: Tensor, W: Tensor) -> Tensor:
    """``x Wᵀ`` where nobody asks for a derivative: inside another function's own backward."""
    return _by_onednn(x, W) if W.is_mkldnn or _is_faster(x, W) else x @ W.t()


def packed(W: Tensor, times: int, x: Tensor) -> Tensor:
    """``W [O, I]`` as ``product`` and ``add_product_`` take it fastest for so many products with
    factors of the shape of ``x [N, I]``; ``W`` itself where its order would cost more."""
    if times < REPAYS or _reorder is None or not _is_faster(x, W):
        return W
    return _reorder(W.detach().contiguous(), len(x))


def sum_of_outer(g: Tensor, x: Tensor) -> Tensor:
    """``Σ_n g_n x_nᵀ [O, I]`` of ``g [N, O]`` and ``x [N, I]``: the gradient of a weight."""
    if g.shape[1] < x.shape[1]:
        return product(g.t(), x.t())
    return product(x.t(), g.t()).t()  # oneDNN copies a transposed first factor: the narrower


def add_product_(y: Tensor, x: Tensor, W: Tensor) -> Tensor:
    """``y += x Wᵀ``, in place, where nobody asks for a derivative."""
    by_onednn = W.is_mkldnn or _is_faster(x, W)
    return y.add_(_by_onednn(x, W)) if by_onednn else y.addmm_(x, W.t())


def _by_onednn(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    return _onednn(x, W, b, "none", [], "")


def _is_faster(x: Tensor, W: Tensor) -> bool:
    """Whether oneDNN may take this product, and whether it pays.

    What is compiled, transformed by torch.func, counted operation by operation or cast by
    autocast must see the operation that everybody knows.
    """
    return (
        not torch.compiler.is_compiling()  # first: an exporter would write the size down
        and x.numel() * W.shape[0] >= SMALLEST
        and x.dtype == W.dtype == torch.float32
        and x.device.type == W.device.type == "cpu"
        and _onednn is not None
        and pays_here()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not _transformed()
        and not _watchers()
    )


@cache
def pays_here() -> bool:
    """Whether this processor is one on which oneDNN is the faster: AMD's with AVX-512.

    A rule instead of a race between the two, because a race can end either way, and a run that is
    resumed must go on to the same bits.
    """
    known = getattr(torch.cpu, "get_capabilities", dict)()  # an older torch has none
    amd = known.get("sse4a", False)  # instructions that AMD alone has
    return bool(amd) and torch.backends.cpu.get_cpu_capability() == "AVX512"


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, W)
        ctx.with_bias = b is not None
        return _by_onednn(x, W, b)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """∂L/∂x = g W, ∂L/∂W = Σ g xᵀ and ∂L/∂b = Σ g, the sums over all positions."""
        x, W = ctx.saved_tensors
        g = gradient.reshape(-1, len(W))
        needs_x, needs_W, _ = ctx.needs_input_grad
        dx = product(g, W.t()).view(x.shape) if needs_x else None
        dW = sum_of_outer(g, x.reshape(-1, x.shape[-1])) if needs_W else None
        return dx, dW, g.sum(0) if ctx.with_bias else None

"""Functions whose derivative is written by hand, because torch's own takes longer on a CPU.

Each computes what its namesake in ``llmbook.ops`` computes (tests hold values and gradients to
torch's). Autograd would walk back through every small step of such a formula, reading and
writing the whole tensor each time; solved on paper, the derivative takes fewer such passes.
They give first derivatives only.

Dimensions: ``...`` any leading dimensions, C the normalised ones.
"""

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llmbook import ops


def gelu(x: Tensor) -> Tensor:
    """``ops.gelu(x, "tanh")``; torch's kernel takes about twice as long on a CPU with AVX2."""
    return _Gelu.apply(x) if _by_hand(x) else F.gelu(x, approximate="tanh")


def squared_relu(x: Tensor) -> Tensor:
    """max(0, x)² (So et al. 2021, *Primer*): cheaper than GELU, and no worse in a small GPT."""
    return _SquaredRelu.apply(x) if _by_hand(x) else F.relu(x).square()


def rms_norm(x: Tensor, eps: float | None = None) -> Tensor:
    """``ops.rms_norm`` over the last dimension without its weight; ``eps`` as in F.rms_norm."""
    if not _by_hand(x):
        return F.rms_norm(x, x.shape[-1:], eps=eps)
    return _RMSNorm.apply(x, torch.finfo(x.dtype).eps if eps is None else eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``ops.rotate`` of ``x [..., T, D]`` by ``cos, sin [T, D/2]``, which get no derivative."""
    return _Rotate.apply(x, cos, sin) if _by_hand(x) else ops.rotate(x, cos, sin)


def _by_hand(x: Tensor) -> bool:
    """Whether there is anything to gain: a derivative is asked for, in full precision, on a CPU.

    GPUs have kernels of their own, 16 bits would lose digits between the passes, what is
    compiled or exported is fused by the compiler, and torch.func must see every step.
    """
    return (
        x.requires_grad
        and torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_compiling()
        and not _transformed()
    )


# Private, for want of a public name: does torch.func.grad, vmap … look on just now?
_transformed = getattr(torch._C, "_are_functorch_transforms_active", lambda: False)


class _Gelu(torch.autograd.Function):
    """0.5 x (1 + tanh u) with u = √(2/π) (x + 0.044715 x³), written as x σ(2u).

    The two are equal because (1 + tanh u) / 2 = σ(2u), and σ costs a third of tanh.
    """

    a = torch.tensor(2 * math.sqrt(2 / math.pi), dtype=torch.float64)  # 2u = (a + b x²) x
    b = 0.044715 * 2 * math.sqrt(2 / math.pi)

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """The slope is σ(2u) + x σ(2u) (1 − σ(2u)) d(2u)/dx with d(2u)/dx = a + 3 b x². Found
        while x and σ are still in the processor's cache, it is all that has to be kept."""
        a = _Gelu.a.to(x)
        s = torch.addcmul(a, x, x, value=_Gelu.b).mul_(x).sigmoid_()
        slope = torch.addcmul(a, x, x, value=3 * _Gelu.b).mul_(x)
        torch.ops.aten.sigmoid_backward(slope, s, grad_input=slope)  # slope σ (1 − σ), in place
        ctx.save_for_backward(slope.add_(s))
        return s.mul_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return gradient * slope


class _SquaredRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        r = x.relu()
        ctx.save_for_backward(r)
        return r * r

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        (r,) = ctx.saved_tensors
        return (r * gradient).mul_(2)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, eps: float) -> Tensor:
        C = x.shape[-1]
        scale = (
            torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(C).add_(eps).rsqrt_()
        )
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        """scale · (g − y · mean(g y)): what would only make x longer changes nothing in y."""
        y, scale = ctx.saved_tensors
        along = (gradient * y).mean(-1, keepdim=True)
        return torch.addcmul(gradient, y, along, value=-1).mul_(scale), None


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _Rotate.turned(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient is turned back: the transpose of a rotation is its inverse."""
        cos, sin = ctx.saved_tensors
        return _Rotate.turned(gradient, cos, -sin), None, None

    @staticmethod
    def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(a cos − b sin, a sin + b cos) of the halves a and b, without tensors in between."""
        y = torch.empty_like(x)
        (a, b), (new_a, new_b) = x.chunk(2, dim=-1), y.chunk(2, dim=-1)
        torch.mul(a, cos, out=new_a).addcmul_(b, sin, value=-1)
        torch.mul(b, cos, out=new_b).addcmul_(a, sin)
        return y

"""Backpropagation through time, written out: RNN, LSTM and GRU over whole sequences.

Two things make these fast; the chapters *rnn* and *lstm* derive both. The input's part of each
step, W_xh x_t + b, needs no earlier step, so one large matrix product computes it for all times
before the loop. And on the way back only δ_t, the gradient of what stands inside the squashing
functions at time t, must be found step by step, last step first; the gradients of the weights
are sums over t of products with δ_t, and so one large matrix product each.

``backward`` gives first derivatives only. For derivatives between states use the plain loop,
``layers.LSTM.unroll``: tests prove both equal to each other, to torch and to finite differences.

Dimensions: B batch, T time, I input, C hidden size. Time comes first, ``[T, B, …]``, so that
what belongs to one step lies together in memory. ``hs[t]`` is h_{t−1}, so that the first is the
state before the sequence and ``hs[1:]`` are the outputs.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from llmbook.layers.linear import add_product_, linear, packed, product, sum_of_outer

# A gradient times the slope of a squashing function, by the value y that the function gave:
d_sigmoid = torch.ops.aten.sigmoid_backward  # gradient · y (1 − y)
d_tanh = torch.ops.aten.tanh_backward  # gradient · (1 − y²)


def over_time(delta: Tensor, inputs: Tensor) -> Tensor:
    """∂L/∂W = Σ_t δ_t inputs_tᵀ: the sum over time and batch as one matrix product."""
    return sum_of_outer(delta.flatten(0, 1), inputs.flatten(0, 1))


def four(gates: Tensor) -> list[tuple[Tensor, ...]]:
    """Of ``gates [T, B, 4C]``, for every t: the parts of i, f, g and o, each ``[B, C]``."""
    return list(zip(*(gate.unbind() for gate in gates.chunk(4, dim=2)), strict=True))


class RNNOverTime(torch.autograd.Function):
    """h_t = tanh(W_hh h_{t−1} + W_xh x_t + b_h) for t = 1 … T."""

    @staticmethod
    def forward(ctx, x: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
        """``x [T, B, I]``, ``h [B, C]`` -> all states ``[T, B, C]``."""
        hs = torch.cat([h[None], linear(x, W_xh, b_h)])
        W = packed(W_hh, len(x), h)
        for t in range(len(x)):
            add_product_(hs[t + 1], hs[t], W).tanh_()
        ctx.save_for_backward(x, hs, W_xh, W_hh)
        return hs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs: Tensor) -> tuple[Tensor, ...]:
        """δ_t = (∂L/∂h_t + W_hhᵀ δ_{t+1}) ⊙ (1 − h_t²)"""
        x, hs, W_xh, W_hh = ctx.saved_tensors
        delta, dh = torch.empty_like(hs[1:]), torch.zeros_like(hs[0])
        back = packed(W_hh.t(), len(x), dh)
        for t in reversed(range(len(x))):
            delta[t] = d_tanh(dhs[t] + dh, hs[t + 1])
            dh = product(delta[t], back)
        db = delta.sum((0, 1))
        return product(delta, W_xh.t()), dh, over_time(delta, x), over_time(delta, hs[:-1]), db


class LSTMOverTime(torch.autograd.Function):
    """``ops.lstm_step`` for t = 1 … T."""

    @staticmethod
    def forward(
        ctx, x: Tensor, h: Tensor, c: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``x [T, B, I]``; ``h, c [B, C]`` -> all h ``[T, B, C]``, the last c ``[B, C]``."""
        (T, B, _), C = x.shape, h.shape[1]
        hs, cs = (torch.cat([s[None], s.new_empty(T, B, C)]) for s in (h, c))
        # tanh z = 2 σ(2z) − 1, and one σ for all four gates takes half the time:
        W_x2, W_h2, b2 = (torch.cat([w[: 2 * C], 2 * w[2 * C : 3 * C], w[3 * C :]])
                          for w in (W_xh, W_hh, b))  # fmt: skip
        gates, tanh_c = linear(x, W_x2, b2), x.new_empty(T, B, C)
        W_h2 = packed(W_h2, T, h)
        for t, (i, f, s, o) in enumerate(four(gates)):
            add_product_(gates[t], hs[t], W_h2).sigmoid_()
            # c_t = f c_{t−1} + i (2s − 1)
            torch.mul(f, cs[t], out=cs[t + 1]).addcmul_(i, s, value=2).sub_(i)
            torch.tanh(cs[t + 1], out=tanh_c[t])
            torch.mul(o, tanh_c[t], out=hs[t + 1])
        gates[..., 2 * C : 3 * C].mul_(2).sub_(1)  # s is g from now on
        ctx.save_for_backward(x, hs, cs, gates, tanh_c, W_xh, W_hh)
        return hs[1:], cs[T].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs: Tensor, dc: Tensor) -> tuple[Tensor, ...]:
        """Each δ is a gradient, which only the way back tells, times a factor that is known for all
        times beforehand: δ_o = ∂L/∂h_t · tanh(c_t) o (1 − o), δ_f = ∂L/∂c_t · c_{t−1} f (1 − f)."""
        x, hs, cs, gates, tanh_c, W_xh, W_hh = ctx.saved_tensors
        (T, B, C), dh = tanh_c.shape, torch.zeros_like(hs[0])
        i, f, g, o = gates.view(T, B, 4, C).unbind(2)
        delta = torch.empty_like(gates)
        by_gate = delta.view(T, B, 4, C)
        d_sigmoid(g, i, grad_input=by_gate[:, :, 0])
        d_sigmoid(cs[:-1], f, grad_input=by_gate[:, :, 1])
        d_tanh(i, g, grad_input=by_gate[:, :, 2])
        d_sigmoid(tanh_c, o, grad_input=by_gate[:, :, 3])
        through_h, back = d_tanh(o, tanh_c), packed(W_hh.t(), T, delta[0])
        for t in reversed(range(T)):
            dh = dh + dhs[t]  # by way of the next step, and directly
            dc = torch.addcmul(dc, dh, through_h[t])
            by_gate[t, :, :3].mul_(dc[:, None])
            by_gate[t, :, 3].mul_(dh)
            dh, dc = product(delta[t], back), dc * f[t]
        db = delta.sum((0, 1))
        return product(delta, W_xh.t()), dh, dc, over_time(delta, x), over_time(delta, hs[:-1]), db


class GRUOverTime(torch.autograd.Function):
    """``ops.gru_step`` (reset after the matrix product) for t = 1 … T."""

    @staticmethod
    def forward(
        ctx, x: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor
    ) -> Tensor:
        """``x [T, B, I]``, ``h [B, C]`` -> all states ``[T, B, C]``."""
        (T, B, _), C = x.shape, h.shape[1]
        hs = torch.cat([h[None], h.new_empty(T, B, C)])
        gates, h_ns = linear(x, W_xh, b_xh), x.new_empty(T, B, C)
        W = packed(W_hh, T, h)
        for t in range(T):
            of_h = add_product_(b_hh.repeat(B, 1), hs[t], W)
            gates[t, :, : 2 * C].add_(of_h[:, : 2 * C]).sigmoid_()
            r, z, n = gates[t].chunk(3, dim=1)
            h_ns[t] = of_h[:, 2 * C :]
            n.addcmul_(r, h_ns[t]).tanh_()
            torch.lerp(n, hs[t], z, out=hs[t + 1])  # (1 − z) n + z h
        ctx.save_for_backward(x, hs, gates, h_ns, W_xh, W_hh)
        return hs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs: Tensor) -> tuple[Tensor, ...]:
        """The candidate sees x and h with different weights, so there are two δ."""
        x, hs, gates, h_ns, W_xh, W_hh = ctx.saved_tensors
        by_x, by_h, dh = torch.empty_like(gates), torch.empty_like(gates), torch.zeros_like(hs[0])
        back = packed(W_hh.t(), len(x), by_h[0])
        for t in reversed(range(len(x))):
            r, z, n = gates[t].chunk(3, dim=1)
            dh = dh + dhs[t]
            d_z = d_sigmoid(dh * (hs[t] - n), z)
            d_n = d_tanh(dh - dh * z, n)
            d_r = d_sigmoid(d_n * h_ns[t], r)
            torch.cat([d_r, d_z, d_n], dim=1, out=by_x[t])
            torch.cat([d_r, d_z, d_n * r], dim=1, out=by_h[t])
            dh = add_product_(dh * z, by_h[t], back)
        db_xh, db_hh = by_x.sum((0, 1)), by_h.sum((0, 1))
        dW_xh, dW_hh = over_time(by_x, x), over_time(by_h, hs[:-1])
        return product(by_x, W_xh.t()), dh, dW_xh, dW_hh, db_xh, db_hh

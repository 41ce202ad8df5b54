"""RNN, LSTM and GRU over whole sequences: the steps of ``llmbook.ops``, arranged for speed.

Two things make them fast, both derived in the chapters *rnn* and *lstm*. The input's part of
each step, W_xh x_t + b, needs no earlier step, so one large matrix product computes it for all
times before the loop. And the way back through time is written out by hand: one short loop for
what must be sequential, one large matrix product for the gradient of W_hh. Tests prove values
and gradients equal to the plain loops over ``ops`` and to torch.

Parameters: ``weight_ih [kC, I]``, ``weight_hh [kC, C]``, ``bias [kC]`` with k = 1, 4, 3 for
RNN, LSTM, GRU, rows in torch's gate order. torch keeps two biases and adds them; one does.
(A GRU needs the second for its candidate: ``bias_hh [C]``.)

Dimensions: B batch, T time, I input, C hidden size. Inside the loops time comes first,
``[T, B, C]``, so that one step lies together in memory.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from llmbook import ops


class RNNScan(torch.autograd.Function):
    """All states of an RNN: h_t = tanh(z_t + W_hh h_{t−1}), and backpropagation through time."""

    @staticmethod
    def forward(ctx, z: Tensor, h: Tensor, W_hh: Tensor) -> Tensor:
        """``z [T, B, C]`` (input part), ``h [B, C]``, ``W_hh [C, C]`` -> ``[T, B, C]``."""
        hs = torch.cat([h[None], torch.empty_like(z)])  # hs[t] is h_{t−1}, hs[t + 1] is h_t
        W_T = W_hh.t()
        for z_t, h_prev, h_t in zip(z, hs[:-1], hs[1:], strict=True):
            torch.addmm(z_t, h_prev, W_T, out=h_t).tanh_()
        ctx.save_for_backward(hs, W_hh)
        return hs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """δ_t = (∂L/∂h_t + W_hhᵀ δ_{t+1}) ⊙ (1 − h_t²) is the gradient of z_t."""
        hs, W_hh = ctx.saved_tensors
        slope = 1 - hs[1:] ** 2
        dz = torch.empty_like(slope)
        dh_next = torch.zeros_like(hs[0])
        for t in reversed(range(len(dz))):
            torch.mul(dhs[t] + dh_next, slope[t], out=dz[t])
            dh_next = dz[t] @ W_hh
        return dz, dh_next, sum_over_time(dz, hs[:-1])


class LSTMScan(torch.autograd.Function):
    """All hidden states and cells of an LSTM, and backpropagation through time."""

    @staticmethod
    def forward(ctx, z: Tensor, h: Tensor, c: Tensor, W_hh: Tensor) -> tuple[Tensor, Tensor]:
        """``z [T, B, 4C]`` (input part, i f g o), ``h, c [B, C]``, ``W_hh [4C, C]``.

        Gives hidden states and cells, ``[T, B, C]`` each.
        """
        T, B, C = len(z), *h.shape
        hs = torch.cat([h[None], z.new_empty(T, B, C)])  # hs[t] is h_{t−1}
        cs = torch.cat([c[None], z.new_empty(T, B, C)])
        gates, tanh_c = torch.empty_like(z), z.new_empty(T, B, C)
        W_T = W_hh.t()
        for t in range(T):
            a = torch.addmm(z[t], hs[t], W_T, out=gates[t])
            i, f, g, o = a.chunk(4, dim=1)
            a[:, : 2 * C].sigmoid_(), g.tanh_(), o.sigmoid_()
            torch.mul(f, cs[t], out=cs[t + 1]).addcmul_(i, g)
            torch.mul(o, torch.tanh(cs[t + 1], out=tanh_c[t]), out=hs[t + 1])
        ctx.save_for_backward(hs, cs, gates, tanh_c, W_hh)
        return hs[1:], cs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, dhs: Tensor, dcs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The derivatives that need no other time come first, for all times at once."""
        hs, cs, gates, tanh_c, W_hh = ctx.saved_tensors
        i, f, g, o = gates.chunk(4, dim=2)
        # ∂c_t/∂(i, f, g before their squashing), ∂h_t/∂(o before it) and ∂h_t/∂c_t
        by_c = torch.cat([g * i * (1 - i), cs[:-1] * f * (1 - f), i * (1 - g * g)], dim=2)
        by_h, h_by_c = tanh_c * o * (1 - o), o * (1 - tanh_c * tanh_c)
        dz = torch.empty_like(gates)
        dh_next, dc_next = torch.zeros_like(hs[0]), torch.zeros_like(cs[0])
        for t in reversed(range(len(dz))):
            dh = dhs[t] + dh_next
            dc = torch.addcmul(dcs[t] + dc_next, dh, h_by_c[t])
            d_ifg, d_o = dz[t].split([3 * len(dh[0]), len(dh[0])], dim=1)
            torch.mul(by_c[t], dc.repeat(1, 3), out=d_ifg)
            torch.mul(by_h[t], dh, out=d_o)
            dc_next, dh_next = dc * f[t], dz[t] @ W_hh
        return dz, dh_next, dc_next, sum_over_time(dz, hs[:-1])


def sum_over_time(dz: Tensor, hs: Tensor) -> Tensor:
    """∂L/∂W_hh = Σ_t δ_t h_{t−1}ᵀ: the sum over times and batch as one matrix product."""
    return dz.flatten(0, 1).t() @ hs.flatten(0, 1)


class Recurrent(nn.Module):
    """What the three share: parameters, the start, the input's projection."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(self.gates * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(self.gates * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(self.gates * hidden_size))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def project(self, x: Tensor) -> Tensor:
        """W_xh x_t + b of every time at once: ``x [B, T, I]`` -> ``[T, B, kC]``."""
        if x.dim() != 3 or x.shape[-1] != self.input_size:
            raise ValueError(
                f"the input has shape {list(x.shape)}; this {type(self).__name__} reads "
                f"[batch, time, {self.input_size}]"
            )
        return F.linear(x.transpose(0, 1).contiguous(), self.weight_ih, self.bias)

    def start(self, x: Tensor) -> Tensor:
        """The state before the first input: zeros ``[B, C]``."""
        return x.new_zeros(len(x), self.hidden_size)

    def step(self, x_t: Tensor, state: Any) -> Any:
        """The state after one more input ``x_t [B, I]``, by ``llmbook.ops``."""
        raise NotImplementedError

    def unroll(self, x: Tensor, state: Any = None) -> list[Any]:
        """``step`` after every input ``x [B, T, I]``: the slow loop that ``forward`` equals.

        Here every state is a node of autograd's graph, so one can ask for the gradient of a
        later state by an earlier one.
        """
        states = []
        for x_t in x.unbind(1):
            state = self.step(x_t, state)
            states.append(state)
        return states

    @classmethod
    def from_torch(cls, module: nn.RNNBase) -> "Recurrent":
        """This module with the weights of a one-layer ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``."""
        if module.num_layers != 1 or module.bidirectional:
            raise ValueError("only a module of one layer and one direction can be copied")
        new = cls(module.input_size, module.hidden_size).to(module.weight_ih_l0)
        with torch.no_grad():
            new.weight_ih.copy_(module.weight_ih_l0)
            new.weight_hh.copy_(module.weight_hh_l0)
            new.copy_biases(module.bias_ih_l0, module.bias_hh_l0)
        return new

    def copy_biases(self, bias_ih: Tensor, bias_hh: Tensor) -> None:
        self.bias.copy_(bias_ih + bias_hh)


class RNN(Recurrent):
    """A recurrent layer, batch first: h_t = tanh(W_hh h_{t−1} + W_xh x_t + b_h).

    ``forward(x [B, T, I], h [B, C] or None)`` gives ``(all h [B, T, C], the last h)``.
    """

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.start(x) if state is None else state
        hs = RNNScan.apply(self.project(x), h, self.weight_hh)
        return hs.transpose(0, 1), hs[-1] if len(hs) else h

    def step(self, x_t: Tensor, state: Tensor | None) -> Tensor:
        h = self.start(x_t) if state is None else state
        return ops.rnn_step(x_t, h, self.weight_ih, self.weight_hh, self.bias)


class LSTM(Recurrent):
    """A long short-term memory layer, batch first.

    ``forward(x [B, T, I], (h, c) or None)`` gives ``(all h [B, T, C], the last (h, c))``.
    """

    gates = 4

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        # Begin by remembering: forget gates near σ(1) = 0.73 (Gers et al. 2000; Jozefowicz
        # et al. 2015), where torch begins near σ(0) = 0.5.
        nn.init.ones_(self.bias[hidden_size : 2 * hidden_size].data)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = (self.start(x), self.start(x)) if state is None else state
        hs, cs = LSTMScan.apply(self.project(x), h, c, self.weight_hh)
        return hs.transpose(0, 1), (hs[-1], cs[-1]) if len(hs) else (h, c)

    def step(self, x_t: Tensor, state: tuple | None) -> tuple[Tensor, Tensor, ops.Gates]:
        """``(h, c, gates)``; of ``state`` only h and c are read."""
        h, c = (self.start(x_t), self.start(x_t)) if state is None else state[:2]
        W = torch.cat([self.weight_hh, self.weight_ih], dim=1)  # acts on [h, x]
        return ops.lstm_step(x_t, h, c, W, self.bias)


class GRU(Recurrent):
    """A gated recurrent layer, batch first; resets after the matrix product, as torch does.

    ``forward(x [B, T, I], h [B, C] or None)`` gives ``(all h [B, T, C], the last h)``.
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.bias_hh = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        C, h, hs = self.hidden_size, self.start(x) if state is None else state, []
        bias = torch.cat([self.bias_hh.new_zeros(2 * C), self.bias_hh])
        for x_t in self.project(x):
            h_t = F.linear(h, self.weight_hh, bias)
            r, z = torch.sigmoid(x_t[:, : 2 * C] + h_t[:, : 2 * C]).chunk(2, dim=1)
            n = torch.tanh(x_t[:, 2 * C :] + r * h_t[:, 2 * C :])
            h = n + z * (h - n)
            hs.append(h)
        return (torch.stack(hs, dim=1) if hs else x.new_zeros(len(x), 0, C)), h

    def step(self, x_t: Tensor, state: Tensor | None) -> Tensor:
        h = self.start(x_t) if state is None else state
        b_hh = torch.cat([self.bias_hh.new_zeros(2 * self.hidden_size), self.bias_hh])
        return ops.gru_step(x_t, h, self.weight_ih, self.weight_hh, self.bias, b_hh)

    def copy_biases(self, bias_ih: Tensor, bias_hh: Tensor) -> None:
        C = self.hidden_size
        self.bias.copy_(bias_ih)
        self.bias[: 2 * C] += bias_hh[: 2 * C]
        self.bias_hh.copy_(bias_hh[2 * C :])

"""RNN, LSTM and GRU layers: the steps of ``llmbook.ops`` with their parameters, over sequences.

Parameters: ``weight_ih [kC, I]``, ``weight_hh [kC, C]``, ``bias [kC]`` with k = 1, 4, 3 for
RNN, LSTM, GRU, rows in torch's gate order. torch keeps two biases and adds them; one does.
(The GRU's candidate needs a second one, ``bias_candidate [C]``, because r stands between.)

Dimensions: B batch, T time, I input, C hidden size.
"""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from llmbook import ops
from llmbook.layers.bptt import GRUOverTime, LSTMOverTime, RNNOverTime


class Recurrent(nn.Module):
    """What the three share. ``forward`` computes fast what ``unroll`` computes plainly."""

    gates: ClassVar[int] = 1

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(self.gates * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(self.gates * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(self.gates * hidden_size))
        for parameter in self.parameters():  # torch's start: uniform within ±1/√C
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def time_first(self, x: Tensor) -> Tensor:
        """``x [B, T, I]`` as ``[T, B, I]``, one step's numbers together in memory."""
        if x.dim() != 3 or x.shape[-1] != self.input_size:
            raise ValueError(
                f"the input has shape {list(x.shape)}; this {type(self).__name__} reads "
                f"[batch, time, {self.input_size}]"
            )
        return x.transpose(0, 1).contiguous()

    def zeros(self, x: Tensor) -> Tensor:
        """The state before the first of the inputs ``x [B, …]``: ``[B, C]``."""
        return x.new_zeros(len(x), self.hidden_size)

    def step(self, x_t: Tensor, state: Any) -> Any:
        """The state after one more input ``x_t [B, I]``, by ``llmbook.ops``."""
        raise NotImplementedError

    def unroll(self, x: Tensor, state: Any = None) -> list[Any]:
        """The state after every input of ``x [B, T, I]``, by the plain loop.

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
        """This layer with the weights of a one-layer ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``."""
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
    """A simple recurrent layer (Elman 1990), batch first.

    ``forward(x [B, T, I], h [B, C] or None)`` gives ``(all h [B, T, C], the last h)``.
    """

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.zeros(x) if state is None else state
        hs = RNNOverTime.apply(self.time_first(x), h, self.weight_ih, self.weight_hh, self.bias)
        return hs.transpose(0, 1), hs[-1] if len(hs) else h

    def step(self, x_t: Tensor, state: Tensor | None) -> Tensor:
        h = self.zeros(x_t) if state is None else state
        return ops.rnn_step(x_t, h, self.weight_ih, self.weight_hh, self.bias)


class LSTM(Recurrent):
    """A long short-term memory layer (Hochreiter & Schmidhuber 1997), batch first.

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
        h, c = (self.zeros(x), self.zeros(x)) if state is None else state
        hs, c = LSTMOverTime.apply(
            self.time_first(x), h, c, self.weight_ih, self.weight_hh, self.bias
        )
        return hs.transpose(0, 1), (hs[-1] if len(hs) else h, c)

    def step(self, x_t: Tensor, state: tuple | None) -> tuple[Tensor, Tensor, ops.Gates]:
        """``(h, c, gates)``; of ``state`` only h and c are read."""
        h, c = (self.zeros(x_t), self.zeros(x_t)) if state is None else state[:2]
        W = torch.cat([self.weight_hh, self.weight_ih], dim=1)  # acts on [h, x]
        return ops.lstm_step(x_t, h, c, W, self.bias)


class GRU(Recurrent):
    """A gated recurrent layer (Cho et al. 2014), batch first; it resets as torch does.

    ``forward(x [B, T, I], h [B, C] or None)`` gives ``(all h [B, T, C], the last h)``.
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.bias_candidate = nn.Parameter(torch.zeros(hidden_size))

    def bias_hh(self) -> Tensor:
        """``[3C]``: the second bias, which only the candidate needs."""
        return torch.cat([self.bias_candidate.new_zeros(2 * self.hidden_size), self.bias_candidate])

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.zeros(x) if state is None else state
        weights = (self.weight_ih, self.weight_hh, self.bias, self.bias_hh())
        hs = GRUOverTime.apply(self.time_first(x), h, *weights)
        return hs.transpose(0, 1), hs[-1] if len(hs) else h

    def step(self, x_t: Tensor, state: Tensor | None) -> Tensor:
        h = self.zeros(x_t) if state is None else state
        return ops.gru_step(x_t, h, self.weight_ih, self.weight_hh, self.bias, self.bias_hh())

    def copy_biases(self, bias_ih: Tensor, bias_hh: Tensor) -> None:
        C = self.hidden_size
        self.bias.copy_(bias_ih + torch.cat([bias_hh[: 2 * C], torch.zeros_like(bias_hh[2 * C :])]))
        self.bias_candidate.copy_(bias_hh[2 * C :])

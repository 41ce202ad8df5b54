"""Language models over a recurrent layer: RNN (Mikolov et al. 2010), LSTM and GRU.

What they add over the MLP's window: a state that can carry anything from any distance.

Dimensions: B batch, T time, V vocabulary, C hidden size.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from llmbook import ops
from llmbook.layers import GRU, LSTM, RNN, Linear
from llmbook.layers.recurrent import Recurrent
from llmbook.models.base import LanguageModel


class RecurrentLM(LanguageModel):
    """Embedding, ``num_layers`` recurrent layers, and y_t = W_hy h_t + b_y as logits.

    Dropout stands after the embedding and after every layer, never between times (Zaremba et
    al. 2014). The state is a list with the state of each layer.
    """

    layer: ClassVar[type[Recurrent]]

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int | None = None,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.vocab_size, self.embedding_size = vocab_size, embedding_size or hidden_size
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.embedding = nn.Embedding(vocab_size, self.embedding_size)
        sizes = [self.embedding_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(self.layer(size, hidden_size) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.head = Linear(hidden_size, vocab_size)

    def logits(self, ids: Tensor, state: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        x = self.dropout(self.embedding(self.checked(ids)))  # [B, T, E]
        new_state = []
        for layer, old in zip(self.layers, state or [None] * self.num_layers, strict=True):
            x, new = layer(x, old)
            x = self.dropout(x)
            new_state.append(new)
        return self.head(x), new_state

    def config(self) -> dict[str, Any]:
        keys = ("vocab_size", "embedding_size", "hidden_size", "num_layers")
        return {key: getattr(self, key) for key in keys} | {"dropout": self.dropout.p}

    def unroll(self, ids: Tensor) -> tuple[Tensor, list[Any]]:
        """Logits ``[B, T, V]`` and the state after each of ``ids [B, T]``, step by step.

        Slow, but every state is a node of autograd's graph, so that one can ask how a later
        state or loss depends on an earlier one: ``torch.autograd.grad(h[9].sum(), h[2])``.
        For models of one layer. A state is h for RNN and GRU, (h, c, gates) for the LSTM.
        """
        if self.num_layers != 1:
            raise ValueError(f"unroll follows one layer; this model has {self.num_layers}")
        states = self.layers[0].unroll(self.embedding(self.checked(ids)))
        h = torch.stack([s[0] if isinstance(s, tuple) else s for s in states], dim=1)
        return self.head(h), states


class RNNLM(RecurrentLM):
    """A language model over ``layers.RNN``."""

    name, layer = "rnn", RNN


class GRULM(RecurrentLM):
    """A language model over ``layers.GRU``."""

    name, layer = "gru", GRU


class LSTMLM(RecurrentLM):
    """A language model over ``layers.LSTM``."""

    name, layer = "lstm", LSTM

    @torch.no_grad()
    def gates(self, ids: Tensor, layer: int = 0) -> dict[str, Tensor]:
        """i, f, g, o, c and h of one layer at each of ``ids [B, T]``: ``[B, T, C]`` each."""
        x = self.embedding(self.checked(ids))
        for below in self.layers[:layer]:
            x, _ = below(x)
        steps = [(*gates, c, h) for h, c, gates in self.layers[layer].unroll(x)]
        series = [torch.stack(values, dim=1) for values in zip(*steps, strict=True)]
        return dict(zip((*ops.Gates._fields, "c", "h"), series, strict=True))

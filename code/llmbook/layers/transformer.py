"""Normalisation, the feed-forward network, and the block that stacks into a transformer.

Dimensions: B batch, T time, C channels (hidden size).
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.layers.attention import KVCache, MultiHeadAttention


class LayerNorm(nn.Module):
    """``ops.layer_norm`` with its weight and bias, by torch's fused kernel."""

    def __init__(self, hidden_size: int, bias: bool = True, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """``ops.rms_norm`` with its weight, by torch's fused kernel."""

    def __init__(self, hidden_size: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], self.weight, self.eps)


def squared_relu(x: Tensor) -> Tensor:
    """max(0, x)² (So et al. 2021, *Primer*): cheaper than GELU, and no worse in a small GPT."""
    return F.relu(x).square()


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": partial(F.gelu, approximate="tanh"),  # GPT-2's
    "gelu_exact": F.gelu,
    "relu": F.relu,
    "squared_relu": squared_relu,
}


class FeedForward(nn.Module):
    """W_out f(W_in x + b_in) + b_out at every position alone, four times as wide inside."""

    def __init__(self, hidden_size: int, activation: str = "gelu", bias: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {activation!r}; choose one of {list(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.up = nn.Linear(hidden_size, 4 * hidden_size, bias=bias)
        self.out = nn.Linear(4 * hidden_size, hidden_size, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.activation(self.up(x)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): the pre-norm block of GPT-2.

    ``cross_attention`` adds between the two a look at a ``memory``, as in the decoder of an
    encoder–decoder. ``norm`` makes a normalisation layer from the hidden size.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        dropout: float = 0.0,
        activation: str = "gelu",
        norm: Callable[[int], nn.Module] = LayerNorm,
        bias: bool = True,
        rotary: bool = False,
        qk_norm: bool = False,
        cross_attention: bool = False,
    ):
        super().__init__()
        self.norm_1, self.norm_2 = norm(hidden_size), norm(hidden_size)
        self.attention = MultiHeadAttention(hidden_size, num_heads, dropout, rotary, qk_norm, bias)
        self.feed_forward = FeedForward(hidden_size, activation, bias)
        if cross_attention:
            self.norm_cross = norm(hidden_size)
            self.cross = MultiHeadAttention(hidden_size, num_heads, dropout, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        causal: bool = False,
        cache: KVCache | None = None,
    ) -> tuple[Tensor, KVCache]:
        """``x [B, T, C]`` -> ``([B, T, C], cache)``; masks and cache as in MultiHeadAttention."""
        y, cache = self.attention(self.norm_1(x), mask=mask, causal=causal, cache=cache)
        x = x + self.dropout(y)
        if memory is not None:
            y, _ = self.cross(self.norm_cross(x), memory, mask=memory_mask)
            x = x + self.dropout(y)
        return x + self.dropout(self.feed_forward(self.norm_2(x))), cache


class PostNormBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + feed_forward(x)): the block of 2017 and of BERT.

    The norm stands on the stream itself, after each addition (Vaswani et al. 2017, section
    3.1), so no road through the block is an identity. Every position sees every other one that
    ``mask`` allows. ``norm`` makes a normalisation layer from the hidden size.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        dropout: float = 0.0,
        activation: str = "gelu",
        norm: Callable[[int], nn.Module] = LayerNorm,
    ):
        super().__init__()
        self.attention = MultiHeadAttention(hidden_size, num_heads, dropout)
        self.norm_1 = norm(hidden_size)
        self.feed_forward = FeedForward(hidden_size, activation)
        self.norm_2 = norm(hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``x [B, T, C]`` -> ``[B, T, C]``; the mask as in MultiHeadAttention."""
        y, _ = self.attention(x, mask=mask)
        x = self.norm_1(x + self.dropout(y))
        return self.norm_2(x + self.dropout(self.feed_forward(x)))

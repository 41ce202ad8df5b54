"""Normalisation, the feed-forward network, and the block that stacks into a transformer.

Dimensions: B batch, T time, C channels (hidden size).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.layers import fused
from llmbook.layers.attention import KVCache, MultiHeadAttention
from llmbook.layers.linear import Linear


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
    """``ops.rms_norm`` with its weight."""

    def __init__(self, hidden_size: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        return fused.rms_norm(x, self.eps) * self.weight


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": fused.gelu,  # GPT-2's
    "gelu_exact": F.gelu,
    "relu": F.relu,
    "squared_relu": fused.squared_relu,
}


class Dropping(nn.Module):
    """What drops a part ``dropout`` of its branches' numbers while it trains."""

    dropout: float

    def dropped(self, x: Tensor) -> Tensor:
        """``x`` with dropout; ``x`` itself where nothing is dropped, which saves the calls."""
        return F.dropout(x, self.dropout) if self.training and self.dropout else x


class FeedForward(nn.Module):
    """W_out f(W_in x + b_in) + b_out at every position alone, four times as wide inside."""

    def __init__(self, hidden_size: int, activation: str = "gelu", bias: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {activation!r}; choose one of {list(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.up = Linear(hidden_size, 4 * hidden_size, bias=bias)
        self.out = Linear(4 * hidden_size, hidden_size, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.activation(self.up(x)))


class Branches(Dropping):
    """What both kinds of block are made of: attention, a feed-forward network, a norm for each.

    ``norm`` makes a normalisation layer from the hidden size.
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
    ):
        super().__init__()
        self.norm_1, self.norm_2 = norm(hidden_size), norm(hidden_size)
        self.attention = MultiHeadAttention(hidden_size, num_heads, dropout, rotary, qk_norm, bias)
        self.feed_forward = FeedForward(hidden_size, activation, bias)
        self.dropout = dropout


class Block(Branches):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): the pre-norm block of GPT-2.

    ``cross_attention`` adds between the two a look at a ``memory``, as in the decoder of an
    encoder–decoder.
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
        super().__init__(hidden_size, num_heads, dropout, activation, norm, bias, rotary, qk_norm)
        if cross_attention:
            self.norm_cross = norm(hidden_size)
            self.cross = MultiHeadAttention(hidden_size, num_heads, dropout, bias=bias)

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
        x = x + self.dropped(y)
        if memory is not None:
            y, _ = self.cross(self.norm_cross(x), memory, mask=memory_mask)
            x = x + self.dropped(y)
        return x + self.dropped(self.feed_forward(self.norm_2(x))), cache


class PostNormBlock(Branches):
    """norm(x + attention(x)), then norm(x + feed_forward(x)): the block of 2017 and of BERT.

    The norm stands on the stream itself, after each addition (Vaswani et al. 2017, section
    3.1), so no road through the block is an identity. Every position sees every other one that
    ``mask`` allows.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``x [B, T, C]`` -> ``[B, T, C]``; the mask as in MultiHeadAttention."""
        y, _ = self.attention(x, mask=mask)
        x = self.norm_1(x + self.dropped(y))
        return self.norm_2(x + self.dropped(self.feed_forward(x)))

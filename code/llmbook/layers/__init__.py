"""Modules that hold parameters, each the fast form of an equation in ``llmbook.ops``."""

from llmbook.layers.attention import KVCache, MultiHeadAttention
from llmbook.layers.linear import Linear
from llmbook.layers.recurrent import GRU, LSTM, RNN
from llmbook.layers.transformer import (
    Block,
    Dropping,
    FeedForward,
    LayerNorm,
    PostNormBlock,
    RMSNorm,
)

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Block",
    "Dropping",
    "FeedForward",
    "KVCache",
    "LayerNorm",
    "Linear",
    "MultiHeadAttention",
    "PostNormBlock",
    "RMSNorm",
]

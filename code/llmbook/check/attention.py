"""The exercises of the chapter *Attention*."""

import math

import torch

from llmbook import ops
from llmbook.check.core import exercise, expect


@exercise(
    "attention.lookup",
    asked="my_lookup(query, keys, values, sharpness) mixes values by softmax(sharpness · scores)",
    hint="keys @ query gives one score for each key",
)
def _(lookup):
    for T, D, E in ((1, 2, 3), (4, 3, 2)):
        query, keys, values = torch.randn(D), torch.randn(T, D), torch.randn(T, E)
        for sharpness in (0.0, 1.0, 30.0):
            gives = torch.softmax(sharpness * (keys @ query), dim=0) @ values
            label = f"my_lookup with {T} keys and sharpness {sharpness:g}"
            expect(lookup, query, keys, values, sharpness, gives=gives, label=label)


@exercise(
    "attention.attention",
    asked="my_attention(q, k, v) gives softmax(q kᵀ / √D) v for any leading dimensions",
    hint="transpose the last two dimensions of k; the softmax runs over the keys, the last one",
)
def _(attention):
    for lead, Tq, Tk, D, E in (((), 1, 1, 1, 1), ((), 3, 5, 4, 2), ((2, 3), 4, 4, 8, 8)):
        q, k, v = torch.randn(*lead, Tq, D), torch.randn(*lead, Tk, D), torch.randn(*lead, Tk, E)
        label = f"my_attention for q {list(q.shape)}, k {list(k.shape)}"
        expect(attention, q, k, v, gives=ops.attention(q, k, v)[0], label=label)


@exercise(
    "attention.window",
    asked="my_window(T, width) is True where j <= i and j is among the last width positions",
    hint="compare a column of row numbers i with a row of column numbers j",
)
def _(window):
    for T, width in ((1, 1), (4, 1), (5, 2), (6, 3), (3, 9)):
        rows = [[0 <= i - j < width for j in range(T)] for i in range(T)]
        label = f"my_window({T}, {width})"
        expect(window, T, width, gives=torch.tensor(rows), label=label)


@exercise(
    "attention.heads",
    asked="my_heads(x, H) cuts [B, T, C] into [B, H, T, C / H] along the channels",
    hint="first view C as H times D, then bring H before T",
)
def _(heads):
    for B, T, C, H in ((1, 1, 4, 2), (2, 3, 12, 4), (1, 5, 6, 1)):
        x = torch.arange(B * T * C, dtype=torch.float32).reshape(B, T, C)
        gives = torch.stack(x.chunk(H, dim=-1), dim=1)
        expect(heads, x, H, gives=gives, label=f"my_heads for x {list(x.shape)} and {H} heads")


@exercise(
    "attention.sharpness",
    asked="my_sharpness(n, share) gives the score at which one key of n gets that share",
    hint="write the share as e^s / (e^s + n − 1) and solve for s",
)
def _(sharpness):
    for n, share in ((2, 0.5), (4, 0.9), (1000, 0.99), (10**6, 0.5)):
        gives = math.log(n - 1) + math.log(share / (1 - share))
        expect(sharpness, n, share, gives=gives, rtol=1e-6, atol=1e-9)


@exercise(
    "attention.gradient",
    asked="my_gradient(weights, values, g) gives ∂L/∂scores of one query",
    hint="the softmax's Jacobian is diag(w) − w wᵀ",
)
def _(gradient):
    for T, E in ((1, 2), (3, 1), (6, 4)):
        scores = torch.randn(T, requires_grad=True)
        values, g = torch.randn(T, E), torch.randn(E)
        weights = torch.softmax(scores, dim=0)
        (gives,) = torch.autograd.grad((weights @ values) @ g, scores)
        label = f"my_gradient with {T} keys"
        expect(gradient, weights.detach(), values, g, gives=gives, label=label)

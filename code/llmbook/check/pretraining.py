"""The exercises of the chapter *Pre-training*."""

import math

import torch

from llmbook import ops
from llmbook.check.core import exercise, expect, require, same


@exercise(
    "pretraining.adamw",
    asked="my_adamw(p, g, m, v, t, lr, beta_1, beta_2, eps, decay) gives the new (p, m, v)",
    hint="the two averages first, then divide each by 1 - βᵗ; the decay uses the old weight",
)
def _(adamw):
    for shape, t in (((), 1), ((3,), 1), ((2, 4), 2), ((5,), 1000)):
        p, g, m = (torch.randn(shape) for _ in range(3))
        v = torch.rand(shape)
        if t == 1:
            m, v = torch.zeros(shape), torch.zeros(shape)
        for lr, decay in ((0.1, 0.0), (0.01, 0.5)):
            gives = ops.adamw_step(p, g, m, v, t, lr, (0.8, 0.9), 1e-8, decay)
            label = f"my_adamw at step {t} on the shape {shape}, decay {decay}"
            expect(adamw, p, g, m, v, t, lr, 0.8, 0.9, 1e-8, decay, gives=gives, label=label)


@exercise(
    "pretraining.schedule",
    asked="my_rate(step, steps, warmup, peak, final) rises on a line to peak, then falls on half "
    "a cosine to final",
    hint="the first update has peak / warmup; after the warm-up the way runs from 0 to 1",
)
def _(rate):
    for steps, warmup, final in ((100, 10, 0.0), (100, 0, 1e-4), (7, 3, 1e-3)):
        for step in range(steps):
            if step < warmup:
                gives = 3e-3 * (step + 1) / warmup
            else:
                way = (step - warmup) / (steps - warmup)
                gives = final + (3e-3 - final) * (1 + math.cos(math.pi * way)) / 2
            expect(rate, step, steps, warmup, 3e-3, final, gives=gives, rtol=1e-6, atol=1e-9)


@exercise(
    "pretraining.accumulate",
    asked="my_accumulate(gradients, tokens) gives the gradient of the mean loss over all tokens",
    hint="each gradient is that of a mean over its own tokens: weight it by their number",
)
def _(accumulate):
    for tokens in ([5], [4, 4], [1, 3, 100]):
        gradients = [torch.randn(2, 3) for _ in tokens]
        gives = sum(g * n for g, n in zip(gradients, tokens, strict=True)) / sum(tokens)
        expect(
            accumulate, gradients, tokens, gives=gives, label=f"my_accumulate of {tokens} tokens"
        )


@exercise(
    "pretraining.bits",
    asked="my_bits(nats, tokens, text) turns a mean loss a token into bits per byte of UTF-8",
    hint="all nats together, divided by ln 2 and by len(text.encode())",
)
def _(bits):
    for nats, tokens, text in ((1.0, 4, "four"), (3.2, 2, "hello, world"), (2.0, 3, "深度学习")):
        gives = nats * tokens / math.log(2) / len(text.encode())
        expect(bits, nats, tokens, text, gives=gives, rtol=1e-6)


@exercise(
    "pretraining.orthogonalise",
    asked="my_orthogonalise(G) keeps G's singular vectors and makes all singular values 1",
    hint="with G = U S Vᵀ it is U Vᵀ; torch.linalg.svd(G, full_matrices=False) gives U, S, Vᵀ",
)
def _(orthogonalise):
    for shape in ((2, 2), (3, 5), (6, 2)):
        G = torch.randn(shape, dtype=torch.float64)
        U, _, Vh = torch.linalg.svd(G, full_matrices=False)
        label = f"my_orthogonalise of a matrix of shape {shape}"
        expect(orthogonalise, G, gives=U @ Vh, rtol=1e-3, atol=1e-3, label=label)


@exercise(
    "pretraining.order",
    asked="my_starts(step, seed, batch, places) gives `batch` window starts below `places`, a pure "
    "function of its arguments",
    hint="make a new generator from (seed, step) in every call; draw from no shared state",
)
def _(starts):
    first = [starts(step, 0, 8, 1000) for step in range(20)]
    for step in (3, 19, 0, 7):
        torch.rand(5)  # someone else draws in between
        again, what = starts(step, 0, 8, 1000), f"the batch of step {step}, asked for again,"
        same(torch.as_tensor(again), torch.as_tensor(first[step]), what)
    drawn = [int(x) for batch in first for x in batch]
    require(len(first[0]) == 8, f"{len(first[0])} starts, expected 8")
    require(min(drawn) >= 0 and max(drawn) < 1000, f"starts from {min(drawn)} to {max(drawn)}")
    require(len(set(drawn)) > 100, f"only {len(set(drawn))} different starts in 160")
    other = [int(x) for step in range(20) for x in starts(step, 1, 8, 1000)]
    require(other != drawn, "the same starts for another seed")

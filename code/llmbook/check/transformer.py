"""The exercises of the chapter *The Transformer*."""

import math

import torch
from torch.nn import functional as F

from llmbook.check.core import exercise, expect


@exercise(
    "transformer.norm",
    asked="my_norm(x, w, b) brings the last dimension to mean 0 and variance 1, then scales it",
    hint="the variance divides by C, not by C − 1, and epsilon stands under the root",
)
def _(norm):
    for shape in ((3,), (2, 4), (2, 3, 8)):
        x, w, b = torch.randn(shape), torch.randn(shape[-1]), torch.randn(shape[-1])
        gives = F.layer_norm(x, shape[-1:], w, b)
        expect(norm, x, w, b, gives=gives, label=f"my_norm for x {list(shape)}")
    x = torch.full((4,), 5.0)  # no variance at all: epsilon keeps it finite
    expect(norm, x, torch.ones(4), torch.zeros(4), gives=torch.zeros(4))


@exercise(
    "transformer.rotate",
    asked="my_rotate(x, position, theta) turns x by the angle position · theta",
    hint="the new first number is x₀ cos − x₁ sin, the second x₀ sin + x₁ cos",
)
def _(rotate):
    for position, theta in ((0, 1.0), (1, math.pi / 2), (3, 0.5), (7, 0.01)):
        a = position * theta
        for x in (torch.tensor([1.0, 0.0]), torch.tensor([0.5, -2.0])):
            turned = [
                x[0] * math.cos(a) - x[1] * math.sin(a),
                x[0] * math.sin(a) + x[1] * math.cos(a),
            ]
            expect(rotate, x, position, theta, gives=torch.tensor(turned))


@exercise(
    "transformer.count",
    asked="my_count(V, C, L, T) counts a GPT's parameters with learned positions and tied head",
    hint="the formula of the chapter, and one more vector for each position",
)
def _(count):
    from llmbook.models import GPT, GPTConfig

    for V, C, L, T in ((10, 8, 1, 4), (82, 64, 2, 128), (300, 32, 5, 7)):
        config = GPTConfig(V, context=T, hidden_size=C, num_layers=L, positions="learned")
        expect(count, V, C, L, T, gives=GPT(config).num_params())


@exercise(
    "transformer.postnorm",
    asked="my_block adds each branch to the stream first and then norms the stream",
    hint="norm_1 is called on the sum, not on the branch's input",
)
def _(block):
    for seed in range(3):
        source = torch.Generator().manual_seed(seed)
        A, B = torch.randn(6, 6, generator=source), torch.randn(6, 6, generator=source)
        x = torch.randn(2, 6, generator=source)

        def attention(x, A=A):
            return x @ A

        def feed_forward(x, B=B):
            return torch.tanh(x @ B)

        def norm_1(x):
            return F.layer_norm(x, (6,))

        def norm_2(x):
            return 2 * F.layer_norm(x, (6,))

        first = norm_1(x + attention(x))
        gives = norm_2(first + feed_forward(first))
        parts = (attention, feed_forward, norm_1, norm_2)
        expect(block, x, *parts, gives=gives, label=f"my_block with random branches {seed}")


@exercise(
    "transformer.flops",
    asked="my_flops(V, C, L, T) counts the operations for one new token with T positions in reach",
    hint="each layer has 12 C² weights; the head has V C; attention adds 4 T C in each layer",
)
def _(flops):
    for V, C, L, T in ((10, 8, 1, 1), (50257, 768, 12, 1024), (65, 128, 4, 0)):
        expect(flops, V, C, L, T, gives=2 * (V * C + 12 * L * C**2) + 4 * L * T * C)

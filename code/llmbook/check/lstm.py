"""The exercises of the chapter *Long short-term memory*."""

import math

import torch

from llmbook import ops
from llmbook.check.core import exercise, expect, require, same


@exercise(
    "lstm.step",
    asked="my_step(x_t, h, c, W, b) gives (h_t, C_t) by the six equations",
    hint="[h, x] is torch.cat([h, x_t], dim=-1); the candidate has tanh, the three gates σ",
)
def _(step):
    for B, E, C in ((1, 1, 1), (3, 2, 4), (5, 4, 2)):
        W = {k: torch.randn(C, C + E) for k in "fiCo"}
        b = {k: torch.randn(C) for k in "fiCo"}
        x, h, c = torch.randn(B, E), torch.randn(B, C), torch.randn(B, C)
        stacked = torch.cat([W[k] for k in "ifCo"]), torch.cat([b[k] for k in "ifCo"])
        new_h, new_c, _ = ops.lstm_step(x, h, c, *stacked)
        label = f"my_step for a batch of {B}, {E} inputs and {C} cells"
        expect(step, x, h, c, W, b, gives=(new_h, new_c), label=label)


@exercise(
    "lstm.parameters",
    asked="my_count(I, C) gives the number of parameters of an LSTM layer with one bias a gate",
    hint="four times: a matrix from [h, x] to the cells, and a bias",
)
def _(count):
    for E, C in ((1, 1), (64, 128), (3, 7), (128, 1)):
        layer = torch.nn.LSTM(E, C)  # it keeps two biases a gate: one of them is subtracted
        expect(count, E, C, gives=sum(p.numel() for p in layer.parameters()) - 4 * C)


@exercise(
    "lstm.road",
    asked="my_road(f) gives, for each time k, the product of the forget gates after k",
    hint="walk from the last row to the first; row k is row k + 1 times f[k + 1]",
)
def _(road):
    for T, C in ((1, 2), (2, 1), (6, 3)):
        f = torch.rand(T, C)
        gives = torch.stack([f[k + 1 :].prod(dim=0) for k in range(T)])
        expect(road, f, gives=gives, label=f"my_road over {T} times")
    expect(road, torch.zeros(3, 1), gives=torch.tensor([[0.0], [0.0], [1.0]]))


@exercise(
    "lstm.halflife",
    asked="my_bias(steps) gives the forget bias with which a cell halves in that many steps",
    hint="first the gate f with f ** steps = 1/2, then the z with σ(z) = f",
)
def _(bias):
    for steps in (1, 2, 10, 1000):
        f = 0.5 ** (1 / steps)
        expect(bias, steps, gives=math.log(f / (1 - f)), rtol=1e-6, atol=1e-9)


@exercise(
    "lstm.gru",
    asked="my_gru gives the GRU step that resets before the matrix product",
    hint="the candidate sees W_hn (r ⊙ h), not r ⊙ (W_hn h); b_xn and b_hn are both added plainly",
)
def _(gru):
    for B, E, C in ((1, 1, 1), (3, 2, 4)):
        shapes = ((3 * C, E), (3 * C, C), (3 * C,), (3 * C,))
        weights = [torch.randn(*shape) for shape in shapes]
        x, h = torch.randn(B, E), torch.randn(B, C)
        gives = ops.gru_step(x, h, *weights, reset_after=False)
        expect(gru, x, h, *weights, gives=gives, label=f"my_gru for a batch of {B} and {C} cells")


@exercise(
    "lstm.counter",
    asked="my_gates(x) gives (f, i, candidate) of a cell that counts ones and forgets at a zero",
    hint="at a zero the cell must lose everything and gain nothing",
)
def _(gates):
    c = 0.0
    for place, (x, count) in enumerate(
        zip((1, 1, 1, 0, 1, 1, 0, 0), (1, 2, 3, 0, 1, 2, 0, 0), strict=True)
    ):
        f, i, candidate = (float(value) for value in gates(x))
        inside = 0 <= f <= 1 and 0 <= i <= 1 and -1 <= candidate <= 1
        require(inside, f"gates {f}, {i} and candidate {candidate} for the input {x}")
        c = f * c + i * candidate
        same(c, float(count), f"the cell after input {place + 1} of 1 1 1 0 1 1 0 0", atol=1e-3)

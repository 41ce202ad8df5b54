"""Checks of the exercises in chapters/foundations/mathematics_and_tensors."""

import torch

from llmbook.check.core import exercise, expect, expect_error, require, same


@exercise(
    "mathematics_and_tensors.broadcast_shape",
    asked="broadcast_shape(a, b) gives the shape, as a tuple, that two tensors of shapes a and b "
    "broadcast to, and raises ValueError when they do not fit",
    hint="compare the sizes from the last backwards; a missing size counts as 1, and a 1 "
    "stretches to whatever stands opposite",
)
def _(broadcast_shape):
    for a, b, gives in (
        ((2, 3), (2, 3), (2, 3)),
        ((4, 1), (1, 5), (4, 5)),
        ((8, 5, 3), (3,), (8, 5, 3)),
        ((3,), (8, 5, 3), (8, 5, 3)),
        ((7, 1, 2), (4, 2), (7, 4, 2)),
        ((), (6,), (6,)),
        ((0, 3), (1, 3), (0, 3)),
    ):
        expect(broadcast_shape, a, b, gives=gives)
    expect_error(broadcast_shape, (2, 3), (4,))
    expect_error(broadcast_shape, (2, 5), (3, 5))


@exercise(
    "mathematics_and_tensors.pairwise_cosine",
    asked="pairwise_cosine(x) gives, for x [N, C], the [N, N] table of cosines between its rows",
    hint="divide each row by its length (keepdim=True keeps the shape [N, 1]), then one matrix "
    "product gives every dot product at once",
)
def _(pairwise_cosine):
    right, back = torch.tensor([1.0, 0.0]), torch.tensor([-2.0, 0.0])
    table = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    expect(pairwise_cosine, torch.stack([right, back]), gives=table)
    for N, C in ((1, 3), (5, 2), (4, 30)):
        x = torch.randn(N, C)
        table = torch.cosine_similarity(x[:, None], x[None, :], dim=-1)
        expect(pairwise_cosine, x, gives=table, label=f"pairwise_cosine(x [{N}, {C}])")


@exercise(
    "mathematics_and_tensors.look_back",
    asked="look_back(first, given) gives p(a | b), of shape [M, N] with a law in every row, from "
    "p(a) in first [N] and p(b | a) in given [N, M]",
    hint="first[:, None] * given is the joint law; its sum over a is the marginal law of b",
)
def _(look_back):
    # An illness that 1 in 100 has, and a test that is right 9 times in 10.
    first, given = torch.tensor([0.01, 0.99]), torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    gives = torch.tensor([[0.083333, 0.916667], [0.001121, 0.998879]])
    expect(look_back, first, given, gives=gives)
    for N, M in ((1, 3), (4, 2), (3, 5)):
        joint = torch.rand(N, M) + 0.1
        joint = joint / joint.sum()
        first = joint.sum(1)
        label = f"look_back(first [{N}], given [{N}, {M}])"
        gives = (joint / joint.sum(0)).T
        expect(look_back, first, joint / first[:, None], gives=gives, label=label)


@exercise(
    "mathematics_and_tensors.numerical_gradient",
    asked="numerical_gradient(f, x, h) gives a tensor shaped like x whose entries are the central "
    "differences (f(x + h e) − f(x − h e)) / 2h, one for every entry of x",
    hint="change one entry at a time, on a copy of x (x.clone()); x.numel() and x.view(-1) reach "
    "every entry of a tensor of any shape",
)
def _(numerical_gradient):
    point = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    expect(numerical_gradient, _sum_of_squares, point, 1e-5, gives=2 * point)
    for shape in ((4,), (2, 3), (2, 1, 2)):
        x = torch.randn(shape, dtype=torch.float64)
        before = x.clone()
        came = numerical_gradient(_wave, x, 1e-5)
        what = f"numerical_gradient of a wave, x of shape {shape},"
        same(came, _wave_gradient(x), what, rtol=1e-6, atol=1e-8)
        require(torch.equal(x, before), "x itself was changed", "work on a copy of x")
    # The step must be used: of x³ at 0 the central difference is h², not the derivative 0.
    zero = torch.zeros(1, dtype=torch.float64)
    expect(numerical_gradient, _cubes, zero, 0.5, gives=torch.tensor([0.25]))


def _sum_of_squares(x):
    return (x**2).sum()


def _cubes(x):
    return (x**3).sum()


def _wave(x):
    return (torch.sin(x) * torch.arange(1, x.numel() + 1).view(x.shape)).sum()


def _wave_gradient(x):
    return torch.cos(x) * torch.arange(1, x.numel() + 1).view(x.shape)


@exercise(
    "mathematics_and_tensors.chain_by_hand",
    asked="chain_by_hand(W, x, v) gives the gradient with respect to W, shaped like W, of "
    "L = Σᵢ vᵢ tanh(zᵢ) with z = W x, without autograd",
    hint="∂L/∂zᵢ = vᵢ (1 − tanh²(zᵢ)) and ∂zᵢ/∂W[i, j] = xⱼ: the gradient is an outer product",
)
def _(chain_by_hand):
    for rows, columns in ((1, 1), (2, 3), (4, 2)):
        W, x, v = torch.randn(rows, columns), torch.randn(columns), torch.randn(rows)
        probe = W.clone().requires_grad_()
        (v * torch.tanh(probe @ x)).sum().backward()
        label = f"chain_by_hand(W [{rows}, {columns}], x [{columns}], v [{rows}])"
        expect(chain_by_hand, W, x, v, gives=probe.grad, label=label)


@exercise(
    "mathematics_and_tensors.logsumexp",
    asked="logsumexp(x) gives log Σ exp(xᵢ) over the last dimension, for numbers of any size",
    hint="subtract the largest number before exp and add it again after log",
)
def _(logsumexp):
    expect(logsumexp, torch.tensor([0.0, 0.0]), gives=torch.tensor(0.6931472))
    expect(logsumexp, torch.tensor([1000.0, 1000.0]), gives=torch.tensor(1000.6931472))
    expect(logsumexp, torch.tensor([-1000.0, -1000.0]), gives=torch.tensor(-999.3068528))
    part = torch.tensor([0.5, -float("inf")])
    expect(logsumexp, part, gives=torch.tensor(0.5))
    x = torch.randn(2, 3, 4) * 50
    expect(logsumexp, x, gives=torch.logsumexp(x, -1), label="logsumexp(x [2, 3, 4])")


@exercise(
    "mathematics_and_tensors.draw",
    asked="draw(probs, u) gives the first index at which the running sum of probs exceeds u, "
    "a number from 0 up to, not including, 1",
    hint="walk along the probabilities and take each away from u until u falls below zero, or "
    "look at torch.cumsum and torch.searchsorted",
)
def _(draw):
    law = torch.tensor([0.5, 0.25, 0.25])
    for u, index in ((0.0, 0), (0.49, 0), (0.5, 1), (0.74, 1), (0.75, 2), (0.999, 2)):
        expect(draw, law, u, gives=index)
    hint = "an outcome of probability zero must never be drawn"
    expect(draw, torch.tensor([0.0, 1.0, 0.0]), 0.0, gives=1, hint=hint)
    probs, u = torch.softmax(torch.randn(20), 0), torch.rand(4000, dtype=torch.float64)
    drawn = torch.tensor([int(draw(probs.clone(), float(x))) for x in u])
    share = torch.bincount(drawn, minlength=20) / len(u)
    # With 4,000 fixed draws the shares lie within 0.03, four standard deviations, of the law.
    require((share - probs).abs().max() < 0.03, "the shares of 4,000 draws do not follow the law")


@exercise(
    "mathematics_and_tensors.temperature_for",
    asked="temperature_for(logits, bits) gives the temperature at which softmax(logits / T) has "
    "the entropy bits, to three digits",
    hint="the entropy grows with the temperature: start from a low and a high temperature and "
    "halve the interval between them about 60 times",
)
def _(temperature_for):
    for logits, bits in (
        (torch.tensor([0.0, 1.0]), 0.5),
        (torch.tensor([3.0, 1.0, 0.0, -2.0]), 1.0),
        (torch.tensor([3.0, 1.0, 0.0, -2.0]), 1.9),
        (torch.randn(50), 4.0),
    ):
        temperature = float(temperature_for(logits.clone(), bits))
        require(temperature > 0, f"the temperature {temperature}, which is not above zero")
        p = torch.softmax(logits.double() / temperature, -1)
        entropy = -torch.special.xlogy(p, p).sum() / torch.log(torch.tensor(2.0).double())
        what = f"at the temperature {temperature:.4g} the entropy, in bits,"
        same(entropy, bits, what, rtol=1e-3, atol=1e-3)

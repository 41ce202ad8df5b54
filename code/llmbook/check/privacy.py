"""The exercises of the chapter *Privacy*."""

import math

import torch

from llmbook import dpsgd, privacy
from llmbook.check.core import exercise, expect, require, same


@exercise(
    "privacy.exposure",
    asked="my_exposure(losses, secret) gives log2 R − log2 rank, equal losses sharing their ranks",
    hint="rank 1 is the lowest loss; candidates that tie get the mean of their places",
)
def _(exposure):
    for losses, secret in (
        ([1.0, 2.0, 3.0, 4.0], 0),
        ([1.0, 2.0, 3.0, 4.0], 3),
        ([5.0, 2.0, 2.0, 9.0], 1),
        ([7.0] * 10, 4),
    ):
        x = torch.tensor(losses)
        expect(exposure, x, secret, gives=privacy.exposure(x, secret))


@exercise(
    "privacy.auc",
    asked="my_auc(members, others) gives the share of pairs in which the member scores higher",
    hint="compare every member with every other: members[:, None] against others; a tie is half",
)
def _(auc):
    for a, b in (
        ([3.0, 4.0], [1.0, 2.0]),
        ([1.0], [1.0, 1.0]),
        ([0.0, 2.0, 2.0], [1.0, 2.0]),
    ):
        a, b = torch.tensor(a), torch.tensor(b)
        expect(auc, a, b, gives=privacy.auc(a, b))
    a, b = torch.randn(20), torch.randn(30)
    expect(auc, a, b, gives=privacy.auc(a, b), label="my_auc of 20 members and 30 others")


@exercise(
    "privacy.clip",
    asked="my_clipped_sum(g, limit) scales each row of g [B, n] to at most limit, then sums them",
    hint="one norm and one factor a row; a row below the limit stays as it is",
)
def _(clip):
    for g, limit in (
        ([[3.0, 4.0], [0.3, 0.4]], 1.0),
        ([[0.0, 0.0], [10.0, 0.0]], 2.0),
        ([[1.0, 1.0]] * 4, 100.0),
    ):
        g = torch.tensor(g)
        gives = dpsgd.clipped_sum({"g": g}, limit)[0]["g"]
        expect(clip, g, limit, gives=gives, atol=1e-4)


@exercise(
    "privacy.group",
    asked="my_guess(eps, prior) gives the most that an attacker may believe after seeing the model",
    hint="multiply the odds prior / (1 − prior) by e^ε, then turn odds into a probability again",
)
def _(guess):
    for eps, prior in ((0.0, 0.3), (1.0, 0.5), (4.0, 0.01), (0.1, 0.9), (2.0, 0.0)):
        odds = math.exp(eps) * prior / (1 - prior)
        expect(guess, eps, prior, gives=odds / (1 + odds))


@exercise(
    "privacy.dedupe",
    asked="my_dedupe(notes) keeps the first of those that differ only in case, spaces and signs",
    hint="make a key of each note's letters, digits and word boundaries, and keep a set of keys",
)
def _(dedupe):
    notes = ["The code is 4071.", "the code is  4071", "the code is 4072.", "(the code, is 4071)"]
    expect(dedupe, notes, gives=["The code is 4071.", "the code is 4072."])
    expect(dedupe, [], gives=[])
    hint = "keep the boundaries of words: 'no where' and 'nowhere' are two notes"
    expect(dedupe, ["no where", "nowhere"], gives=["no where", "nowhere"], hint=hint)


@exercise(
    "privacy.noise",
    asked="my_noise(rate, steps, delta, target) gives the least noise whose ε is at most target",
    hint="ε falls as the noise grows: halve an interval until its ends are within 0.001",
)
def _(noise):
    for rate, steps, target in ((0.02, 100, 2.0), (0.05, 30, 8.0)):
        came = float(noise(rate, steps, 1e-5, target))
        require(came > 0, f"a noise of {came} for rate {rate}, {steps} steps and ε = {target}")
        reached = dpsgd.epsilon(rate=rate, noise=came, steps=steps, delta=1e-5)
        what = f"ε at your noise {came:.4f} for rate {rate} and {steps} steps"
        same(reached, target, what, rtol=0.02)

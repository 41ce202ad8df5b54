"""The exercises of the chapter *Generality*."""

import math

import torch

from llmbook import generality
from llmbook.check.core import exercise, expect, require, same
from llmbook.corpora.source import uniform


@exercise(
    "generality.parts",
    asked="my_parts(new, old, model) gives floor, price, surprise and failure of one word",
    hint="old is −inf where the old language forbids the word: then there is no price to speak of",
)
def _(parts):
    for new, old, model in (
        (0.5, 0.25, 0.125),
        (0.5, 0.0, 0.01),
        (1.0, 1.0, 1.0),
        (0.2, 0.4, 0.6),
    ):
        args = [math.log(p) if p else -math.inf for p in (new, old, model)]
        if old:
            gives = [-args[0], args[0] - args[1], 0.0, args[1] - args[2]]
        else:
            gives = [-args[0], 0.0, args[0] - args[2], 0.0]
        expect(parts, *args, gives=gives)


@exercise(
    "generality.price",
    asked="my_price(new, old) gives Σ p' ln(p'/p) of two dicts, inf where p forbids what p' has",
    hint="sum over the new law's words; words of chance 0 cost nothing",
)
def _(price):
    even = uniform("abcd")
    for new, old, gives in (
        (even, even, 0.0),
        ({"a": 1.0}, even, math.log(4)),
        ({"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1}, 0.5 * math.log(0.25 / 0.09)),
        (even, {"a": 1.0}, math.inf),
        ({"a": 1.0, "b": 0.0}, {"a": 1.0}, 0.0),
    ):
        expect(price, new, old, gives=gives)


@exercise(
    "generality.standardise",
    asked="my_standardised(rates, counts) weighs the rates of home by the counts of another text",
    hint="Σ count · rate / Σ count; a phenomenon that home lacks has the rate 0",
)
def _(standardise):
    for rates, counts, gives in (
        ({"a": 1.0, "b": 0.0}, {"a": 1, "b": 3}, 0.25),
        ({"a": 1.0, "b": 0.5}, {"b": 7}, 0.5),
        ({"a": 0.6}, {"a": 2, "new": 2}, 0.3),
    ):
        expect(standardise, rates, counts, gives=gives)


@exercise(
    "generality.cache",
    asked="my_cache(words, word, decay) gives the share of word among words, older ones fading",
    hint="the last word weighs 1, the one before it decay, then decay² …; divide by all weights",
)
def _(cache):
    for words, word, decay in (
        (["a", "b", "a"], "a", 1.0),
        (["a", "b", "a"], "a", 0.5),
        (["a", "a", "b"], "a", 0.5),
        (["a"], "b", 0.9),
        ([], "a", 0.9),
    ):
        weight = [decay ** (len(words) - 1 - i) for i in range(len(words))]
        total = sum(weight)
        gives = sum(x for x, w in zip(weight, words, strict=True) if w == word)
        expect(cache, words, word, decay, gives=gives / total if total else 0.0)


@exercise(
    "generality.share",
    asked="my_share(logprobs, cache) gives the λ (to 0.01) at which the mixed loss is least",
    hint="the loss is convex in λ: a fine grid over 0 ≤ λ < 1 cannot miss it",
)
def _(share):
    torch.manual_seed(1)
    for scale in (0.5, 1.0, 2.0):
        model = torch.rand(200, dtype=torch.float64).clamp(0.02) ** 2
        cache = (torch.rand(200, dtype=torch.float64) * scale).clamp(max=1)
        came = float(share(model.log(), cache))
        require(0 <= came < 1, f"a share of {came}; expected 0 ≤ λ < 1")
        grid = torch.arange(0, 1, 0.005, dtype=torch.float64)
        losses = [generality.mixed(model.log(), cache, float(x)).mean() for x in grid]
        best = float(grid[int(torch.stack(losses).argmin())])
        same(came, best, "λ for 200 words", rtol=0, atol=0.015)


@exercise(
    "generality.flatter",
    asked="my_flatter(law, heat) gives the law ∝ p^(1/heat): a shift for every place of a story",
    hint="raise each chance to 1/heat and divide by their sum; certain words stay certain",
)
def _(flatter):
    for law, heat in (
        ({"a": 0.9, "b": 0.1}, 2.0),
        ({"a": 1.0}, 3.0),
        (uniform("abc"), 0.5),
        ({"a": 0.5, "b": 0.25, "c": 0.25}, 1.0),
    ):
        powers = {w: p ** (1 / heat) for w, p in law.items()}
        total = sum(powers.values())
        expect(flatter, law, heat, gives={w: p / total for w, p in powers.items()})

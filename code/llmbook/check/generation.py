"""The exercises of the chapter *Text generation*."""

import json
import math

import torch

from llmbook.check.core import exercise, expect, require
from llmbook.diversity import repetition


@exercise(
    "generation.repetition",
    asked="my_repetition(tokens, n) gives the share of a text's n-grams that stood there before",
    hint="one minus different n-grams over all n-grams; a text without an n-gram repeats nothing",
)
def _(candidate):
    texts = (["a", "b"] * 4, list("abcdefg"), ["x"] * 9, ["x"], [], list("abracadabra"))
    for text in texts:
        for n in (1, 2, 3):
            expect(candidate, text, n, gives=repetition(text, n))


@exercise(
    "generation.nucleus",
    asked="my_nucleus(law, p) gives the set of the fewest words whose probabilities reach p",
    hint="take words from the likeliest down, until what you have taken reaches p",
)
def _(candidate):
    law = {"cat": 0.4, "dog": 0.3, "owl": 0.2, "frog": 0.1}
    for p, words in ((0.1, "cat"), (0.4, "cat"), (0.5, "cat dog"), (0.85, "cat dog owl")):
        expect(candidate, law, p, gives=set(words.split()))
    expect(candidate, law, 1.0, gives=set(law))
    expect(candidate, {"b": 0.01, "a": 0.99}, 0.99, gives={"a"})


@exercise(
    "generation.continuations",
    asked="my_continuations(scores, logprobs, k) gives the k best (prefix, token) pairs",
    hint="add each prefix's score to its row; a place in the flattened table is row · V + token",
)
def _(candidate):
    for n, V, k in ((1, 4, 2), (3, 5, 3), (2, 3, 6), (4, 2, 1)):
        scores, logprobs = -5 * torch.rand(n), torch.randn(n, V).log_softmax(-1)
        total = (scores[:, None] + logprobs).flatten()
        best = [divmod(place, V) for place in total.argsort(descending=True)[:k].tolist()]
        label = f"my_continuations for {n} prefixes and {V} tokens"
        expect(candidate, scores, logprobs, k, gives=best, label=label)


@exercise(
    "generation.close",
    asked="my_close(text) gives the shortest end of a JSON text that was cut",
    hint="keep a stack of open brackets; inside a string brackets are only letters",
)
def _(candidate):
    for text in ("[1", "[[2, [3", '["a', '{"k": [1', '{"k": "[', "[]", '[{"a": 1}, {"b": "}', "7"):
        rest = candidate(text)
        require(isinstance(rest, str), f"my_close({text!r}) gave {rest!r}, not a str")
        try:
            json.loads(text + rest)
        except ValueError:
            require(False, f"{text!r} + {rest!r} is no JSON")
        least = {"[1": 1, "[[2, [3": 3, '["a': 2, '{"k": [1': 2, '{"k": "[': 2, "[]": 0, "7": 0}
        require(len(rest) == least.get(text, 3), f"{rest!r} is not the shortest end of {text!r}")


@exercise(
    "generation.conditional",
    asked="my_laws(first, survives) gives the masked law of the first token, and the conditional",
    hint="masking renormalises over what may still succeed; Bayes multiplies by how often it does",
)
def _(candidate):
    cases = [([0.9, 0.1], [0.01, 1.0]), ([0.5, 0.3, 0.2], [0.0, 0.5, 0.5]), ([1.0], [0.3])]
    for first, survives in cases:
        p, s = torch.tensor(first), torch.tensor(survives)
        masked, both = p * (s > 0), p * s
        expect(candidate, p, s, gives=(masked / masked.sum(), both / both.sum()))


@exercise(
    "generation.banned",
    asked="my_banned(ids, n) gives the set of tokens that would repeat an n-gram of ids",
    hint="which tokens once followed the last n − 1 tokens? For n = 1: every token seen",
)
def _(candidate):
    for ids, n, gives in (
        ([1, 2, 3, 1, 2], 3, {3}),
        ([1, 2, 1, 3, 1], 2, {2, 3}),
        ([1, 2, 3], 2, set()),
        ([5, 6, 5], 1, {5, 6}),
        ([4], 3, set()),
        ([7, 7, 7], 3, {7}),
        ([], 2, set()),
    ):
        expect(candidate, ids, n, gives=gives)


@exercise(
    "generation.length",
    asked="my_choice(hypotheses, alpha) gives the place of the best (logprob, length) pair",
    hint="divide each log-probability by its length to the power alpha, then take the largest",
)
def _(candidate):
    pairs = [(-2.0, 1), (-5.0, 6), (-9.0, 14)]
    for alpha in (0.0, 0.5, 1.0, 2.0):
        scores = [logprob / length**alpha for logprob, length in pairs]
        expect(candidate, pairs, alpha, gives=scores.index(max(scores)))
    expect(candidate, [(-math.inf, 3), (-4.0, 2)], 1.0, gives=1)

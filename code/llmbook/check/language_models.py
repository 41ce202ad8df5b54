"""Checks of the exercises in chapters/foundations/language_models."""

import math
import random
from collections import Counter
from itertools import pairwise

import torch

from llmbook.check.core import exercise, expect, require
from llmbook.corpora import tales


@exercise(
    "language_models.text_logprob",
    asked="text_logprob(words, laws) gives the sum of ln p over the words, each under its own law, "
    "and -math.inf when a law does not hold its word",
    hint="math.log(law[word]) added up; look with law.get(word, 0.0) before you take the logarithm",
)
def _(text_logprob):
    laws = [{"a": 0.5, "b": 0.5}, {"a": 0.25, "c": 0.75}]
    expect(text_logprob, ["a", "c"], laws, gives=math.log(0.375))
    expect(text_logprob, ["a", "b"], laws, gives=-math.inf)
    expect(text_logprob, ["a"], [{"a": 0.5, "b": 0.5, "c": 0.0}], gives=math.log(0.5))
    expect(text_logprob, [], [], gives=0.0, hint="an empty product is 1, and ln 1 = 0")
    for story in tales.sample(seed=7, n=3):
        laws = [step.law for step in tales.laws(story)][:-1]
        expected = sum(logprob for logprob, _ in tales.score(story)[:-1])
        expect(text_logprob, story, laws, gives=expected, label="on a story of Tales it")
    long = ["a"] * 2000
    expect(
        text_logprob, long, [{"a": 0.5, "b": 0.5}] * 2000, gives=2000 * math.log(0.5),
        label="on a text of 2,000 words it",
        hint="a product of 2,000 probabilities is rounded to zero: add logarithms instead",
    )  # fmt: skip


@exercise(
    "language_models.corpus_perplexity",
    asked="corpus_perplexity(losses) gives exp(all surprises added up / number of all words)",
    hint="two sums over all texts, one of the surprises and one of the words; divide once",
)
def _(corpus_perplexity):
    expect(corpus_perplexity, [[math.log(8)] * 5], gives=8.0)
    expect(
        corpus_perplexity, [[1.0], [0.0, 0.0, 0.0]], gives=math.exp(0.25),
        hint="the first text is one word of four, so it has a weight of 1/4, not 1/2",
    )  # fmt: skip
    expect(corpus_perplexity, [[2.0, 1.0], [], [3.0]], gives=math.exp(2.0))
    dice = random.Random(0)
    texts = [[dice.expovariate(1) for _ in range(dice.randrange(1, 40))] for _ in range(20)]
    every = [loss for text in texts for loss in text]
    gives = math.exp(sum(every) / len(every))
    expect(corpus_perplexity, texts, gives=gives, label="on 20 texts of 1 to 39 words it")


@exercise(
    "language_models.add_k",
    asked="add_k(counts, vocabulary, k) gives {word: (count + k) / (total + k V)} for every word "
    "of the vocabulary, also for words that were not counted",
    hint="k is added once for each word of the vocabulary, so the counts now add up to "
    "total + k · len(vocabulary)",
)
def _(add_k):
    words = ["a", "b", "c", "d"]
    expect(
        add_k, {"a": 2, "b": 1}, words, 1, gives={"a": 3 / 7, "b": 2 / 7, "c": 1 / 7, "d": 1 / 7}
    )
    expect(add_k, {"a": 2, "b": 1}, words, 0.5, gives={"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.1})
    expect(add_k, {}, words, 0.1, gives=dict.fromkeys(words, 0.25))
    law = expect(add_k, {"c": 9}, words, 1e9, gives=dict.fromkeys(words, 0.25))
    require(abs(sum(law.values()) - 1) < 1e-9, "a law that does not sum to one")


@exercise(
    "language_models.continuation_shares",
    asked="continuation_shares(text) gives, for each word that follows another, the share of the "
    "different pairs of neighbours that it ends",
    hint="set(zip(text, text[1:])) holds each pair once; count how many of them end in each word",
)
def _(continuation_shares):
    text = ["the", "cat", "and", "the", "dog", "and", "the", "cat"]
    # different pairs: the cat, cat and, and the, the dog, dog and
    expect(continuation_shares, text, gives={"cat": 0.2, "and": 0.4, "the": 0.2, "dog": 0.2})
    expect(
        continuation_shares, ["san", "francisco"] * 50 + ["a", "bay"],
        gives={"francisco": 0.25, "san": 0.25, "a": 0.25, "bay": 0.25},
        label="on 'san francisco' fifty times and 'a bay' it",
        hint="a pair counts once, however often it occurs",
    )  # fmt: skip
    expect(continuation_shares, ["a", "b"], gives={"b": 1.0})
    story = tales.sample(seed=3, n=1)[0]
    pairs = set(pairwise(story))
    shares = {w: n / len(pairs) for w, n in Counter(w for _, w in pairs).items()}
    expect(continuation_shares, story, gives=shares, label="on a story of Tales it")


@exercise(
    "language_models.bits_per_character",
    asked="bits_per_character(nats_per_token, tokens, characters) gives what the whole text costs, "
    "in bits, divided by its characters",
    hint="nats per token × tokens is the cost of the text; one bit is ln 2 nats",
)
def _(bits_per_character):
    expect(bits_per_character, math.log(2), 100, 100, gives=1.0)
    expect(bits_per_character, 4.0, 250, 1000, gives=1 / math.log(2))
    expect(bits_per_character, 0.0, 10, 50, gives=0.0)
    expect(bits_per_character, 3.1, 1234, 5678, gives=3.1 * 1234 / 5678 / math.log(2))


@exercise(
    "language_models.best_split",
    asked="best_split(flops, ratio) gives (N, D) with 6 N D = flops and D = ratio · N",
    hint="put D = ratio · N into 6 N D = flops and solve for N",
)
def _(best_split):
    expect(best_split, 120.0, 20.0, gives=(1.0, 20.0))
    expect(best_split, 6e18, 1.0, gives=(1e9, 1e9))
    expect(best_split, 3.14e23, gives=(math.sqrt(3.14e23 / 120), 20 * math.sqrt(3.14e23 / 120)))
    for ratio in (1.7, 20.0, 1900.0):
        N = math.sqrt(5.76e23 / (6 * ratio))
        expect(best_split, 5.76e23, ratio, gives=(N, ratio * N))


@exercise(
    "language_models.best_mixture",
    asked="best_mixture(a, b) gives the λ in [0, 1] for which the mean of -ln(λ a + (1 - λ) b) is "
    "least, to within 0.001",
    hint="compute the mean for λ = 0, 0.001, 0.002, …, 1 and take the λ of the smallest",
)
def _(best_mixture):
    good, bad = torch.full((10,), 0.5), torch.full((10,), 0.1)
    expect(best_mixture, good, bad, gives=1.0, atol=1e-3)
    expect(best_mixture, bad, good, gives=0.0, atol=1e-3)
    # Half the words known to one model alone, a quarter to the other: dL/dλ = 0 can be solved.
    for share in (0.5, 0.3, 0.8):
        n = round(1000 * share)
        a = torch.cat([torch.full((n,), 0.9), torch.full((1000 - n,), 0.1)])
        # share · 0.8 / (0.1 + 0.8 λ) = (1 - share) · 0.8 / (0.9 - 0.8 λ)
        best = (share * 0.9 - (1 - share) * 0.1) / 0.8
        expect(
            best_mixture, a, 1 - a, gives=min(1.0, max(0.0, best)), atol=1.5e-3, rtol=0.0,
            label=f"with {share:.0%} of the words known to the first model alone it",
        )  # fmt: skip

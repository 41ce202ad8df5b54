"""The exercises of the chapter *Summarization*."""

import torch

from llmbook.check.core import exercise, expect, require
from llmbook.metrics import ngrams, rouge_n
from llmbook.models.copying import mixture
from llmbook.textrank import pagerank


@exercise(
    "summarization.rouge",
    asked="my_rouge(said, true) gives the ROUGE-1 F1 of two lists of words, from 0 to 1",
    hint="count each shared word at most as often as both have it; F1 = 2 · shared / (all words)",
)
def _(mine):
    for said, true in (
        ("anna won in oslo", "anna won in oslo"),
        ("anna won in oslo", "in lima anna won"),
        ("the the the", "the owl"),  # shared once
        ("owl", "the owl and the mouse"),
        ("a b", "c d"),
        ("", "c d"),
    ):
        a, b = said.split(), true.split()
        expect(mine, a, b, gives=rouge_n(a, b, 1).f1)


@exercise(
    "summarization.step",
    asked="my_step(p, W, d) gives one step of PageRank, [N]: (1 - d) / N + d · p P",
    hint="divide each row of W by its sum to get P; each sentence here has a link",
)
def _(mine):
    for N in (2, 3, 6):
        W = torch.rand(N, N, dtype=torch.float64) + 0.01
        p = torch.softmax(torch.randn(N, dtype=torch.float64), 0)
        for d in (0.0, 0.85, 1.0):
            gives = (1 - d) / N + d * (p @ (W / W.sum(1, keepdim=True)))
            expect(mine, p, W, d, gives=gives, label=f"my_step of {N} sentences, d = {d}")
    W = torch.rand(4, 4, dtype=torch.float64)
    rest = pagerank(W)
    expect(mine, rest, W, 0.85, gives=rest, label="my_step where PageRank has come to rest")


@exercise(
    "summarization.mixture",
    asked="my_mixture(gate, law, weights, source, size) gives the probability of each of size ids",
    hint="a word's share of copying is the sum of the weights on all its places in the source",
)
def _(mine):
    for V, source, size in ((4, [1, 2], 4), (4, [3, 5, 3, 4], 6), (2, [2, 2, 2], 5)):
        law, weights = torch.randn(V).softmax(0), torch.randn(len(source)).softmax(0)
        ids = torch.tensor(source)
        for gate in (0.0, 0.3, 1.0):
            shaped = torch.tensor([[[gate]]]), law[None, None], weights[None, None], ids[None]
            label = f"my_mixture with gate {gate} and source {source}"
            gives = mixture(*shaped, size)[0, 0]
            expect(mine, gate, law, weights, ids, size, gives=gives, label=label)


@exercise(
    "summarization.lead",
    asked="my_lead(sentences, budget) gives the first whole sentences of at most budget words",
    hint="stop before the sentence with which the words (split at blanks) would exceed the budget",
)
def _(mine):
    text = ["One two three.", "Four five.", "Six.", "Seven eight nine ten."]
    for budget, k in ((3, 1), (4, 1), (5, 2), (6, 3), (9, 3), (10, 4), (99, 4), (2, 0), (0, 0)):
        expect(mine, text, budget, gives=" ".join(text[:k]))
    expect(mine, ["One two three.", "Four."], 1, gives="")  # a later, shorter one does not move up
    expect(mine, [], 5, gives="")


@exercise(
    "summarization.numbers",
    asked="my_new_numbers(summary, report) gives the set of numbers (as texts) that are new",
    hint=r're.findall(r"\d+(?:[.,]\d+)*", text); compare whole numbers: 1 is not in 12',
)
def _(mine):
    for summary, report, gives in (
        ("5 chairs", "There were 5 chairs.", set()),
        ("6 chairs", "There were 5 chairs.", {"6"}),
        ("1 chair", "There were 12 chairs.", {"1"}),
        ("1,200 chairs and 3 beds", "1,200 chairs.", {"3"}),
        ("2.5 kilometres", "It was 2 and then 5.", {"2.5"}),
        ("Chairs.", "Nothing.", set()),
        ("7, 8, 7", "8", {"7"}),
    ):
        expect(mine, summary, report, gives=gives)


@exercise(
    "summarization.novel",
    asked="my_novel(said, source, n) gives the share of a summary's n-grams not in its source",
    hint="go through all n-grams of said, repeated ones too; without any, the share is 0",
)
def _(mine):
    text = "the owl hunts at night and the mouse sleeps"
    source = text.split()
    for said in ("the owl sleeps", "at night", "a fox", "the the owl", "owl", ""):
        words = said.split()
        for n in (1, 2, 3):
            grams = list(ngrams(words, n).elements())
            there = ngrams(source, n)
            gives = sum(g not in there for g in grams) / len(grams) if grams else 0.0
            expect(mine, words, source, n, gives=gives)


@exercise(
    "summarization.coverage",
    asked="my_coverage(weights) gives the coverage loss of each step, [T], from weights [T, S]",
    hint="coverage before step t is the sum of rows 0 to t - 1; sum the smaller of it and row t",
)
def _(mine):
    for T, S in ((1, 3), (2, 2), (5, 7)):
        weights = torch.randn(T, S).softmax(-1)
        before = weights.cumsum(0) - weights
        gives = torch.minimum(weights, before).sum(-1)
        expect(mine, weights, gives=gives, label=f"my_coverage of {T} steps over {S} words")
    twice = mine(torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    require(
        abs(float(twice[1]) - 1) < 1e-6,
        f"looking twice at one word costs {float(twice[1]):.3f} at the second step, expected 1",
    )

"""The exercises of the chapter *Question answering*."""

import random
from collections import Counter

import torch

from llmbook.check.core import exercise, expect
from llmbook.retrieval.bm25 import scores_by_hand
from llmbook.retrieval.dense import contrastive_loss
from llmbook.retrieval.fusion import reciprocal_ranks


@exercise(
    "question_answering.bm25",
    asked="my_scores(query, documents, k1, b) gives the BM25 score of each document",
    hint="loop over the query's terms; len(d) over the mean length damps, and rarity needs n_t",
)
def _(scores):
    dice = random.Random(0)
    cases = [(["a"], [["a", "b", "a"], ["b", "c"], ["c"]]), (["z"], [["a"], ["b"]])]
    for _ in range(3):
        documents = [dice.choices("abcdef", k=dice.randrange(1, 8)) for _ in range(5)]
        cases.append((dice.choices("abcdef", k=3), documents))
    for query, documents in cases:
        for k1, b in ((1.5, 0.75), (0.9, 0.0)):
            gives = scores_by_hand(query, documents, k1, b)
            expect(scores, query, documents, k1, b, gives=gives, rtol=1e-9)


@exercise(
    "question_answering.mrr",
    asked="my_mrr(tops, accepted) gives the mean reciprocal rank of lists of passages",
    hint="the rank is the place, from 1, of the first accepted passage; none listed counts 0",
)
def _(mrr):
    for tops, accepted, gives in (
        ([[4, 2]], [{4}], 1.0),
        ([[4, 2, 7], [1, 0, 9]], [{7}, {1}], (1 / 3 + 1) / 2),
        ([[4, 2, 7], [1, 0, 9]], [{2, 7}, {5}], 0.25),
        ([[3], [3], [3], [8, 3]], [{0}, {1}, {2}, {3}], 0.125),
    ):
        expect(mrr, tops, accepted, gives=gives, rtol=1e-9)


@exercise(
    "question_answering.fuse",
    asked="my_fusion(orders, k) gives passage -> Σ 1 / (k + rank) over all lists that name it",
    hint="enumerate(order, 1) numbers a list's passages from 1; add up in a dict",
)
def _(fusion):
    expect(fusion, [["a", "b"], ["b", "c"]], 1, gives={"a": 1 / 2, "b": 1 / 3 + 1 / 2, "c": 1 / 3})
    expect(fusion, [[]], 60, gives={})
    for k in (0, 60):
        orders = [torch.randperm(6).tolist() for _ in range(3)]
        lists = []
        for order in orders:  # scores that fall along the order
            lists.append(-torch.empty(6).index_copy_(0, torch.tensor(order), torch.arange(6.0)))
        gives = dict(enumerate(reciprocal_ranks(lists, k).tolist()))
        expect(fusion, orders, k, gives=gives, rtol=1e-9)


@exercise(
    "question_answering.loss",
    asked="my_loss(Q, P, scale) gives the contrastive loss of both directions",
    hint="the label of row i is i; the second direction is the same on the transposed cosines",
)
def _(loss):
    for B, C, scale in ((1, 3, 1.0), (4, 2, 20.0), (7, 5, 5.0)):
        Q, P = (torch.nn.functional.normalize(torch.randn(B, C), dim=-1) for _ in range(2))
        gives = contrastive_loss(Q, P, scale)
        expect(loss, Q, P, scale, gives=gives, label=f"my_loss for {B} pairs", rtol=1e-4, atol=1e-5)


@exercise(
    "question_answering.f1",
    asked="my_f1(given, true) gives the F1 of the words that two answers share, with their counts",
    hint="Counter(a) & Counter(b) is what they share; precision and recall divide by the lengths",
)
def _(f1):
    for given, true in (
        ("a tuple", "a tuple"),
        ("an immutable list", "an immutable sequence of items"),
        ("the the the", "the end"),
        ("no", "yes"),
        ("", "yes"),
    ):
        a, b = given.split(), true.split()
        shared = (Counter(a) & Counter(b)).total()
        expect(f1, given, true, gives=2 * shared / (len(a) + len(b)), rtol=1e-9)


@exercise(
    "question_answering.threshold",
    asked="my_threshold(fits, nothing_fits) gives the threshold with the best balanced accuracy",
    hint="try every confidence that occurs; answer where it is at least the threshold",
)
def _(threshold):
    def balanced(t, fits, nothing):
        return (
            sum(x >= t for x in fits) / len(fits) + sum(x < t for x in nothing) / len(nothing)
        ) / 2

    dice = random.Random(1)
    cases = [([0.9, 0.8], [0.1, 0.2]), ([0.5, 0.9, 0.4, 0.7], [0.6, 0.1])]
    cases.append(([0.9] * 9 + [0.2], [0.3]))  # accuracy unbalanced would answer everything
    cases.append(([dice.betavariate(4, 2) for _ in range(20)], [dice.random() for _ in range(30)]))
    for fits, nothing in cases:
        best = max(balanced(t, fits, nothing) for t in fits + nothing)
        came = threshold(list(fits), list(nothing))
        reached = balanced(float(came), fits, nothing)
        expect(lambda value: value, reached, gives=best, label=f"balanced accuracy at {came}")

"""The exercises of the chapter *Translation*."""

import torch

from llmbook.alignment import NULL
from llmbook.check.core import exercise, expect, require, same
from llmbook.corpora.parallel import make, structures
from llmbook.corpora.parallel_meaning import Clause
from llmbook.corpora.parallel_parser import gist, read
from llmbook.models.seq2seq import AdditiveScore, Memory, attend, reversed_rows


@exercise(
    "translation.attend",
    asked="my_attend(scores, mask, memory) gives [B, T, C]: means of memory under masked softmax",
    hint="fill scores with -inf where mask[:, None] is False, softmax over S, then a product",
)
def _(mine):
    for B, T, lengths in ((1, 1, [1]), (2, 3, [4, 2]), (3, 2, [5, 1, 3])):
        S = max(lengths)
        mask = torch.arange(S)[None] < torch.tensor(lengths)[:, None]
        scores, memory = torch.randn(B, T, S), torch.randn(B, S, 4)
        gives = attend(scores, Memory(memory, mask, memory[:, 0]))[0]
        label = f"my_attend for sources of {lengths} words"
        expect(mine, scores, mask, memory, gives=gives, label=label)


@exercise(
    "translation.additive",
    asked="my_score(s, m, W, U, v) gives the number v · tanh(W s + U m)",
    hint="s and m are vectors [C], W and U matrices [C, C], v a vector [C]",
)
def _(mine):
    for C in (1, 3, 8):
        module = AdditiveScore(C)
        torch.nn.init.zeros_(module.U.bias)
        s, m = torch.randn(C), torch.randn(C)
        gives = module(s[None, None], m[None, None])[0, 0, 0].detach()
        weights = [p.detach() for p in (module.W.weight, module.U.weight, module.v.weight[0])]
        expect(mine, s, m, *weights, gives=gives, label=f"my_score of vectors of {C}")


@exercise(
    "translation.em",
    asked="my_round(t, pairs) gives the new t {(source, target): probability} after one EM round",
    hint="share = t[e, f] / sum of t[e', f] over the sentence's e'; then divide counts by e's sum",
)
def _(mine):
    toy = [(["the", "dog"], ["狗"]), (["the", "big", "dog"], ["大", "狗"]), (["big"], ["大"])]
    for data in (toy[:1], toy, toy[1:]):
        t = {(e, f): 1.0 for s, z in data for e in s for f in z}
        for _ in range(2):
            gives = one_round(t, data)
            expect(mine, dict(t), data, gives=gives, label=f"my_round on {len(data)} pairs")
            t = gives


def one_round(t, data):
    """EM for IBM Model 1 without the empty word, by loops."""
    count = dict.fromkeys(t, 0.0)
    for s, z in data:
        for f in z:
            total = sum(t[e, f] for e in s)
            for e in s:
                count[e, f] += t[e, f] / total
    mass = dict.fromkeys([NULL, *(e for e, _ in t)], 0.0)
    for (e, _), c in count.items():
        mass[e] += c
    return {(e, f): c / mass[e] for (e, f), c in count.items()}


@exercise(
    "translation.reverse",
    asked="my_reverse(ids, pad) gives ids [B, S] with each row's real tokens turned round",
    hint="the padding stays at the end: place p of a row of n real tokens comes from n - 1 - p",
)
def _(mine):
    for rows in ([[5, 6, 7]], [[5, 6, 7], [8, 0, 0]], [[4, 5, 0, 0], [6, 7, 8, 9]]):
        ids = torch.tensor(rows)
        gives = reversed_rows(ids[..., None], ids != 0)[..., 0]
        expect(mine, ids, 0, gives=gives, label=f"my_reverse of {rows}")


@exercise(
    "translation.chrf",
    asked="my_f2(said, true, n) gives the F2 score of two texts' character n-grams, from 0 to 1",
    hint="clip counts as in BLEU; F2 = 5 P R / (4 P + R); 0 where nothing is shared",
)
def _(mine):
    for said, true, n, value in (
        ("他踢足球。", "他踢足球。", 2, 1.0),
        ("abab", "ab", 1, 5 * 0.5 * 1 / (4 * 0.5 + 1)),  # clipped: P = 2/4, R = 2/2
        ("ab", "abab", 1, 5 * 1 * 0.5 / (4 * 1 + 0.5)),
        ("abc", "xyz", 1, 0.0),
        ("ab", "ab", 3, 0.0),
        ("一本书", "一只书", 2, 0.0),
    ):
        expect(mine, said, true, n, gives=value)


@exercise(
    "translation.aer",
    asked="my_aer(found, gold) gives the alignment error rate of two sets of links",
    hint="1 - 2 |found ∩ gold| / (|found| + |gold|)",
)
def _(mine):
    for found, gold in (
        ({(0, 0)}, {(0, 0)}),
        ({(0, 0), (1, 1)}, {(0, 0), (2, 1)}),
        ({(0, 0)}, {(1, 0), (2, 0), (3, 0)}),
        ({(0, 1), (1, 0)}, {(0, 1)}),
    ):
        expect(mine, found, gold, gives=1 - 2 * len(found & gold) / (len(found) + len(gold)))


@exercise(
    "translation.meaning",
    asked="my_meaning() gives a Clause with all three held-out structures that reads back",
    hint="a negative question about an action with company, whose subject and object both have a "
    "relative clause; print structures(m) to see what is still missing",
)
def _(mine):
    m = mine()
    require(isinstance(m, Clause), f"{type(m).__name__}: build a Clause")
    found = structures(m)
    came = ", ".join(sorted(found)) or "none"
    require(len(found) == 3, f"{came} of the three held-out structures")
    same(read(make(m).chinese), gist(m), "the meaning that the parser reads from its Chinese")
    return " / ".join(make(m).text)

"""The exercises of the chapter *Evaluation*."""

import math
import random

import torch

from llmbook import metrics
from llmbook.check.core import exercise, expect, require
from llmbook.uncertainty import percentile_interval, reliability, resample


@exercise(
    "evaluation.perplexity",
    asked="my_perplexity(batches) gives exp of the mean loss over all scored tokens",
    hint="weigh each batch's loss by its number of tokens, and leave out batches that have none",
)
def _(perplexity):
    for batches in (
        [(2.0, 3)],
        [(3.0, 1), (1.0, 9)],
        [(0.5, 40), (math.nan, 0), (2.5, 8)],
        [(0.0, 5), (1.0, 5)],
    ):
        nats = math.fsum(loss * n for loss, n in batches if n) / sum(n for _, n in batches)
        expect(perplexity, batches, gives=math.exp(nats), rtol=1e-9)


@exercise(
    "evaluation.labels",
    asked="my_labels(ids, lengths) gives ids, not shifted, with -100 beyond each row's length",
    hint="torch.arange(T) >= lengths[:, None] is True at padding, whatever its id",
)
def _(labels):
    for lengths in ([4], [2, 5, 3], [1, 1], [3, 3]):
        T = max(lengths)
        ids = torch.full((len(lengths), T), 2)  # the end mark is also the padding
        for row, length in zip(ids, lengths, strict=True):
            row[1 : length - 1] = torch.randint(3, 9, (max(0, length - 2),))
        gives = ids.clone()
        for row, length in zip(gives, lengths, strict=True):
            row[length:] = -100
        label = f"my_labels for rows of lengths {lengths} where padding has the end mark's id"
        expect(labels, ids, torch.tensor(lengths), gives=gives, label=label)


@exercise(
    "evaluation.bits",
    asked="my_bits(ppl, tokens, text) gives the bits per byte of the text in UTF-8",
    hint="log2(ppl) bits a token, times the tokens, divided by len(text.encode('utf-8'))",
)
def _(bits):
    for ppl, tokens, text in ((8.0, 4, "an owl"), (3.5, 9, "猫头鹰在唱歌"), (120.0, 2, "é")):
        gives = tokens * math.log2(ppl) / len(text.encode("utf-8"))
        expect(bits, ppl, tokens, text, gives=gives)


@exercise(
    "evaluation.clip",
    asked="my_precision(written, references, n) gives the clipped n-gram precision",
    hint="min(count in the text, largest count in any one reference), summed, over all n-grams",
)
def _(precision):
    dice = random.Random(0)
    cases = [(["the"] * 4, [["the", "owl"], ["the", "fox", "the"]], 1), (["a"], [["a"]], 2)]
    for n in (1, 2, 3):
        texts = [dice.choices("abc", k=9) for _ in range(3)]
        cases.append((texts[0], texts[1:], n))
    for written, references, n in cases:
        gives = metrics.corpus_bleu([written], [references], max_order=n).precisions[-1]
        expect(precision, written, references, n, gives=gives)


@exercise(
    "evaluation.paired",
    asked="my_interval(a, b, chosen) gives (low, high) of the paired 95 % interval",
    hint="(a - b)[chosen].mean(dim=1) is one difference a resample; then quantiles .025 and .975",
)
def _(interval):
    for n, shift in ((20, 0.0), (50, 0.3)):
        a = torch.randn(n, dtype=torch.float64)
        b = a - shift + 0.1 * torch.randn(n, dtype=torch.float64)
        chosen = resample(n, 200, seed=n)
        gives = percentile_interval(0.0, (a - b)[chosen].mean(1))[1:3]
        label = f"my_interval for {n} questions and 200 resamples"
        expect(interval, a, b, chosen, gives=gives, label=label)


@exercise(
    "evaluation.ece",
    asked="my_ece(q, y, bins) gives the expected calibration error with equally wide bins",
    hint="(q * bins).long() is a bin's number; weigh each bin's gap by its share of predictions",
)
def _(ece):
    for n, bins in ((8, 2), (100, 10), (300, 7)):
        q = torch.rand(n, dtype=torch.float64)
        q[0] = 1.0
        y = (torch.rand(n, dtype=torch.float64) < q**2).double()
        gives = reliability(q, y, bins).ece
        expect(ece, q, y, bins, gives=gives, label=f"my_ece of {n} predictions in {bins} bins")


@exercise(
    "evaluation.leak",
    asked="my_suspects(texts, corpus) gives the places of the leaked texts, and no others",
    hint="between two changed words stand seven, so of eight runs of n words 8 - n survive: take n "
    "small, but above the 3 words that honest texts share with the corpus, and a share well below "
    "1",
)
def _(suspects):
    for seed in range(3):
        dice = random.Random(seed)
        words = [f"w{i}" for i in range(500)]
        phrases = [dice.choices(words, k=3) for _ in range(40)]

        def text(dice=dice, words=words, phrases=phrases):
            return [
                w for _ in range(12) for w in (*dice.choice(phrases), *dice.choices(words, k=2))
            ]

        texts = [text() for _ in range(12)]
        leaked = set(dice.sample(range(12), 5))
        corpus = [text() for _ in range(60)]
        for place in leaked:  # every eighth word or so is another one
            at = dice.randrange(8)
            corpus.append([dice.choice(words) if i % 8 == at else w
                           for i, w in enumerate(texts[place])])  # fmt: skip
        came = suspects([list(t) for t in texts], [list(t) for t in corpus])
        require(isinstance(came, set), f"a value of type {type(came).__name__}, not a set")
        missed, accused = leaked - came, came - leaked
        require(
            not missed and not accused,
            f"of 12 texts, 5 leaked: {len(missed)} of these missed, {len(accused)} honest accused",
        )

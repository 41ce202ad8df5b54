"""The exercises of the chapter *Sentiment: is this praise?*"""

import math
import random
from collections import Counter

from llmbook.check.core import exercise, expect, require, same
from llmbook.sentiment import NaiveBayes

_PRAISE = ["good", "good", "food", "nice", "view"]
_BLAME = ["bad", "food", "not", "good", "not", "nice"]


@exercise(
    "sentiment.bayes",
    asked="my_log_odds(words, praise, blame) gives ln P(words | praise) − ln P(words | blame)",
    hint="add 1 to every count, and the number of different words of both to every total; pass over"
    " a word that stands in neither",
)
def _(log_odds):
    for praise, blame in ((_PRAISE, _BLAME), (_BLAME, _PRAISE), (["a"], ["b", "b", "c"])):
        model = NaiveBayes(split=str.split).fit(
            [" ".join(praise), " ".join(blame)], ["praise", "blame"]
        )
        for words in (["good"], ["not", "good"], ["a", "b"], ["zebra", "food"], []):
            known = [word for word in words if word in model.vocabulary]
            gives = sum(
                model.log_likelihood(w, "praise") - model.log_likelihood(w, "blame") for w in known
            )
            label = f"my_log_odds({words}, …) with {len(praise)} words of praise"
            counts = Counter(praise), Counter(blame)
            expect(log_odds, words, *counts, gives=gives, label=label, rtol=1e-9, atol=1e-9)


@exercise(
    "sentiment.pairs",
    asked="my_weights is a dict of weights for not, good, bad, not good and not bad, so that the"
    " sum of a text's weights is above 0 for good and not bad and below 0 for bad and not good",
    hint="the pairs may be as heavy as they like; let them outweigh their words",
)
def _(weights):
    require(isinstance(weights, dict), f"a {type(weights).__name__}, expected a dict")
    names = ("not", "good", "bad", "not good", "not bad")
    require(set(weights) == set(names), f"the keys {sorted(map(str, weights))}")
    totals = {
        "good": weights["good"],
        "bad": weights["bad"],
        "not good": weights["not"] + weights["good"] + weights["not good"],
        "not bad": weights["not"] + weights["bad"] + weights["not bad"],
    }
    for text, total in totals.items():
        right = total > 0 if text in ("good", "not bad") else total < 0
        require(right, f"the sum {total:g} for the text {text!r}")


@exercise(
    "sentiment.negate",
    asked='my_negate(words) puts "not_" before each word that comes after "not" or "never", up to'
    ' the next "." or ","',
    hint="walk through the words with a flag: on after a negation, off at a sign",
)
def _(negate):
    for text, gives in (
        ("it is not good .", "it is not not_good ."),
        ("not bad , and cheap", "not not_bad , and cheap"),
        ("good . never again . good", "good . never not_again . good"),
        ("nice and clean", "nice and clean"),
        ("not a good , nor a bad day", "not not_a not_good , nor a bad day"),
        ("", ""),
    ):
        expect(negate, text.split(), gives=gives.split(), label=f"my_negate of {text!r}")


@exercise(
    "sentiment.tfidf",
    asked="my_tfidf(texts) gives for each text (a list of words) a dict from word to TF-IDF, of"
    " length 1 as a vector",
    hint="count · (ln((1 + N) / (1 + texts that hold the word)) + 1), then divide by the root of"
    " the sum of squares",
)
def _(tfidf):
    for texts in (
        [["good", "food"], ["bad", "food", "bad"]],
        [["a"], ["a", "b"], ["a", "b", "c", "c"]],
        [["one", "two"]],
    ):
        expect(tfidf, texts, gives=[_vector(text, texts) for text in texts])


def _vector(text, texts):
    N, found = len(texts), {}
    for word, count in Counter(text).items():
        holding = sum(word in other for other in texts)
        found[word] = count * (math.log((1 + N) / (1 + holding)) + 1)
    length = math.sqrt(sum(x * x for x in found.values()))
    return {word: x / length for word, x in found.items()}


@exercise(
    "sentiment.abstain",
    asked="my_abstain(probabilities, labels, share) answers only the share of texts that it is"
    " surest of, and gives the accuracy on these",
    hint="sort by max(p, 1 − p), keep the first round(share · N); the answer is p > 0.5",
)
def _(abstain):
    dice = random.Random(0)
    for n, share in ((10, 1.0), (10, 0.5), (40, 0.1), (7, 0.3)):
        p = [dice.random() for _ in range(n)]
        labels = [int(dice.random() < x) for x in p]
        surest = sorted(range(n), key=lambda i: -abs(p[i] - 0.5))[: round(share * n)]
        gives = sum((p[i] > 0.5) == labels[i] for i in surest) / len(surest)
        label = f"my_abstain of {n} texts with the share {share}"
        expect(abstain, p, labels, share, gives=gives, label=label)


@exercise(
    "sentiment.flip",
    asked="my_flip(text) gives a contrast set's partner: the two sides of ', but ' exchanged",
    hint='split once at ", but "; mind the capital at the beginning and the stop at the end',
)
def _(flip):
    for text, gives in (
        (
            "The view is dull, but the food is nice.",
            "The food is nice, but the view is dull.",
        ),
        ("It broke, but I love it.", "I love it, but it broke."),
        ("Nothing to turn here.", "Nothing to turn here."),
    ):
        came = expect(flip, text, gives=gives)
        same(flip(came), text, f"my_flip twice of {text!r}")

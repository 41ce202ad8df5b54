"""Repetition within a text and variety over many, against counting by hand and sacrebleu."""

import random

import pytest

from llmbook.diversity import distinct, repetition, self_bleu
from llmbook.metrics import sacre_bleu


def test_repetition_counts_what_stood_there_before():
    text = ["the", "cat"] * 3
    assert repetition(text, 1) == pytest.approx(4 / 6)
    assert repetition(text, 2) == pytest.approx(3 / 5)
    assert repetition(range(50), 1) == 0
    assert repetition([7] * 101, 3) == pytest.approx(98 / 99)
    assert repetition([], 2) == repetition([1], 2) == 0.0


def test_distinct_pools_all_texts():
    assert distinct([["a", "b"], ["a", "b"]], 1) == 0.5
    assert distinct([["a", "b"], ["b", "a"]], 2) == 1.0
    assert distinct([list(range(9))], 3) == 1.0
    one = ["x", "y", "x"]
    assert distinct([one], 2) == pytest.approx(1 - repetition(one, 2))
    assert distinct([["a"], ["b", "c"]], 2) == 1.0  # too short a text has no pair to count


def test_self_bleu_is_sacrebleus_mean_and_100_for_copies():
    dice = random.Random(0)
    texts = [[dice.choice("abcd") for _ in range(12)] for _ in range(5)]
    theirs = [
        sacre_bleu([" ".join(t)], [[" ".join(o) for o in texts if o is not t]], tokenize="none",
                   smooth="none")[0].score
        for t in texts
    ]  # fmt: skip
    assert self_bleu(texts) == pytest.approx(sum(theirs) / 5, rel=1e-9)
    assert self_bleu([["a", "b", "c", "d", "e"]] * 3) == pytest.approx(100)
    assert self_bleu([[1, 2, 3, 4], [5, 6, 7, 8]]) == 0


def test_what_makes_no_sense_is_named():
    with pytest.raises(ValueError, match="1 texts"):
        self_bleu([["a"]])
    with pytest.raises(ValueError, match="no text has 3"):
        distinct([["a", "b"]], 3)
    with pytest.raises(ValueError, match="n is 0"):
        repetition(["a"], 0)
    with pytest.raises(TypeError, match="list of tokens"):
        repetition("the cat", 1)

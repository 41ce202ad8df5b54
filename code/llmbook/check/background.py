"""Checks of the exercises in chapters/foundations/background."""

import math

import torch

from llmbook.check.core import exercise, expect, require, same


@exercise(
    "background.bits",
    asked="bits(ranks) gives the entropy, in bits per letter, of a list of ranks: 1 where the "
    "first guess was right, 2 where the second was, and so on",
    hint="count how often each rank occurs, divide by the length, and add up −p log2 p",
)
def _(bits):
    for ranks, gives in (
        ([1, 1, 1, 1], 0.0),
        ([1, 2, 1, 2], 1.0),
        ([1, 1, 1, 2], 0.811278),
        ([1, 2, 3, 4, 5, 6, 7, 8], 3.0),
        ([27], 0.0),
    ):
        expect(bits, ranks, gives=gives)


@exercise(
    "background.next_law",
    asked="next_law(text, context) gives a dict from each character that follows context "
    "somewhere in text to its share of all that follow, and an empty dict where none does",
    hint="look at every place where text[i - n : i] equals the context of n characters, the "
    "overlapping ones too, and count text[i]",
)
def _(next_law):
    expect(next_law, "banana", "an", gives={"a": 1.0})
    expect(next_law, "banana", "a", gives={"n": 1.0})
    expect(next_law, "the cat, the dog", "the ", gives={"c": 0.5, "d": 0.5})
    expect(next_law, "aaaa", "aa", gives={"a": 1.0}, hint="occurrences may overlap")
    expect(next_law, "abcabdabd", "ab", gives={"c": 1 / 3, "d": 2 / 3})
    expect(next_law, "abc", "", gives={"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    expect(next_law, "abc", "zz", gives={})
    expect(next_law, "春眠不觉晓", "不", gives={"觉": 1.0})


@exercise(
    "background.perceptron",
    asked="perceptron(xs, ys, passes) starts from zero weights and applies Rosenblatt's rule to "
    "the examples in order, so many times, and gives (w, b)",
    hint="predict 1 where w·x + b > 0 and 0 elsewhere; after each example add "
    "(y − prediction) x to w and (y − prediction) to b",
)
def _(perceptron):
    corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    for name, ys in (("or", [0, 1, 1, 1]), ("and", [0, 0, 0, 1]), ("not both", [1, 1, 1, 0])):
        w, b = perceptron(list(corners), list(ys), 20)
        came = [int(w[0] * x[0] + w[1] * x[1] + b > 0) for x in corners]
        same(came, ys, f"after 20 passes over {name!r} the answers to the four corners")
    w, b = perceptron([(2.0, -1.0)], [1], 1)
    same([float(w[0]), float(w[1]), float(b)], [2.0, -1.0, 1.0], "after one example w and b")
    w, b = perceptron([(2.0, -1.0)], [1], 5)
    hint = "an example that is answered rightly must change nothing"
    same(
        [float(w[0]), float(w[1]), float(b)],
        [2.0, -1.0, 1.0],
        "after five passes w and b",
        hint=hint,
    )
    w, b = perceptron([(1.0, 1.0, 1.0)], [0], 3)
    same([float(v) for v in w] + [float(b)], [0.0] * 4, "with three inputs w and b")


@exercise(
    "background.word_error_rate",
    asked="word_error_rate(said, heard) gives the fewest insertions, deletions and substitutions "
    "of words that turn heard into said, divided by the number of words said",
    hint="fill a table: the cost for the first i words said and the first j heard is the least of "
    "three neighbours' costs plus one, or the diagonal one where the words agree",
)
def _(word_error_rate):
    for said, heard, gives in (
        ("the cat sat", "the cat sat", 0.0),
        ("the cat sat", "the cat", 1 / 3),
        ("the cat sat", "the bat sat", 1 / 3),
        ("the cat sat", "so the cat sat", 1 / 3),
        ("recognize speech", "wreck a nice beach", 2.0),
        ("a b c d", "b c d e", 0.5),
        ("one two three", "", 1.0),
    ):
        expect(word_error_rate, said.split(), heard.split(), gives=gives)


@exercise(
    "background.top_k_error",
    asked="top_k_error(scores, labels, k) gives the share of rows of scores [N, classes] whose "
    "label is not among the k highest scores",
    hint="scores.topk(k).indices has the shape [N, k]; compare it with labels[:, None]",
)
def _(top_k_error):
    scores = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    labels = torch.tensor([0, 1, 2, 2])
    for k, gives in ((1, 0.5), (2, 0.25), (3, 0.0)):
        label = f"for four examples and k = {k} top_k_error"
        expect(top_k_error, scores, labels, k, gives=gives, label=label)
    scores, labels = torch.randn(500, 50), torch.randint(50, (500,))
    rank = (scores > scores.gather(1, labels[:, None])).sum(1)
    for k in (1, 5):
        gives = float((rank >= k).double().mean())
        label = f"for 500 random examples of 50 classes and k = {k} top_k_error"
        expect(top_k_error, scores, labels, k, gives=gives, label=label)


@exercise(
    "background.interval",
    asked="interval(hits, games) gives the pair (low, high) of Wilson's 95 % interval for a share "
    "of hits among games",
    hint="with p = hits / games and z = 1.96 the middle is (p + z²/2n) / (1 + z²/n), and the half "
    "width is z √(p(1 − p)/n + z²/4n²) / (1 + z²/n)",
)
def _(interval):
    for hits, games in ((73, 100), (50, 100), (0, 10), (10, 10), (4, 5), (730, 1000)):
        p, n, z = hits / games, games, 1.96
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        gives = (middle - half, middle + half)
        came = expect(interval, hits, games, gives=gives, rtol=1e-3, atol=1e-3)
        require(came[0] >= -1e-9 and came[1] <= 1 + 1e-9, "an interval that leaves 0 to 1")
    wide, narrow = interval(5, 10), interval(500, 1000)
    require(wide[1] - wide[0] > narrow[1] - narrow[0], "more games did not narrow the interval")

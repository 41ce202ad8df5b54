"""Checks of the exercises in chapters/practice/preprocessing."""

import math
import random

from llmbook.check.core import exercise, expect, require
from llmbook.corpora import tales
from llmbook.text import normalise


@exercise(
    "preprocessing.same_text",
    asked="same_text(a, b) says whether two texts are equal but for composed or decomposed "
    "spelling and for case",
    hint="normalise to NFD, use str.casefold (not lower), normalise again, then compare",
)
def _(same_text):
    for a, b, gives in (
        ("", "", True),
        ("caf\u00e9", "CAFE\u0301", True),
        ("Stra\u00dfe", "STRASSE", True),
        ("\u1e9e", "ss", True),  # the capital sharp s
        ("\u03bb\u03cc\u03b3\u03bf\u03c2", "\u039b\u038c\u0393\u039f\u03a3", True),  # a final sigma
        ("e\u0323\u0301", "e\u0301\u0323", True),  # two accents, in either order
        ("\u1e69", "s\u0307\u0323", True),
        ("\u0345", "\u03b9", True),  # folding makes a mark a letter
        ("resume", "r\u00e9sum\u00e9", False),
        ("a", "aa", False),
    ):  # fmt: skip
        expect(same_text, a, b, gives=gives)
    expect(
        same_text, "x\u00b2", "x2", gives=False,
        hint="NFKC would make them equal; NFC and NFD keep a square a square",
    )  # fmt: skip


@exercise(
    "preprocessing.thrown_away",
    asked="thrown_away(law, f) gives H(X) − H(f(X)) in bits",
    hint="first the law of f(X): for each text add its probability under the key f(text)",
)
def _(thrown_away):
    coins = {"HH": 0.25, "HT": 0.25, "TH": 0.25, "TT": 0.25}
    close = {"atol": 1e-9, "rtol": 1e-9}
    expect(thrown_away, coins, lambda s: s, gives=0.0, label="when f changes nothing it", **close)
    expect(thrown_away, coins, lambda s: s[0], gives=1.0, label="when f keeps one coin it", **close)
    expect(thrown_away, coins, lambda s: "", gives=2.0, label="when f keeps nothing it", **close)
    sorted_coins = 2.0 - 1.5
    expect(
        thrown_away, coins, lambda s: "".join(sorted(s)), gives=sorted_coins,
        label="when f forgets the order it", **close,
    )  # fmt: skip
    expect(thrown_away, {"a": 1.0, "b": 0.0}, str.upper, gives=0.0, label="with p = 0 it", **close)
    names = tales.DEFAULT.parameters.names
    law = {name: (i + 1) / 36 for i, name in enumerate(names)}
    full = -sum(p * math.log2(p) for p in law.values())
    expect(thrown_away, law, lambda s: 0, gives=full, label="on eight uneven names it", **close)


@exercise(
    "preprocessing.first_bad_byte",
    asked="first_bad_byte(raw) gives None for valid UTF-8, else (line, byte within the line) of "
    "the first wrong byte, counted from 1",
    hint="error.start of the UnicodeDecodeError is the offset; count the line ends before it",
)
def _(first_bad_byte):
    expect(first_bad_byte, b"", gives=None)
    expect(first_bad_byte, "na\u00efve \U0001f680\n".encode(), gives=None)
    expect(first_bad_byte, b"\xff", gives=(1, 1))
    expect(first_bad_byte, b"abc\xe9def", gives=(1, 4))
    expect(first_bad_byte, b"one\ntwo\n\xe9", gives=(3, 1))
    expect(first_bad_byte, b"one\nt\xc3wo\n\xe9", gives=(2, 2))
    expect(
        first_bad_byte, "\u00e9\u00e9".encode() + b"\xe9", gives=(1, 5),
        hint="count bytes, not characters: each \u00e9 before it has two",
    )  # fmt: skip


def _measure(word: str) -> int:
    """Porter's m, one state at a time (another way than the solution's)."""
    m, before = 0, None
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and before is False)
        m += before is True and not vowel
        before = vowel
    return m


@exercise(
    "preprocessing.measure",
    asked="measure(word) gives m in [C](VC)^m[V]: how often vowels are followed by consonants",
    hint="replace each letter by V or C (a y after a C is a V), then count the runs V+C+",
)
def _(measure):
    for word in (
        "tr",
        "ee",
        "tree",
        "by",
        "trouble",
        "oats",
        "ivy",
        "troubles",
        "private",
        "oaten",
    ):
        expect(measure, word, gives=_measure(word))
    expect(measure, "", gives=0)
    expect(measure, "toy", gives=1, hint="the y of toy stands after a vowel, so it is a consonant")
    expect(measure, "syzygy", gives=_measure("syzygy"))
    dice = random.Random(0)
    for _ in range(20):
        word = "".join(dice.choice("aeiybcdst") for _ in range(dice.randrange(1, 12)))
        expect(measure, word, gives=_measure(word))


@exercise(
    "preprocessing.index_terms",
    asked="index_terms(text) gives words in folded case, and overlapping pairs of each run of "
    "Chinese characters",
    hint="a pattern with two alternatives: [\\u4e00-\\u9fff]+ and [^\\W\\u4e00-\\u9fff]+",
)
def _(index_terms):
    expect(index_terms, "", gives=[])
    expect(index_terms, "Two Words, no more.", gives=["two", "words", "no", "more"])
    expect(index_terms, "语言模型", gives=["语言", "言模", "模型"])
    expect(index_terms, "GPT学习语言", gives=["gpt", "学习", "习语", "语言"])
    expect(index_terms, "我，你", gives=["我", "你"], hint="a run of one character is its own term")
    expect(index_terms, "用Python写2个模型。", gives=["用", "python", "写", "2", "个模", "模型"])
    expect(index_terms, "Stra\u00dfe", gives=["strasse"], hint="fold case with str.casefold")


@exercise(
    "preprocessing.merged",
    asked="merged(some_words, stemmer) gives stem -> sorted list of the different words that "
    "share it, for stems with at least two",
    hint="a dict from stem to a set of words; keep the sets of two or more, sorted",
)
def _(merged):
    expect(merged, [], str.lower, gives={})
    expect(merged, ["a", "a"], str.lower, gives={}, hint="one word that occurs twice is one word")
    expect(merged, ["b", "A", "a", "B", "c"], str.lower, gives={"a": ["A", "a"], "b": ["B", "b"]})
    fold = {"\u017f": "s"}
    expect(merged, ["s", "\u017f", "t"], lambda w: fold.get(w, w), gives={"s": ["s", "\u017f"]})
    groups = merged(["caf\u00e9", "cafe\u0301", "cafe"], normalise.normalise)
    require(
        groups == {"caf\u00e9": ["cafe\u0301", "caf\u00e9"]}, f"{groups} for spellings of caf\u00e9"
    )

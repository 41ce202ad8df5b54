"""Python's own English: clean, without duplicates, and split by content alone.

The texts change with every Python release, so counts are held in bands: Python 3.10 to 3.13 gave
1,107 to 1,206 paragraphs and 258 k to 273 k characters.
"""

import collections
import hashlib
import platform
import re

import pytest

from llmbook.corpora import pydocs


def test_there_is_enough_of_it():
    paragraphs = pydocs.paragraphs()
    assert 900 < len(paragraphs) < 1600
    assert 200_000 < len(pydocs.text()) < 400_000


def test_splits_partition_the_paragraphs():
    everything = pydocs.paragraphs()
    parts = {split: pydocs.paragraphs(split) for split in pydocs.SPLITS}
    assert sum(map(len, parts.values())) == len(everything)
    for split, part in parts.items():
        assert all(p.split == split for p in part)
    # 80/10/10 of about 1,100 draws: the standard deviation is 1.2 and 0.9 points, so 5 are ample.
    shares = {split: len(part) / len(everything) for split, part in parts.items()}
    assert shares == pytest.approx({"train": 0.8, "valid": 0.1, "test": 0.1}, abs=0.05)


def test_no_paragraph_stands_twice_or_in_two_splits():
    seen = collections.Counter(
        " ".join(re.findall(r"\w+", p.text.lower())) for p in pydocs.paragraphs()
    )
    assert [words for words, n in seen.items() if n > 1] == []


def test_the_source_has_duplicates_that_are_dropped():
    """Without deduplication the same block would stand in several places of the corpus."""
    paragraphs = pydocs.paragraphs()
    blocks = [("a", p.text) for p in paragraphs] + [("b", p.text) for p in paragraphs]
    assert pydocs.dedupe(blocks) == pydocs.dedupe(blocks[: len(paragraphs)])
    assert len(pydocs.dedupe(blocks)) == len(paragraphs)


def test_a_split_depends_on_the_words_alone():
    """The same sentence in the markup of any Python version has one name and one split."""
    variants = [
        "An *iterator* is created for the “result” of that iterable.",
        'An iterator is created for the "result" of that\n   iterable.',
        "An **iterator** is created for the ``result`` of that iterable.",
        "AN ITERATOR IS CREATED, FOR THE RESULT OF THAT ITERABLE",
    ]
    assert len({pydocs.key_of(v) for v in variants}) == 1
    words = "an iterator is created for the result of that iterable"
    key = hashlib.sha256(words.encode()).hexdigest()[:16]
    assert pydocs.key_of(variants[0]) == key == "668828ae34031a5a"
    assert pydocs.key_of(words + " too") != key


@pytest.mark.parametrize(
    ("key", "split"),
    [
        ("0" * 16, "train"),
        ("cccccccc" + "0" * 8, "train"),  # .79999…
        ("cccccccd" + "0" * 8, "valid"),
        ("e6666666" + "0" * 8, "valid"),  # .89999…
        ("e6666667" + "0" * 8, "test"),
        ("f" * 16, "test"),
    ],
)
def test_the_borders_of_the_splits(key, split):
    assert pydocs.split_of(key) == split


def test_it_is_prose():
    paragraphs = pydocs.paragraphs()
    for p in paragraphs:
        assert "\n" not in p.text
        assert "  " not in p.text
        assert not re.search(r"::=|>>>|[“”‘’]|====|----", p.text), p.text
        assert len(p.text) >= 60
    text = pydocs.text().lower()
    words = collections.Counter(re.findall(r"[a-z]+", text))
    # In English "the" is the most frequent word, about one in 17; here it is one in 11 to 12.
    assert words.most_common(1)[0][0] == "the"
    assert 0.05 < words["the"] / words.total() < 0.12


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("a *hashable*\n   value", "a hashable value"),
        ("**Bold** text", "Bold text"),
        ("x ** 2 and y * 3 stay", "x ** 2 and y * 3 stay"),
        ('operators ("*", "@", "**")', 'operators ("*", "@", "**")'),
        ("user-\n  defined", "user-defined"),
        ("it’s “so” — yes", 'it\'s "so" - yes'),
        ("* An item", "An item"),
        ("[2] A note [3].", "A note."),
        ('``code`` and "x[0]"', '"code" and "x[0]"'),
    ],
)
def test_cleaning(block, text):
    assert pydocs.clean(block) == text


@pytest.mark.parametrize(
    "block",
    [
        "for_stmt ::= 'for' target_list 'in' starred_list ':' suite and so on and on and on.",
        ">>> print('this is a session of the interpreter and no prose at all').",
        "+-------+-------+\n| a table of things | that is no prose at all, however long it is. |",
        "Too short.",
        "The 'for' statement of the language and its title underlined\n*************",
        "x = [0, 1] i = 0 i, x[i] = 1, 2 (y := f(x)) + [a for a in b if c] / d[e] % {1: 2}.",
    ],
)
def test_what_is_not_prose_is_left_out(block):
    assert pydocs.dedupe([("t", block)]) == []


def test_the_order_is_fixed():
    first = [p.key for p in pydocs.paragraphs()]
    pydocs._all.cache_clear()
    assert [p.key for p in pydocs.paragraphs()] == first


def test_provenance_says_where_it_comes_from():
    said = pydocs.provenance()
    assert said["licence"] == "PSF-2.0"
    assert said["python"] == platform.python_version()
    assert said["paragraphs"] == {s: len(pydocs.paragraphs(s)) for s in pydocs.SPLITS}
    assert said["characters"] == {s: len(pydocs.text(s)) for s in pydocs.SPLITS}


@pytest.mark.parametrize("split", ["dev", "", "Train", 3])
def test_an_unknown_split_is_named(split):
    with pytest.raises(ValueError, match=f"train, valid, test or None for all, got {split!r}"):
        pydocs.paragraphs(split)

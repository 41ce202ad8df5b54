"""Notes with planted secrets: all different, planted as often as they say, the same for a seed."""

import re
from collections import Counter

import pytest

from llmbook.corpora import canaries as module
from llmbook.corpora.canaries import ALPHABET, CODES, Canary, canaries, notes, plant
from llmbook.corpora.pydocs import key_of


def test_notes_are_short_sentences_in_the_alphabet_and_no_two_have_the_same_words():
    every = notes()
    assert 3_400 <= len(every) <= 6_000  # Python 3.11 holds 3,943; the chapter takes 3,400
    assert len({key_of(note) for note in every}) == len(every)
    for note in every:
        assert module.SHORTEST <= len(note) <= module.LONGEST
        assert not set(note) - set(ALPHABET)


def test_slices_do_not_overlap_and_too_many_are_refused():
    assert notes(5, 3) == notes(8)[3:]
    assert not set(notes(100)) & set(notes(100, 100))
    for count, start in ((10**6, 0), (10, 10**6), (1, -1)):
        with pytest.raises(ValueError, match="this Python holds"):
            notes(count, start)


def test_canaries_differ_and_are_none_of_the_notes():
    secrets = canaries({0: 40, 1: 30, 16: 5}, seed=3)
    assert Counter(c.times for c in secrets) == {0: 40, 1: 30, 16: 5}
    for part in ("name", "code", "text"):
        assert len({getattr(c, part) for c in secrets}) == 75
    form = re.compile(r"the code of [bdfgklmnprstvz][aeiou]\w[aeiou]\w is \d{4}\.")
    for c in secrets:
        assert form.fullmatch(c.text)
        assert not set(c.text) - set(ALPHABET)
        assert len(c.prefix) == len(secrets[0].prefix)  # so that prefixes make one batch
    assert not [note for note in notes() if form.fullmatch(note)]  # no real note looks like one


def test_a_code_keeps_its_zeros():
    assert Canary("zobik", 71, 1).text == "the code of zobik is 0071."


def test_codes_cover_the_whole_range():
    codes = [c.code for c in canaries({0: 4_000})]
    assert min(codes) < CODES // 20
    assert max(codes) > CODES - CODES // 20
    # Uniform codes: the mean of 4,000 has a standard deviation of 46; six of these are allowed.
    assert abs(sum(codes) / len(codes) - CODES / 2) < 6 * 46


def test_planting_keeps_every_text_and_repeats_each_canary():
    secrets = canaries({0: 3, 1: 3, 7: 2})
    counts = Counter(plant(notes(50), secrets, seed=1))
    assert all(counts[c.text] == c.times for c in secrets)
    assert all(counts[note] == 1 for note in notes(50))
    assert counts.total() == 50 + 3 + 14


def test_a_seed_decides_everything_and_another_seed_differs():
    groups = {1: 20}
    assert canaries(groups, 5) == canaries(groups, 5) != canaries(groups, 6)
    assert plant(notes(30), canaries(groups), 5) == plant(notes(30), canaries(groups), 5)
    assert plant(notes(30), canaries(groups), 5) != plant(notes(30), canaries(groups), 6)


@pytest.mark.parametrize("groups", [{-1: 2}, {1: -2}, {1: 6_000}])
def test_groups_that_cannot_be(groups):
    with pytest.raises(ValueError, match=r"5,000 canaries"):
        canaries(groups)

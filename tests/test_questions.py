"""The questions on pydocs: answered by its passages, not copied from them, in two fixed halves.

The texts move between Python versions, so shares are asserted and not counts.
"""

import re

import pytest

from llmbook.corpora import pydocs, questions
from llmbook.corpora import questions_more as more


@pytest.fixture(scope="module")
def texts():
    return [p.text for p in pydocs.paragraphs()]


def test_there_are_enough_and_the_first_are_the_older_ones():
    assert len(more.ALL) >= 150
    assert len(more.UNANSWERABLE) >= 40
    old = tuple(more.Asked(q.text, (q.fragment,)) for q in questions.QUESTIONS)
    assert more.ALL[: len(old)] == old


def test_no_question_stands_twice():
    folded = [" ".join(re.findall(r"\w+|=", q.text.lower())) for q in more.ALL + more.UNANSWERABLE]
    assert len(set(folded)) == len(folded)


def test_nearly_every_question_has_its_passage_and_few_have_many(texts):
    found = more.answerable(texts)
    # Of the blocks of 3.11, 89 % stand in 3.13 word for word; a fragment outlives its block.
    assert len(found) >= 0.75 * len(more.ALL)
    assert max(len(places) for _, places in found) <= 6
    for question, places in found:
        assert all(any(f in texts[i] for f in question.fragments) for i in places)


def test_a_fragment_stands_within_one_sentence():
    """The reader of the chapter is asked for the sentence that holds it."""
    for question in more.ALL:
        for fragment in question.fragments:
            assert not re.search(r"[.?!] [A-Z]", fragment) or "If condition" in fragment, fragment
            assert fragment == " ".join(fragment.split())
            assert len(fragment) >= 12


def test_questions_do_not_quote_their_passage():
    """Else a search would only find what was copied."""
    for question in more.ALL:
        ours = question.text.lower().split()
        quoted = [" ".join(ours[i : i + 5]) for i in range(len(ours) - 4)]
        theirs = " ".join(" ".join(question.fragments).lower().split())
        assert not [q for q in quoted if q in theirs], question


def test_the_halves_share_nothing_and_are_about_equal():
    for asked in (more.ALL, more.UNANSWERABLE):
        parts = [more.half(name, asked) for name in more.HALVES]
        assert sorted(parts[0] + parts[1]) == sorted(asked)
        assert not set(parts[0]) & set(parts[1])
        assert all(0.35 < len(part) / len(asked) < 0.65 for part in parts)


def test_a_half_depends_on_the_text_alone():
    # SHA-256 of "a" begins with c (even), of "b" with 3 (odd).
    assert (more.half_of("a"), more.half_of("b")) == more.HALVES
    with pytest.raises(ValueError, match="'dev'"):
        more.half("dev")


def test_unanswerable_questions_name_no_passage(texts):
    assert all(q.fragments == () for q in more.UNANSWERABLE)
    assert more.answerable(texts, more.UNANSWERABLE) == []


def test_nothing_is_answerable_without_passages():
    assert more.answerable([]) == []

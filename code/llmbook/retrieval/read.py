"""Reading: which sentence of a passage answers a question.

    >>> sentences("It is a list. Lists are mutable (e.g. they grow).")
    ['It is a list.', 'Lists are mutable (e.g. they grow).']

Chapter: applications/question_answering.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from llmbook.retrieval.bm25 import terms

_END = re.compile(r"(?<=[.?!:;])([\"')\]]*)\s+(?=[\"'(\[_]*[A-Z_])|(?<=[。？！])")
_NOT_END = re.compile(r"(?:\b(?:e\.g|i\.e|cf|etc|vs|Dr|Mr|Mrs|St|No)\.|\b[A-Z]\.|[:;])[\"')\]]*$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in its order; joined by spaces they are the text again.

    A rule, not a model: a full stop, question or exclamation mark before a capital ends a
    sentence unless a common abbreviation or an initial stands before it.
    """
    found, start = [], 0
    for end in _END.finditer(text):
        piece = text[start : end.end()].strip()
        if not _NOT_END.search(piece):
            found.append(piece)
            start = end.end()
    return [*found, rest] if (rest := text[start:].strip()) else found


def read(
    question: Sequence[str], passage: str, weight: Callable[[str], float], first: float = 0.0
) -> str:
    """The sentence of the passage that shares the most weight with the question.

    Args:
        question: the question's terms.
        weight: what a term counts, such as its rarity.
        first: what the passage's first sentence gets beforehand, in the same unit.

    Of equally good sentences the earlier is taken.
    """
    asked = set(question)
    cut = sentences(passage)

    def score(i: int) -> float:
        shared = sorted(asked & set(terms(cut[i])))
        return sum(map(weight, shared)) + (first if i == 0 else 0.0)

    return cut[max(range(len(cut)), key=score)]

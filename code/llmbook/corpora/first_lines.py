"""Real summaries: what a docstring says, and the first line that its author put above it.

    pair = first_lines("train")[0]
    pair.body, pair.first

PEP 257 asks for it: the first line of a docstring is a summary that stands alone, then comes a
blank line, then the rest. So every documented function of the standard library is a pair to learn
from, written by people and for people.

Data card
    What: pairs of a body (blanks and line ends as single spaces, cut after `WORDS` words) and the
    first line above it, of 3 to 20 words.
    How made: from `llmbook.corpora.docstrings`; splits by the hash of the docstring, as there. A
    pair whose body or first line stands in an earlier split (train, valid, test) is left out.
    Size: about 1,800 pairs; it moves with Python's version.
    Licence: PSF-2.0, as Python's.
    Known limits: few and short. Often the body does not repeat what the first line says but goes
    on from it, so that the line cannot be found from the body at all.
"""

import functools
import re
from typing import NamedTuple

from llmbook.corpora.docstrings import docstrings
from llmbook.corpora.pydocs import SPLITS, check_split

WORDS = 40


class Pair(NamedTuple):
    """A body, the line above it, and where both stand."""

    body: str
    first: str
    module: str


@functools.cache
def _all() -> dict[str, list[Pair]]:
    seen_bodies, seen_lines, parts = set(), set(), {}
    for split in SPLITS:
        parts[split] = []
        for doc in docstrings(split):
            pair = _pair(doc.text, doc.module)
            if not pair or pair.body in seen_bodies or pair.first.lower() in seen_lines:
                continue
            parts[split].append(pair)
        seen_bodies |= {pair.body for pair in parts[split]}
        seen_lines |= {pair.first.lower() for pair in parts[split]}
    return parts


def _pair(text: str, module: str) -> Pair | None:
    """The pair of a docstring, or None where it has not the form of PEP 257."""
    first, _, body = (part.strip() for part in text.partition("\n\n"))
    body = " ".join(body.split()[:WORDS])
    letters = re.findall(r"[a-z]{2,}", body)
    if "\n" in first or not 3 <= len(first.split()) <= 20 or len(letters) < 8:
        return None
    return Pair(body, first, module)


def first_lines(split: str) -> list[Pair]:
    """The pairs of "train", "valid" or "test", in the order of the modules' paths."""
    check_split(split)
    return list(_all()[split])

"""Notes with secrets planted among them, to measure what a model keeps of its training text.

    >>> notes(2)                                    # real English, a line each
    >>> secrets = canaries({0: 24, 1: 24, 16: 8})   # 24 that are never planted, 24 planted once, …
    >>> secrets[30].text, secrets[30].times
    ('the code of zobik is 4071.', 1)
    >>> text = plant(notes(3000), secrets)          # every copy at a random place

**Data card.** *What*: short notes of 20 to 56 characters, one sentence each, in lower case, over
an alphabet of 43 characters, all different; and canaries, one form of sentence with a made-up
name and a code of four digits. *How made*: the notes are sentences of the standard library's
docstrings, in an order that a hash of their words decides; names and codes are drawn from a
seed, all different, and have nothing to do with any person. *Size*: about 4,000 notes, more or
fewer with the version of Python; as many canaries as are asked for, up to 5,000. *Licence*: the
notes' words PSF-2.0, as Python's; the canaries CC BY 4.0. *Known limits*: the notes are
documentation and no private text; many are near copies of one another ("return the …"), as in
real collections; all canaries share one form, which real secrets do not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from llmbook.corpora import docstrings
from llmbook.corpora.pydocs import key_of

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 .,'-()"
SHORTEST, LONGEST = 20, 56  # characters of a note
DIGITS = "0123456789"
CODES = 10_000  # how many secrets there could be
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Canary:
    """A made-up secret: ``text`` is the prefix, the code and a full stop."""

    name: str
    code: int
    times: int  # how often it is planted

    @property
    def prefix(self) -> str:
        return f"the code of {self.name} is "

    @property
    def secret(self) -> str:
        return f"{self.code:04d}"

    @property
    def text(self) -> str:
        return f"{self.prefix}{self.secret}."


@cache
def _all_notes() -> tuple[str, ...]:
    found: dict[str, str] = {}
    allowed = set(ALPHABET)
    for doc in docstrings.docstrings():
        for paragraph in doc.text.split("\n\n"):
            line = " ".join(paragraph.split()).lower()
            for note in re.split(r"(?<=\.) ", line):
                fits = SHORTEST <= len(note) <= LONGEST and len(note.split()) >= 4
                if fits and allowed.issuperset(note):
                    found.setdefault(key_of(note), note)
    return tuple(found[key] for key in sorted(found))


def notes(count: int | None = None, start: int = 0) -> list[str]:
    """``count`` notes from number ``start`` on, all without a count; no two have the same words.

    Raises ValueError when this Python's docstrings do not hold so many.
    """
    every = _all_notes()
    stop = len(every) if count is None else start + count
    if not 0 <= start <= stop <= len(every):
        raise ValueError(
            f"notes {start} to {stop} were asked for and this Python holds {len(every)}; ask for "
            "fewer"
        )
    return list(every[start:stop])


def canaries(groups: Mapping[int, int], seed: int = 0) -> list[Canary]:
    """For each ``times: how many`` so many canaries; names and codes all differ."""
    total = sum(groups.values())
    if any(times < 0 or many < 0 for times, many in groups.items()) or total > 5_000:
        raise ValueError(f"expected counts from 0, and at most 5,000 canaries; got {dict(groups)}")
    draw = random.Random(f"canaries/{seed}")
    names: dict[str, None] = {}
    while len(names) < total:
        c, v = _CONSONANTS, _VOWELS
        names["".join(draw.choice(kind) for kind in (c, v, c, v, c))] = None
    codes = draw.sample(range(CODES), total)
    times = [t for t, many in groups.items() for _ in range(many)]
    return [Canary(*each) for each in zip(names, codes, times, strict=True)]


def plant(texts: Sequence[str], secrets: Sequence[Canary], seed: int = 0) -> list[str]:
    """The texts with every canary among them as often as it says, in a random order."""
    out = [*texts, *(c.text for c in secrets for _ in range(c.times))]
    random.Random(f"plant/{seed}").shuffle(out)
    return out

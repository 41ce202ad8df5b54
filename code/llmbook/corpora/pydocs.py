"""Real English that every Python brings along: the help texts of ``pydoc_data.topics``.

    >>> pydocs.paragraphs("train")[0].text[:60]
    >>> pydocs.text("valid")

The paragraphs are pages of the Python Language Reference and Library Reference (licence
PSF-2.0). Tables, code, grammar and headings are left out, line breaks within a paragraph become
spaces, runs of spaces one space, and curly quotes straight ones (so that the same sentence reads
the same in every version, and a character model has fewer signs to learn).

The texts move between Python versions. So a paragraph is named by a hash of its words alone
(case, punctuation and markup do not count), and the same hash decides whether it belongs to the
train, valid or test split: whichever Python runs the book, a paragraph is in the same split.
Duplicates (a fifth of all blocks stand under several topics) are dropped before that.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

SPLITS = ("train", "valid", "test")
LICENCE = "PSF-2.0"
_TRAIN, _VALID = 0.8, 0.9  # the hash's place in [0, 1): below .8 train, below .9 valid, else test
_MIN_CHARS, _MIN_WORDS = 60, 8  # shorter blocks are headings and fragments
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\xa0": " "})


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of prose.

    Attributes:
        text: the cleaned text, one line.
        topic: the help topic it was found under first (alphabetically).
        key: its name, 16 hexadecimal digits of the hash of its words.
        split: "train", "valid" or "test", decided by the key alone.
    """

    text: str
    topic: str
    key: str
    split: str


def key_of(text: str) -> str:
    """The content's name: SHA-256 of its words in lower case, the first 16 digits."""
    words = re.findall(r"\w+", text.translate(_QUOTES).lower())
    return hashlib.sha256(" ".join(words).encode("utf-8")).hexdigest()[:16]


def split_of(key: str) -> str:
    """The split that a content's name decides: 80 % train, 10 % valid, 10 % test."""
    place = int(key[:8], 16) / 16**8
    return SPLITS[0] if place < _TRAIN else SPLITS[1] if place < _VALID else SPLITS[2]


def clean(block: str) -> str:
    """One block of a help text as one line: straight quotes, single spaces, no markup."""
    text = re.sub(r"(?<=\w)-\n\s*(?=\w)", "-", block.translate(_QUOTES))  # user-⏎defined
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"``([^`]+)``|`([^`]+)`", lambda m: f'"{m[1] or m[2]}"', text)  # Python 3.14
    text = re.sub(r'(?<![\w*"])\*{1,2}([^\s*"](?:[^*"]*[^\s*"])?)\*{1,2}(?![\w*"])', r"\1", text)
    text = re.sub(r"^(?:\*|[0-9]+\.|[a-z]\.|\[[0-9]+\]) ", "", text)  # a list's or a note's mark
    return re.sub(r" \[[0-9]+\](?=[\s.,;:)]|$)", "", text)  # a reference to a footnote


def is_prose(block: str, text: str) -> bool:
    """Whether a block (and its cleaned text) is a paragraph of sentences.

    Names of code stand between quotes inside sentences; what is left beside them must be words.
    """
    beside = re.sub(r'"[^"]*"', "", text)
    if len(text) < _MIN_CHARS or len(beside.split()) < _MIN_WORDS:
        return False
    if re.search(r"::=|>>>|^\s*[+|]|={3}|-{4}|\*{4}|^\s*[$#] |\.\.\. ", block, re.MULTILINE):
        return False  # grammar, sessions, tables, underlines, comments
    letters = sum(c.isalpha() or c in " .,'" for c in beside)
    starts = text[0].isupper() or text[0] in "\"'("
    return starts and text[-1] in ".:!?)\"';" and letters > 0.92 * len(beside)


def dedupe(blocks: Iterable[tuple[str, str]]) -> list[Paragraph]:
    """The prose among (topic, block) pairs as paragraphs, each content once, in their order."""
    found: dict[str, Paragraph] = {}
    for topic, block in blocks:
        text = clean(block)
        if is_prose(block, text):
            key = key_of(text)
            found.setdefault(key, Paragraph(text, topic, key, split_of(key)))
    return list(found.values())


@functools.cache
def _all() -> tuple[Paragraph, ...]:
    from pydoc_data.topics import topics

    return tuple(
        dedupe((topic, block) for topic in sorted(topics) for block in _blocks(topics[topic]))
    )


def _blocks(text: str) -> list[str]:
    """The text's blocks: divided by blank lines, and list items one by one."""
    blocks = []
    for block in re.split(r"\n[ \t]*\n", text):
        blocks += re.split(r"\n(?=\s*(?:\*|[0-9]+\.) )", textwrap.dedent(block))
    return blocks


def check_split(split: str | None) -> None:
    """ValueError unless the split is one of the three or None (all)."""
    if split is not None and split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)} or None for all, got {split!r}")


def paragraphs(split: str | None = None) -> list[Paragraph]:
    """The paragraphs of a split (of all without one), in a fixed order."""
    check_split(split)
    return [p for p in _all() if split in (None, p.split)]


def text(split: str | None = None) -> str:
    """The paragraphs of a split as one text, a blank line between them."""
    return "\n\n".join(p.text for p in paragraphs(split)) + "\n"


def provenance() -> dict[str, object]:
    """Where the text comes from: source, licence, Python version and counts per split."""
    counts = {s: len(paragraphs(s)) for s in SPLITS}
    return {
        "source": "pydoc_data.topics (Python Language Reference and Library Reference)",
        "copyright": "Python Software Foundation",
        "licence": LICENCE,
        "python": platform.python_version(),
        "paragraphs": counts,
        "characters": {s: len(text(s)) for s in SPLITS},
    }

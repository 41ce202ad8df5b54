"""The book's text to pre-train on: all the plain English that a Python installation carries.

    >>> english.text("train")[:40]
    >>> english.documents("train")[0]          # the paragraphs of one help topic or module

Two sources under one licence (PSF-2.0): the help texts of `pydocs`, and the paragraphs of prose
within the standard library's docstrings, cleaned by the same rules. A paragraph's split is
decided by the hash of its words, whichever source it stands in, and each content is kept once:
so no paragraph that is held out by `pydocs` can be among those to learn from.
"""

from __future__ import annotations

import functools
import platform

from llmbook.corpora import docstrings, pydocs
from llmbook.corpora.pydocs import LICENCE, SPLITS, Paragraph


@functools.cache
def _all() -> tuple[Paragraph, ...]:
    helps = pydocs.paragraphs()
    known = {p.key for p in helps}
    blocks = (
        (d.module, block) for d in docstrings.docstrings() for block in pydocs._blocks(d.text)
    )
    return *helps, *(p for p in pydocs.dedupe(blocks) if p.key not in known)


def paragraphs(split: str | None = None) -> list[Paragraph]:
    """The paragraphs of a split (of all without one): help topics first, then modules."""
    pydocs.check_split(split)
    return [p for p in _all() if split in (None, p.split)]


def documents(split: str | None = None) -> list[str]:
    """The paragraphs of each help topic, and of each module, as one text, blank lines between."""
    parts: dict[str, list[str]] = {}
    for p in paragraphs(split):
        parts.setdefault(p.topic, []).append(p.text)
    return ["\n\n".join(texts) + "\n" for texts in parts.values()]


def text(split: str | None = None) -> str:
    """All paragraphs of a split as one text, a blank line between them."""
    return "\n".join(documents(split))


def provenance() -> dict[str, object]:
    """Where the text comes from: sources, licence, Python version and counts per split."""
    return {
        "source": "pydoc_data.topics, and docstrings of the Python standard library (prose only)",
        "copyright": "Python Software Foundation",
        "licence": LICENCE,
        "python": platform.python_version(),
        "paragraphs": {s: len(paragraphs(s)) for s in SPLITS},
        "characters": {s: len(text(s)) for s in SPLITS},
        "validated_on": "the valid split of llmbook.corpora.pydocs alone",
    }

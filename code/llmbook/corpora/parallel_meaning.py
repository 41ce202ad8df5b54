"""What the sentences of `llmbook.corpora.parallel` mean: who does what, when, where, with whom."""

from dataclasses import dataclass

from llmbook.corpora.parallel_words import NOUNS

Piece = tuple[str, tuple[str, ...]]  # a word, and the parts of the meaning that it says


@dataclass(frozen=True)
class Phrase:
    """Who or what: a pronoun, a name, or a noun with what stands around it."""

    head: str  # a key of PRONOUNS, NAMES or NOUNS
    det: str = ""  # "the", a key of NUMBERS, POINTERS, a pronoun (possessive), or "" (bare)
    plural: bool = False
    adjective: str = ""
    relative: "Clause | None" = None  # without its subject or its object: that is this phrase

    @property
    def kind(self) -> str:
        return NOUNS[self.head].kind if self.head in NOUNS else "person"


@dataclass(frozen=True)
class Clause:
    """What is said. ``form``: "action", "exists" (there is) or "quality" (is, with ``verb`` the
    quality). ``aspect``: h habit, p past, f future, n now."""

    form: str
    verb: str
    subject: Phrase | None = None
    object: Phrase | None = None
    aspect: str = "h"
    negative: bool = False
    question: bool = False
    very: bool = False
    time: str = ""
    time_first: bool = False
    place: str = ""
    company: Phrase | None = None

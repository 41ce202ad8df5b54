"""Vocabularies: a text becomes a list of numbers, and a list of numbers a text.

    >>> vocab = CharVocab.from_text("hello")
    >>> vocab.encode("hole")
    [4, 6, 5, 3]
    >>> vocab.decode([4, 6, 5, 3])
    'hole'

Ids 0, 1 and 2 are the same in every vocabulary: ``<pad>`` fills a batch up, ``<unk>`` stands for
what the vocabulary does not hold, ``<end>`` closes a text.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

PAD, UNK, END = "<pad>", "<unk>", "<end>"
SPECIALS = (PAD, UNK, END)

# A word keeps its inner apostrophes and hyphens (don't, state-of-the-art); every other sign
# stands alone.
_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}…%”")
_NO_SPACE_AFTER = frozenset("([{“")


class Vocab:
    """Tokens and their ids. Use ``CharVocab`` or ``WordVocab``; ``from_dict`` finds the kind.

    Attributes:
        tokens: all tokens, the three specials first; a token's place is its id.
        pad_id, unk_id, end_id: 0, 1, 2.
    """

    kind = ""
    pad_id, unk_id, end_id = range(3)
    _kinds: dict[str, type[Vocab]] = {}  # noqa: RUF012 -- one register for all subclasses

    def __init__(self, tokens: Iterable[str]):
        self.tokens: list[str] = [*SPECIALS, *(t for t in tokens if t not in SPECIALS)]
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens):
            double = [t for t, n in Counter(self.tokens).items() if n > 1]
            raise ValueError(
                f"a token may stand in a vocabulary once; {double[0]!r} is there twice"
            )

    def __init_subclass__(cls) -> None:
        Vocab._kinds[cls.kind] = cls

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.tokens == other.tokens

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} tokens: {' '.join(self.tokens[:8])} …)"

    def id(self, token: str) -> int:
        """The id of one token, ``unk_id`` when it is not in the vocabulary."""
        return self._ids.get(token, self.unk_id)

    def split(self, text: Any) -> list[str]:
        """The text's tokens, before they are looked up."""
        raise NotImplementedError

    def join(self, tokens: Sequence[str]) -> str:
        """The tokens as a text."""
        raise NotImplementedError

    def encode(self, text: Any, *, strict: bool = False) -> list[int]:
        """The ids of a text's tokens; what is not in the vocabulary becomes ``unk_id``.

        With ``strict`` it raises ValueError instead, naming what is unknown.
        """
        tokens = self.split(text)
        if strict and (missing := [t for t in tokens if t not in self._ids]):
            listed = ", ".join(repr(t) for t in dict.fromkeys(missing[:50]))
            near = difflib.get_close_matches(missing[0], self.tokens[len(SPECIALS) :], n=3)
            like = f"; near {missing[0]!r} it has {', '.join(map(repr, near))}" if near else ""
            raise ValueError(
                f"not in this vocabulary of {len(self)} tokens: {listed[:300]}{like}; "
                f"use tokens that the model was trained on"
            )
        return [self._ids.get(token, self.unk_id) for token in tokens]

    def decode(self, ids: Iterable[int], *, specials: bool = True) -> str:
        """The text of some ids (a list or a 1-d tensor); ``specials=False`` leaves those out.

        Raises ValueError for an id outside the vocabulary.
        """
        ids = ids.tolist() if hasattr(ids, "tolist") else list(ids)
        for i in ids:
            if not isinstance(i, int) or not 0 <= i < len(self.tokens):
                raise ValueError(f"the id {i!r} is not in this vocabulary of {len(self)} tokens")
        return self.join([self.tokens[i] for i in ids if specials or i >= len(SPECIALS)])

    def to_dict(self) -> dict[str, Any]:
        """What ``from_dict`` needs to make the vocabulary again; it can be written as JSON."""
        return {"kind": self.kind, "tokens": self.tokens[len(SPECIALS) :]}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Vocab:
        """The vocabulary that ``to_dict`` described."""
        try:
            return Vocab._kinds[data["kind"]]._restore(data)
        except (KeyError, TypeError):
            known = ", ".join(Vocab._kinds)
            raise ValueError(
                f"a vocabulary is a dict with kind (one of {known}) and tokens, got {data!r:.80}"
            ) from None

    @classmethod
    def _restore(cls, data: dict[str, Any]) -> Vocab:
        return cls(list(data["tokens"]))


class CharVocab(Vocab):
    """One token per character (per Unicode code point), ordered by code point."""

    kind = "char"

    @classmethod
    def from_text(cls, text: str) -> CharVocab:
        """The vocabulary of a text's characters; ValueError when the text is empty."""
        if not text:
            raise ValueError("the text is empty; a vocabulary needs at least one character")
        return cls(sorted(set(text)))

    def split(self, text: str) -> list[str]:
        return list(text)

    def join(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


class WordVocab(Vocab):
    """One token per word; punctuation stands alone.

    Accepts a text, which it splits, or a list of words, which it takes as they are (the stories
    of Tales). ``decode`` sets the usual spaces: encoding what it gives leads back to the same
    ids, but the spaces and line ends of the original text are not kept.
    """

    kind = "word"

    @classmethod
    def from_text(
        cls,
        text: str | Sequence[str] | Sequence[Sequence[str]],
        *,
        max_size: int | None = None,
        min_count: int = 1,
    ) -> WordVocab:
        """The vocabulary of a text, of a list of words, or of a list of stories (lists of words).

        Args:
            max_size: keep the most frequent words up to this size, specials included.
            min_count: keep the words that occur at least so often.

        Words are ordered by frequency, equally frequent ones alphabetically.
        """
        counts: Counter[str] = Counter()
        for part in [text] if isinstance(text, str) else text:
            counts.update(_WORD.findall(part) if isinstance(text, str) else _words(part))
        if not counts:
            raise ValueError("the text is empty; a vocabulary needs at least one word")
        for special in SPECIALS:
            counts.pop(special, None)
        if max_size is not None and max_size <= len(SPECIALS):
            raise ValueError(f"max_size {max_size} leaves no room beside the 3 special tokens")
        ordered = sorted(
            (w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w)
        )
        return cls(ordered if max_size is None else ordered[: max_size - len(SPECIALS)])

    from_words = from_text

    def split(self, text: str | Sequence[str]) -> list[str]:
        return _WORD.findall(text) if isinstance(text, str) else list(text)

    def join(self, tokens: Sequence[str]) -> str:
        out: list[str] = []
        for i, token in enumerate(tokens):
            glued = token in _NO_SPACE_BEFORE or (i > 0 and tokens[i - 1] in _NO_SPACE_AFTER)
            out.append(token if i == 0 or glued else f" {token}")
        return "".join(out)


def _words(part: str | Sequence[str]) -> Sequence[str]:
    """One word of a list of words, or one story of a list of stories, as words."""
    return [part] if isinstance(part, str) else part

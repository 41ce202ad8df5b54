"""Cutting a text into the chunks that byte-pair encoding works within.

    >>> CHUNK.findall("It's 42 cats,  no?")
    ['It', "'s", ' 42', ' cats', ',', ' ', ' no', '?']

A text may also come in parts, as long as a book: `certain` puts the parts together into pieces
that begin and end where the whole text would have been cut anyway.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import regex

#: GPT-2's pattern (Radford et al. 2019): the ends of it's, we're …; letters, numbers or other
#: signs, each with at most one space before them; runs of spaces, of which the last is left to
#: what follows.
CHUNK = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
_LAST_WORD = regex.compile(r"(?r)(?<=\S)(?=\s)")  # found from the right: an end of a word
_AHEAD = 3  # a chunk is certain once so many characters after it are known: "'ll" needs two
_BLOCK = 1 << 16  # characters taken at a time


def utf8(text: str) -> bytes:
    """The text's bytes; ValueError for half a surrogate pair, which is no character."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"character {error.start} of the text is the lone surrogate "
            f"U+{ord(text[error.start]):04X}, which has no bytes in UTF-8; mend the text where it "
            "was read, for example with text.encode('utf-16', 'surrogatepass').decode('utf-16')"
        ) from None


def check_specials(tokens: Collection[str]) -> None:
    """ValueError unless special tokens are texts that can be told apart wherever they stand."""
    tokens = list(tokens)
    for token in tokens:
        if not isinstance(token, str) or not token:
            raise ValueError(f"a special token is a text of at least one character, got {token!r}")
        utf8(token)
    for i, one in enumerate(tokens):
        for other in tokens[i + 1 :]:
            if _overlap(one, other) or _overlap(other, one):
                raise ValueError(
                    f"the special tokens {one!r} and {other!r} overlap: in some texts it would be "
                    "unclear which is meant. Choose tokens like <|name|>, none part of another"
                )


def _overlap(one: str, other: str) -> bool:
    """Whether ``other`` stands within ``one``, or ``one`` may end within a beginning of it."""
    return other in one or any(one.endswith(other[:n]) for n in range(1, len(other)))


def special_pattern(tokens: Collection[str]) -> regex.Pattern | None:
    """A pattern whose ``split`` gives text and special tokens in turn; None without tokens."""
    return regex.compile(f"({'|'.join(map(regex.escape, tokens))})") if tokens else None


def certain(parts: Iterable[str], specials: Collection[str] = ()) -> Iterator[str]:
    """Pieces of the text that the parts make up, cut only where chunks or special tokens end.

    Holds one block and the longest chunk in memory, however long the whole is.
    """
    rest, pending, size = "", [], 0
    for part in parts:
        if not isinstance(part, str):
            raise TypeError(
                f"expected parts of text (str), got {type(part).__name__}: {part!r:.60}"
            )
        pending.append(part)
        size += len(part)
        if size >= max(_BLOCK, len(rest)):  # so a chunk of many blocks is not scanned each time
            text = rest + "".join(pending)
            end = _last_border(text, specials)
            yield text[:end]
            rest, pending, size = text[end:], [], 0
    if rest or pending:
        yield rest + "".join(pending)


def _last_border(text: str, specials: Collection[str]) -> int:
    """The last place that no continuation of the text can move."""
    # Within a chunk of other characters only the first can be a space.
    spaced = any(regex.search(r"\s", token) for token in specials)
    if not spaced and (found := _LAST_WORD.search(text)):
        return found.start()
    limit = len(text) - _AHEAD - max(map(len, specials), default=0)
    end = place = 0
    cut = special_pattern(specials)
    stops = [match.span() for match in cut.finditer(text)] if cut else []
    for start, stop in [*stops, (len(text), len(text))]:
        for chunk in CHUNK.finditer(text, place, start):
            if chunk.end() > limit:
                return end
            end = chunk.end()
        if stop > limit:
            return end
        end = place = stop
    return end


def text_parts(text: str | Path | Iterable[str]) -> Iterable[str]:
    """A text, the UTF-8 file that a Path (or a one-line str) names, or parts: always as parts."""
    if isinstance(text, bytes):
        raise TypeError("the text is of type bytes; decode it first, for example text.decode()")
    if isinstance(text, str):
        short = len(text) < 1024 and "\n" not in text
        return file_parts(text) if short and os.path.isfile(text) else [text]
    return file_parts(text) if isinstance(text, os.PathLike) else text


def file_parts(path: str | Path) -> Iterator[str]:
    """A UTF-8 file, block by block; ValueError names the byte that is not UTF-8."""
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    with open(path, "rb") as file:
        while True:
            block = file.read(_BLOCK)
            begun = read - len(decoder.getstate()[0])  # a character may lie across two blocks
            try:
                yield decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                offset = begun + error.start
                raise ValueError(
                    f"{path} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset "
                    f"{offset}: {error.reason}; find its real encoding and convert it, for "
                    f"example: iconv -f WINDOWS-1252 -t UTF-8 {Path(path).name} > converted.txt"
                ) from None
            if not block:
                return
            read += len(block)

"""Tokenizers as JSON: the book's own form, and the ``tokenizer.json`` of transformers.

Both write a byte as one visible character, as GPT-2 does: the 188 bytes that are visible in
Latin-1 as themselves, the other 68 as U+0100 and on. So a space is Ġ and a line's end Ċ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FORMAT = 1
_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]
#: The letter of each byte, and the byte of each letter.
LETTERS = [
    chr(byte) if byte in _VISIBLE else chr(0x100 + _HIDDEN.index(byte)) for byte in range(256)
]
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}

Parts = tuple[dict[bytes, int], list[tuple[int, int]], dict[str, int]]  # vocab, merges, specials


def letters(token: bytes) -> str:
    """``b" the"`` -> ``"Ġthe"``."""
    return "".join(map(LETTERS.__getitem__, token))


def from_letters(text: str) -> bytes:
    """``"Ġthe"`` -> ``b" the"``; KeyError for a letter that stands for no byte."""
    return bytes(map(BYTES.__getitem__, text))


def check_parts(
    vocab: dict[bytes, int], merges: Sequence[tuple[int, int]], specials: dict[str, int]
) -> None:
    """ValueError unless the three fit together: all bytes, every id once, merges within them."""
    if missing := sum(bytes([byte]) not in vocab for byte in range(256)):
        raise ValueError(f"{missing} of the 256 bytes have no token; a byte-level BPE needs all")
    if sorted([*vocab.values(), *specials.values()]) != list(range(len(vocab) + len(specials))):
        raise ValueError(
            f"the ids of {len(vocab)} tokens and {len(specials)} special tokens must be the "
            f"numbers from 0 to {len(vocab) + len(specials) - 1}, each once"
        )
    if both := specials.keys() & set(map(letters, vocab)):
        raise ValueError(
            f"{min(both)!r} is a token of the text and a special token; choose special tokens "
            "that no text is made of, like <|name|>"
        )
    tokens = {i: token for token, i in vocab.items()}
    for rank, (a, b) in enumerate(merges):
        if a not in tokens or b not in tokens or tokens[a] + tokens[b] not in vocab:
            raise ValueError(
                f"merge {rank}, of the ids {a} and {b}, gives no token of the vocabulary"
            )


def to_dict(
    vocab: dict[bytes, int], merges: list[tuple[int, int]], specials: dict[str, int]
) -> dict:
    """The book's form: tokens by id (None for a special one), merges as "Ġt he"."""
    tokens: list[str | None] = [None] * (len(vocab) + len(specials))
    for token, i in vocab.items():
        tokens[i] = letters(token)
    pairs = [f"{tokens[a]} {tokens[b]}" for a, b in merges]
    return {
        "kind": "bpe", "format": FORMAT, "special_tokens": specials, "tokens": tokens,
        "merges": pairs,
    }  # fmt: skip


def from_dict(data: dict[str, Any]) -> Parts:
    """What `to_dict` described; ValueError where it is not that."""
    try:
        if data["format"] != FORMAT:
            raise ValueError(
                f"the tokenizer has format {data['format']!r}; this llmbook reads format {FORMAT}. "
                "Update llmbook, or train the tokenizer again"
            )
        vocab = {from_letters(t): i for i, t in enumerate(data["tokens"]) if t is not None}
        specials = {str(token): int(i) for token, i in data["special_tokens"].items()}
        return vocab, [_pair(pair, vocab) for pair in data["merges"]], specials
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"this is no tokenizer of llmbook ({type(error).__name__}: {error}); expected kind, "
            "format, special_tokens, tokens and merges, as BPETokenizer.to_dict gives them"
        ) from None


def _pair(text: str | Sequence[str], vocab: dict[bytes, int]) -> tuple[int, int]:
    """The ids of a merge, which stands as "a b" or, in newer files, as ["a", "b"]."""
    first, second = text.split(" ") if isinstance(text, str) else text
    return vocab[from_letters(first)], vocab[from_letters(second)]


def dump(data: dict[str, Any]) -> bytes:
    """The bytes of a file: JSON with a SHA-256 of its content."""
    data = {**data, "sha256": _digest(data)}
    return (json.dumps(data, ensure_ascii=False, indent=0) + "\n").encode()


def read(path: str | Path) -> dict[str, Any]:
    """The content of a file that `dump` wrote. Raises ValueError when it is damaged or foreign."""
    data = read_json(path)
    if not isinstance(data, dict) or data.get("kind") != "bpe":
        own = isinstance(data, dict) and "model" in data and "added_tokens" in data
        hint = "; read it with BPETokenizer.from_tokenizers" if own else ""
        raise ValueError(
            f"{path} was written by another program: it is no tokenizer of llmbook{hint}"
        )
    if data.pop("sha256", None) != _digest(data):
        raise ValueError(
            f"{path} is damaged: its content no longer matches the SHA-256 it was saved with. Take "
            "an earlier copy, or train the tokenizer again"
        )
    return data


def read_json(path: str | Path) -> Any:
    """A JSON file; ValueError, with the file's name, where it is none."""
    try:
        return json.loads(Path(path).read_bytes())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged or is no JSON file ({error}). Take an earlier copy, or train the "
            "tokenizer again"
        ) from None


def _digest(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

"""Byte-pair encoding over bytes, as in GPT-2: a text becomes numbers, and nothing is unknown.

    >>> tokenizer = BPETokenizer.train("the cat and the hat and the rat", vocab_size=262)
    >>> tokenizer.split("the rat")
    ['the', ' ', 'r', 'at']
    >>> tokenizer.decode(tokenizer.encode("naïve 深度 🙂"))
    'naïve 深度 🙂'

It adds to a vocabulary of characters that tokens are runs of bytes: one byte each at first, then
whatever `llmbook.text.bpe_training` found worth joining. A text is cut into chunks (about a word,
with the space before it) and no token crosses a chunk's border. Ids equal those of the libraries
tokenizers and tiktoken with the same merges (tests/test_bpe.py).

Sources: Sennrich et al. 2016 (byte-pair encoding of words), Radford et al. 2019 (over bytes, and
the pattern). The book's chapter: Tokenization.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from llmbook.files import write_whole
from llmbook.text import bpe_exchange, bpe_files
from llmbook.text.bpe_files import LETTERS
from llmbook.text.bpe_merging import Merger
from llmbook.text.bpe_training import learn_merges
from llmbook.text.chunks import CHUNK, certain, check_specials, special_pattern, text_parts, utf8
from llmbook.text.vocab import Vocab

END_OF_TEXT = "<|endoftext|>"
_ENDS, _PADS = (END_OF_TEXT, "<end>"), ("<|pad|>", "<pad>", "[PAD]")


class BPETokenizer(Vocab):
    """Bytes, merges and special tokens; made by `train`, `load` or `from_tokenizers`.

    Attributes:
        vocab: the bytes of each token that is not special -> its id.
        merges: pairs of ids that are joined, the first learned first.
        special_tokens: text -> id; recognised in a text only where `encode` is told so.
        tokens: by id, each token's text to look at; bytes that are no UTF-8 as ``\\xe6``.
        end_id: of ``<|endoftext|>`` or ``<end>``, else of the first special token, else None.
        pad_id: of ``<|pad|>``, ``<pad>`` or ``[PAD]``, else ``end_id``, as GPT-2's users do.
        unk_id: None, for no text is unknown.
    """

    kind = "bpe"

    def __init__(
        self,
        vocab: dict[bytes, int],
        merges: Sequence[tuple[int, int]],
        special_tokens: dict[str, int],
    ):
        check_specials(special_tokens)
        bpe_files.check_parts(vocab, merges, special_tokens)
        self.vocab, self.special_tokens = dict(vocab), dict(special_tokens)
        self.merges = [tuple(pair) for pair in merges]
        by_id = {i: token for token, i in vocab.items()}
        by_id |= {i: token.encode() for token, i in special_tokens.items()}
        self._bytes = [by_id[i] for i in range(len(by_id))]
        self.tokens = [token.decode("utf-8", "backslashreplace") for token in self._bytes]
        joined = [vocab[by_id[a] + by_id[b]] for a, b in self.merges]
        byte_ids = [vocab[bytes([byte])] for byte in range(256)]
        self._merger = Merger(byte_ids, self.merges, joined, len(by_id))
        found = [self.special_tokens[t] for t in (*_ENDS, *special_tokens) if t in special_tokens]
        pads = [self.special_tokens[t] for t in _PADS if t in special_tokens]
        self.end_id = next(iter(found), None)
        self.pad_id, self.unk_id = next(iter(pads), self.end_id), None

    @classmethod
    def train(
        cls,
        text: str | Path | Iterable[str],
        vocab_size: int,
        special_tokens: Sequence[str] = (END_OF_TEXT,),
    ) -> BPETokenizer:
        """Learn the merges of a text.

        Args:
            text: the text; or a UTF-8 file (a Path, or a str that names a file which exists); or
                the parts of a text, read one after the other.
            vocab_size: ids in all: special tokens, 256 bytes, merges. Fewer come out when every
                chunk of the text has become one token.
            special_tokens: they get the first ids. In the training text they are text like any
                other.

        Merges and ids are those that tokenizers' BpeTrainer finds: special tokens, the bytes in
        the order of GPT-2's letters for them, the merges. Raises ValueError for an empty text, a
        size below 256 and the special tokens, special tokens that overlap, and text that is not
        Unicode; FileNotFoundError for a Path that leads nowhere.
        """
        specials = [special_tokens] if isinstance(special_tokens, str) else list(special_tokens)
        check_specials(specials)
        first = len(specials)
        if vocab_size < 256 + first:
            raise ValueError(
                f"vocab_size is {vocab_size}; the 256 bytes and {first} special tokens need at "
                f"least {256 + first}"
            )
        chunks: Counter[str] = Counter()
        for piece in certain(text_parts(text)):
            chunks.update(CHUNK.findall(piece))
        if not chunks:
            raise ValueError("the text is empty; merges are learned from at least one character")
        alphabet = sorted(range(256), key=LETTERS.__getitem__)
        place = bytes(map(alphabet.index, range(256)))
        counts = {utf8(chunk).translate(place): count for chunk, count in chunks.items()}
        start = [bytes([byte]) for byte in alphabet]
        tokens, merges = learn_merges(counts, start, vocab_size - first)
        vocab = {token: i for i, token in enumerate(tokens, start=first)}
        special = {token: i for i, token in enumerate(specials)}
        return cls(vocab, [(a + first, b + first) for a, b in merges], special)

    def encode(
        self, text: str, *, strict: bool = False, allowed_special: Collection[str] | str = ()
    ) -> list[int]:
        """The ids of a text.

        Args:
            strict: as in other vocabularies; here nothing is unknown, so it changes nothing.
            allowed_special: the special tokens that become their one id where they stand in the
                text, or "all". All others are text like any other: who writes a text cannot
                forge one.

        Raises ValueError for a lone surrogate, which is half a character and has no bytes.
        """
        allowed = self._allowed(allowed_special)
        try:
            if not allowed or not (cut := special_pattern(allowed)).search(text):
                return self._ordinary(text)
            ids: list[int] = []
            for i, piece in enumerate(cut.split(text)):
                ids += [self.special_tokens[piece]] if i % 2 else self._ordinary(piece)
            return ids
        except UnicodeEncodeError:
            utf8(text)  # raises, and says where in the whole text
            raise

    def encode_iterable(
        self, parts: Iterable[str], *, allowed_special: Collection[str] | str = ()
    ) -> Iterator[int]:
        """The ids of a text that comes in parts (lines of a file, say), one by one, in memory
        that does not grow with it. They are those of the whole text, wherever its parts end."""
        allowed = self._allowed(allowed_special)
        for text in certain([parts] if isinstance(parts, str) else parts, allowed):
            yield from self.encode(text, allowed_special=allowed)

    def _ordinary(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._merger.__getitem__, CHUNK.findall(text))))

    def _allowed(self, allowed: Collection[str] | str) -> Collection[str]:
        if isinstance(allowed, str):
            if allowed != "all":
                raise ValueError(f'allowed_special is {allowed!r}; expected "all" or some tokens')
            return self.special_tokens
        if unknown := [token for token in allowed if token not in self.special_tokens]:
            known = ", ".join(map(repr, self.special_tokens)) or "none"
            raise ValueError(
                f"{unknown[0]!r} is no special token of this tokenizer; it has {known}"
            )
        return allowed

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of some ids; ValueError for an id outside the vocabulary."""
        ids = ids.tolist() if hasattr(ids, "tolist") else list(ids)
        for i in set(ids):
            if not isinstance(i, int) or not 0 <= i < len(self):
                raise ValueError(f"the id {i!r} is not in this vocabulary of {len(self)} tokens")
        return b"".join(map(self._bytes.__getitem__, ids))

    def decode(self, ids: Iterable[int], *, specials: bool = True) -> str:
        """The text of some ids (a list or a 1-d tensor); ``specials=False`` leaves those out.

        Any ids give a text: bytes that are no UTF-8 (half a character, say) become U+FFFD.
        Raises ValueError for an id outside the vocabulary.
        """
        ids = ids.tolist() if hasattr(ids, "tolist") else list(ids)
        if not specials:
            special = set(self.special_tokens.values())
            ids = [i for i in ids if i not in special]
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def __contains__(self, token: object) -> bool:
        return token in self.special_tokens or _bytes_of(token) in self.vocab

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"BPETokenizer({len(self)} tokens, {len(self.special_tokens)} of them special)"

    def id(self, token: str | bytes) -> int:
        """The id of one token, special or not; ValueError when it is not exactly one token."""
        if token in self.special_tokens:
            return self.special_tokens[token]
        if (found := self.vocab.get(_bytes_of(token))) is None:
            raise ValueError(f"{token!r} is not one token of this tokenizer; encode() cuts it up")
        return found

    def split(self, text: str) -> list[str]:
        """The text's tokens, to look at; bytes that are no UTF-8 by themselves as ``\\xe6``."""
        return [self.tokens[i] for i in self.encode(text)]

    def join(self, tokens: Sequence[str]) -> str:
        """Tokens that are whole characters as one text; `decode` takes ids, and does all."""
        return "".join(tokens)

    def to_dict(self) -> dict[str, Any]:
        """What ``Vocab.from_dict`` needs to make it again; it can be written as JSON."""
        return bpe_files.to_dict(self.vocab, self.merges, self.special_tokens)

    @classmethod
    def _restore(cls, data: dict[str, Any]) -> BPETokenizer:
        return cls(*bpe_files.from_dict(data))

    def save(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all. Raises OSError when that cannot be done."""
        write_whole(path, bpe_files.dump(self.to_dict()))

    @classmethod
    def load(cls, path: str | Path) -> BPETokenizer:
        """What `save` wrote. Raises FileNotFoundError, and ValueError when the file is damaged
        or was written by another program."""
        data = bpe_files.read(path)
        try:
            return cls._restore(data)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def to_tokenizers(self, path: str | Path | None = None) -> str:
        """The text of a ``tokenizer.json`` that tokenizers and transformers load; with ``path``
        it is written there as well, whole or not at all."""
        parts = self.vocab, self.merges, self.special_tokens
        text = bpe_exchange.dumps(bpe_exchange.to_tokenizers(*parts))
        if path is not None:
            write_whole(path, text.encode())
        return text

    @classmethod
    def from_tokenizers(cls, source: str | Path) -> BPETokenizer:
        """From a ``tokenizer.json`` (its path, or its text, which begins with a brace).

        Raises ValueError when it is damaged, no byte-level BPE, or does what this one cannot.
        """
        if isinstance(source, str) and source.lstrip().startswith("{"):
            try:
                data = json.loads(source)
            except json.JSONDecodeError as error:
                raise ValueError(f"the text of this tokenizer.json is damaged: {error}") from None
        else:
            data = bpe_files.read_json(source)
        return cls(*bpe_exchange.from_tokenizers(data))

    def mergeable_ranks(self) -> dict[bytes, int]:
        """Bytes of each token -> id, as ``tiktoken.Encoding(mergeable_ranks=…)`` takes them."""
        return dict(self.vocab)


def _bytes_of(token: object) -> bytes | None:
    """A token's bytes; None for what has none."""
    if isinstance(token, str):
        try:
            return token.encode()
        except UnicodeEncodeError:
            return None
    return token if isinstance(token, bytes) else None

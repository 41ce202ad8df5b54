"""A vocabulary with room for words that it does not hold, text by text.

    >>> vocab = OpenVocab(WordVocab(["won", "."]), extra=3)
    >>> ids, unknown = vocab.read(["Zoltan", "won", "."])
    >>> ids, unknown                       # the first unknown word of this text gets the id 5
    ([5, 3, 4], ['Zoltan'])
    >>> vocab.encode(["Zoltan", "."], unknown), vocab.decode([5, 4], unknown)
    ([5, 4], ['Zoltan', '.'])

The numbers from ``len(vocab)`` on mean another word in every text: they are places of a list. A
model that copies can say them; one that does not reads them as ``<unk>`` (`closed`).

Chapter: applications/summarization. Source: See, Liu and Manning (2017), section 2.2.
"""

from collections.abc import Sequence

from llmbook.text.vocab import Vocab


class OpenVocab:
    """``vocab`` and ``extra`` further ids, for the first ``extra`` unknown words of each text."""

    def __init__(self, vocab: Vocab, extra: int):
        if extra < 0:
            raise ValueError(f"extra is {extra}; give the number of unknown words to make room for")
        self.vocab, self.extra = vocab, extra

    def __len__(self) -> int:
        """All ids: the vocabulary's and the extra ones."""
        return len(self.vocab) + self.extra

    def read(self, words: Sequence[str]) -> tuple[list[int], list[str]]:
        """The ids of a source's words, and its unknown words in the order of their numbers."""
        unknown = list(dict.fromkeys(w for w in words if w not in self.vocab))[: self.extra]
        return self.encode(words, unknown), unknown

    def encode(self, words: Sequence[str], unknown: Sequence[str] = ()) -> list[int]:
        """Ids, where ``unknown`` are the numbered words; what is not known at all is ``<unk>``."""
        numbers = {word: len(self.vocab) + i for i, word in enumerate(unknown)}
        return [self.vocab.id(w) if w in self.vocab else numbers.get(w, self.vocab.unk_id)
                for w in words]  # fmt: skip

    def decode(self, ids: Sequence[int], unknown: Sequence[str] = ()) -> list[str]:
        """The words of some ids. An extra id beyond ``unknown`` stands for no word: ``<unk>``.

        Raises ValueError for an id outside the whole of the vocabulary.
        """
        V, words = len(self.vocab), []
        for i in ids:
            if not 0 <= i < len(self):
                raise ValueError(f"the id {i} is outside this vocabulary of {V} + {self.extra}")
            known = self.vocab.tokens[i] if i < V else None
            words.append(known or (unknown[i - V] if i - V < len(unknown) else self.unknown_token))
        return words

    @property
    def unknown_token(self) -> str:
        return self.vocab.tokens[self.vocab.unk_id]

    def closed(self, ids: Sequence[int]) -> list[int]:
        """The ids as a model without the extra ones reads them: ``<unk>`` for each."""
        return [i if i < len(self.vocab) else self.vocab.unk_id for i in ids]

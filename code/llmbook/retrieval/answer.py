"""Search, read, answer: a sentence with its source, or nothing when nothing fits.

    >>> library = Library([Passage("Cats sleep a lot. They purr.", "cats.txt"), …])
    >>> found = library.ask("How do I make them purr?")
    >>> found.text, found.source, found.confidence
    ('They purr.', 'cats.txt', 0.41)

Nothing is generated here: what is said stands, word for word, in the source.

Dimensions: N passages.

Chapter: applications/question_answering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmbook.retrieval.bm25 import BM25, rarity, terms
from llmbook.retrieval.dense import LSA
from llmbook.retrieval.fusion import weighted
from llmbook.retrieval.read import read

# Chosen on the development half of the questions on Python's documentation.
SIZE, WEIGHTS, FIRST, THRESHOLD = 100, (0.5, 0.5), 4.0, 0.56


class Passage(NamedTuple):
    """A text, and where it stands (a help topic, a file and a line)."""

    text: str
    source: str


class Found(NamedTuple):
    """What a question found.

    Attributes:
        text: the answering sentence, or None: I do not know.
        source: where its passage stands (of the best passage, also without an answer).
        confidence: see `Library.confidence`.
        passages: the best passages, the best first.
    """

    text: str | None
    source: str
    confidence: float
    passages: tuple[Passage, ...]


class Library:
    """Passages that can be asked.

    Args:
        passages: what is searched.
        threshold: the confidence below which the answer is "I do not know".
        background: other texts in the same language, from which rarity is learned as well. A few
            notes do not show by themselves that "how" is a common word and "whale" a rare one.

    Raises ValueError when no passage holds a word, ModuleNotFoundError without bm25s.
    """

    def __init__(
        self, passages: Sequence[Passage], threshold: float = THRESHOLD,
        background: Sequence[str] = (),
    ):  # fmt: skip
        self.passages, self.threshold = tuple(passages), threshold
        texts = [p.text for p in self.passages]
        self.held = Counter(t for text in texts for t in set(terms(text)))
        self.counts = self.held + Counter(t for text in background for t in set(terms(text)))
        self.total = len(texts) + len(background)
        self.bm25 = BM25(texts)
        shared = any(n > 1 for n in self.held.values())
        self.lsa = LSA(texts, SIZE, least=2 if shared else 1).index(texts)

    def weight(self, term: str) -> float:
        """The rarity of a term in all texts known; a term that none holds is the rarest."""
        return rarity(self.total, self.counts[term])

    def scores(self, question: str) -> Tensor:
        """How well each passage fits ``[N]``: BM25 and LSA, standardised and averaged."""
        return weighted([self.bm25.scores(question), self.lsa.scores(question)], WEIGHTS)

    def confidence(self, question: str, passage: str) -> float:
        """From 0 to 1: how much of the question's weight is known here, and stands in the passage.

        The mean of two shares of the question's summed rarity: of the terms that any passage
        holds, and of those that this one holds. 0 for a question without a word.
        """
        asked = sorted(set(terms(question)))
        whole = sum(map(self.weight, asked))
        here = set(terms(passage))
        known = sum(self.weight(t) for t in asked if t in self.held)
        covered = sum(self.weight(t) for t in asked if t in here)
        return (known + covered) / (2 * whole) if whole else 0.0

    def ask(self, question: str, k: int = 3) -> Found:
        """The answer from the best passage, and the k best. ValueError for an empty question."""
        if not question.strip():
            raise ValueError("the question is empty; ask in at least one word")
        order = torch.sort(self.scores(question), descending=True, stable=True).indices[:k].tolist()
        best = [self.passages[i] for i in order]
        sure = self.confidence(question, best[0].text)
        text = None
        if sure >= self.threshold:
            text = read(terms(question), best[0].text, self.weight, FIRST)
        return Found(text, best[0].source, sure, tuple(best))

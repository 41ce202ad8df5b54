"""BM25, from its equation and over bm25s: which passages share rare words with a query.

    >>> index = BM25(["a cat sat", "a dog ran"])
    >>> index.scores("Which cat?").argmax()
    tensor(0)

For a query q and a passage d, both lists of terms (Robertson and Zaragoza 2009; the form that
Lucene and bm25s use)::

    score(q, d) = Σ_{t in q} rarity(t) · c / (c + k1 (1 - b + b |d| / mean length))
    rarity(t) = ln(1 + (N - n_t + 0.5) / (n_t + 0.5))

with N passages, n_t of them holding t, and c the count of t in d. Many texts multiply this by
k1 + 1, which changes no order.

Dimensions: N passages.

Chapter: applications/question_answering.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

K1, B = 0.9, 0.75  # chosen on the development half of the questions
_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def terms(text: str, stems: bool = True) -> list[str]:
    """The terms of a text in its order: words in folded case, cut to Porter's stems.

    Runs of Chinese or Japanese signs, where no space divides words, give overlapping pairs (a
    run of one sign gives that sign).
    """
    from llmbook.text.words import stem

    found: list[str] = []
    for run in _RUN.findall(text.casefold()):
        if run[0] < "\u3040" or run[0] > "\u9fff":
            found.append(stem(run) if stems else run)
        else:
            found += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    return found


def rarity(N: int, n: int) -> float:
    """The weight of a term that n of N passages hold; above 0 however common the term is."""
    return math.log(1 + (N - n + 0.5) / (n + 0.5))


def scores_by_hand(
    query: Sequence[str], documents: Sequence[Sequence[str]], k1: float = K1, b: float = B
) -> list[float]:
    """The equation as it stands: the score of each document (a list of terms), in their order."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for d in documents:
        score = 0.0
        for t in query:
            n = sum(t in other for other in documents)
            c = d.count(t)
            score += rarity(len(documents), n) * c / (c + k1 * (1 - b + b * len(d) / mean))
        scores.append(score)
    return scores


class BM25:
    """An index of passages by bm25s: the scores are computed once, at indexing, and looked up.

    Args:
        passages: at least one text, with at least one term among them.
        k1: how soon the count of a term levels off. b: how much long passages are held back.
        cut: text -> terms.

    Raises ValueError when there is nothing to index, ModuleNotFoundError without bm25s.
    """

    def __init__(
        self, passages: Sequence[str], k1: float = K1, b: float = B,
        cut: Callable[[str], list[str]] = terms,
    ):  # fmt: skip
        documents = [cut(text) for text in passages]
        if not any(documents):
            raise ValueError(f"{len(documents)} passages hold no word; give texts to search in")
        self.cut = cut
        self.known = set().union(*documents)
        self._index = _bm25s().BM25(method="lucene", k1=k1, b=b)
        self._index.index(documents, show_progress=False)

    def scores(self, query: str) -> Tensor:
        """The score of every passage ``[N]``; 0 for one that shares no term."""
        asked = [t for t in self.cut(query) if t in self.known]
        if not asked:
            return torch.zeros(len(self), dtype=torch.float64)
        return torch.from_numpy(self._index.get_scores(asked)).double()

    def __len__(self) -> int:
        return int(self._index.scores["num_docs"])


def _bm25s():
    """The bm25s package, or an error that says how to get it."""
    try:
        import bm25s
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "searching needs the package bm25s, which is not installed; install it with "
            'python -m pip install "llmbook[perspectives]" or python -m pip install bm25s'
        ) from None
    return bm25s

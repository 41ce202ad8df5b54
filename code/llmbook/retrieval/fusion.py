"""Two searches as one: by the ranks that they give, or by their scores on a common scale.

    >>> reciprocal_ranks([bm25.scores(q), lsa.scores(q)]).argmax()
    >>> weighted([bm25.scores(q), lsa.scores(q)], [0.5, 0.5]).argmax()

Dimensions: N passages.

Chapter: applications/question_answering.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def places(scores: Tensor) -> Tensor:
    """The rank of every passage ``[N]``, from 1; equal scores share the mean of their places."""
    _, group, count = torch.unique(-scores, return_inverse=True, return_counts=True)
    first = count.cumsum(0) - count  # how many stand before each group
    return (first + (count + 1) / 2)[group].double()


def reciprocal_ranks(lists: Sequence[Tensor], k: float = 60) -> Tensor:
    """Σ 1 / (k + rank) over the searches ``[N]`` (Cormack, Clarke and Büttcher 2009)."""
    return torch.stack([1 / (k + places(scores)) for scores in lists]).sum(0)


def standard(scores: Tensor) -> Tensor:
    """The scores less their mean, in standard deviations; all 0 when all are equal."""
    scores = scores.double()
    spread = scores.std(correction=0)
    return (scores - scores.mean()) / spread if spread > 0 else torch.zeros_like(scores)


def weighted(lists: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted sum of standardised scores ``[N]``."""
    return torch.stack([w * standard(s) for w, s in zip(weights, lists, strict=True)]).sum(0)

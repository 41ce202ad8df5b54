"""How well a search does: ranks, recall among the first k, mean reciprocal rank.

    >>> r = rank(torch.tensor([0.1, 0.9, 0.4]), {2})
    >>> r, float(reciprocal(torch.tensor([r])).mean())
    (2.0, 0.5)

Chapter: applications/question_answering.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def rank(scores: Tensor, accepted: Iterable[int]) -> float:
    """The rank, from 1, of the best accepted passage among ``scores [N]``.

    Passages with equal scores share the mean of their places, so that a search which scores
    nothing at all ranks everything in the middle, whatever the order of the passages.
    Raises ValueError when nothing is accepted.
    """
    accepted = sorted(accepted)
    if not accepted:
        raise ValueError("no passage is accepted, so none has a rank; leave such questions out")
    best = scores[accepted].max()
    above, equal = (scores > best).sum().item(), (scores == best).sum().item()
    return 1 + above + (equal - 1) / 2


def recall(ranks: Tensor, k: int) -> Tensor:
    """For each question ``[n]``, 1 where an accepted passage is among the first k, else 0."""
    return (ranks <= k).double()


def reciprocal(ranks: Tensor) -> Tensor:
    """For each question ``[n]``, one divided by its rank; the mean is the MRR."""
    return 1 / ranks.double()


def summary(ranks: Tensor) -> dict[str, float]:
    """Recall@1, recall@5 and MRR of some ranks ``[n]``."""
    return {
        "recall@1": recall(ranks, 1).mean().item(),
        "recall@5": recall(ranks, 5).mean().item(),
        "MRR": reciprocal(ranks).mean().item(),
    }

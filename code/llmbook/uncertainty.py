"""How sure a score is (bootstrap intervals) and how sure a model should be (calibration).

    bootstrap(nats_by_story, tokens_by_story)           # 0.62 [0.61, 0.64]
    bootstrap_difference(a, b, tokens_by_story)          # paired: the same stories for both
    reliability(predicted, happened).ece

What is resampled is whole items (stories, questions, sentences), never tokens: the tokens of one
text depend on one another.

Dimensions: n items, R resamples, N predictions, K bins.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Interval(NamedTuple):
    """An estimate and the interval that holds the truth in a share ``level`` of all test sets."""

    estimate: float
    low: float
    high: float
    level: float = 0.95

    @property
    def width(self) -> float:
        return self.high - self.low

    def __contains__(self, value: object) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.estimate:.4f} [{self.low:.4f}, {self.high:.4f}]"


def resample(n: int, resamples: int, seed: int) -> Tensor:
    """Which items each resample holds: ``[R, n]`` numbers from 0 to n - 1, with replacement."""
    if n < 2:
        raise ValueError(f"there are {n} items; expected at least 2 to resample")
    return torch.randint(n, (resamples, n), generator=torch.Generator().manual_seed(seed))


def percentile_interval(estimate: float, draws: Tensor, level: float = 0.95) -> Interval:
    """The middle ``level`` of the resamples' scores ``draws [R]`` (Efron's percentile method)."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.95")
    tail = (1 - level) / 2
    low, high = torch.quantile(draws.double(), torch.tensor([tail, 1 - tail]).double()).tolist()
    return Interval(float(estimate), low, high, level)


def bootstrap(
    values: Tensor | Sequence[float],
    weights: Tensor | Sequence[float] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The interval of Σ values / Σ weights, items resampled whole (Efron 1979).

    values ``[n]``: each item's sum (nats, right answers); weights ``[n]``: what it is divided
    by (tokens), one each when left out. Perplexity's interval is exp of this one's ends.
    """
    values, weights = _items(values, weights)
    chosen = resample(len(values), resamples, seed)
    draws = values[chosen].sum(1) / weights[chosen].sum(1)
    return percentile_interval(float(values.sum() / weights.sum()), draws, level)


def bootstrap_difference(
    a: Tensor | Sequence[float],
    b: Tensor | Sequence[float],
    weights: Tensor | Sequence[float] | None = None,
    *,
    paired: bool = True,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The interval of a's score minus b's on the same items (Koehn 2004 pairs them).

    ``paired`` puts the same items into both halves of a resample, so what makes an item hard
    for both cancels. Without it, the two are resampled as if their test sets were different.
    """
    a, weights = _items(a, weights)
    b, _ = _items(b, weights)
    first = resample(len(a), resamples, seed)
    second = first if paired else resample(len(a), resamples, seed + 1)
    draws = a[first].sum(1) / weights[first].sum(1) - b[second].sum(1) / weights[second].sum(1)
    return percentile_interval(float((a.sum() - b.sum()) / weights.sum()), draws, level)


class Reliability(NamedTuple):
    """Per bin of predicted probability, ``[K]`` each; bins that hold nothing are left out."""

    predicted: Tensor  # mean predicted probability
    happened: Tensor  # mean of what happened, or of the true probability where it is known
    count: Tensor  # predictions in the bin

    @property
    def ece(self) -> float:
        """Expected calibration error: mean |happened - predicted|, bins weighted by count."""
        gaps = (self.happened - self.predicted).abs()
        return float((gaps * self.count).sum() / self.count.sum())


def reliability(
    predicted: Tensor | Sequence[float],
    happened: Tensor | Sequence[float],
    bins: int | Sequence[float] = 10,
) -> Reliability:
    """Group predictions ``[N]`` by size and set beside each group what came (Guo et al. 2017).

    happened ``[N]``: 1 where the predicted thing came and 0 where not, or its true probability.
    bins: a number of equally wide bins from 0 to 1, or the bins' edges in increasing order.
    Raises ValueError for lengths that differ or probabilities outside 0 to 1.
    """
    predicted, happened = _vector(predicted, "predicted"), _vector(happened, "happened")
    if len(predicted) != len(happened):
        raise ValueError(f"{len(predicted)} predictions and {len(happened)} outcomes were given")
    for name, x in (("predicted", predicted), ("happened", happened)):
        if not ((x >= 0) & (x <= 1)).all():  # nan as well
            raise ValueError(f"{name} must hold probabilities from 0 to 1")
    edges = torch.linspace(0, 1, bins + 1) if isinstance(bins, int) else torch.tensor(bins)
    inner = edges[1:-1].double()
    number = torch.bucketize(predicted, inner, right=True)  # [low, high) but for the last
    count = torch.bincount(number, minlength=len(inner) + 1)
    sums = [torch.bincount(number, x, minlength=len(inner) + 1) for x in (predicted, happened)]
    full = count > 0
    return Reliability(*(s[full] / count[full] for s in sums), count[full])


def _items(values: Tensor | Sequence[float], weights) -> tuple[Tensor, Tensor]:
    values = _vector(values, "values")
    weights = torch.ones_like(values) if weights is None else _vector(weights, "weights")
    if len(values) != len(weights):
        raise ValueError(f"{len(values)} values and {len(weights)} weights were given")
    if not (weights > 0).all():
        raise ValueError("every weight must be above 0: an item without tokens has no score")
    return values, weights


def _vector(x: Tensor | Sequence[float], name: str) -> Tensor:
    x = torch.as_tensor(x, dtype=torch.float64)
    if x.dim() != 1 or not len(x):
        raise ValueError(
            f"{name} has shape {list(x.shape)}; expected a list of at least one number"
        )
    return x

"""How large, and for how long: a model's size and data from a law of its loss.

    >>> N, D = BESIROGLU.best(5.76e23)        # parameters and tokens for Chinchilla's FLOPs
    >>> BESIROGLU.lifetime(loss=2.0, served=1e12)

The law is L(N, D) = E + A / N^α + B / D^β, in nats a token (Hoffmann et al. 2022,
arXiv:2203.15556, section 3.3). Chapter *Compute, energy and cost* derives what follows from it.
N counts parameters, D tokens; training takes 6 N D FLOPs, reading or writing a token 2 N.
"""

import math
from dataclasses import dataclass

import torch

TRAIN, SERVE = 6, 2  # FLOPs a parameter and token


@dataclass(frozen=True)
class Law:
    """The five constants of L(N, D) = E + A / N^α + B / D^β."""

    E: float  # what no model gets below, nats a token
    A: float
    B: float
    alpha: float
    beta: float

    def loss(self, N, D):
        """Nats a token of N parameters after D tokens; numbers, or tensors of one shape."""
        return self.E + self.A / N**self.alpha + self.B / D**self.beta

    def best(self, flops: float) -> tuple[float, float]:
        """(N, D) with the lowest loss among all with 6 N D = flops."""
        if not 0 < flops < math.inf:
            raise ValueError(f"flops is {flops}; expected a finite number above 0.")
        a, b = self.alpha, self.beta
        N = (a * self.A / (b * self.B)) ** (1 / (a + b)) * (flops / TRAIN) ** (b / (a + b))
        return N, flops / (TRAIN * N)

    def tokens(self, loss: float, N: float) -> float:
        """D with which N parameters reach a loss; inf where no D does."""
        left = loss - self.E - self.A / N**self.alpha
        return (self.B / left) ** (1 / self.beta) if left > 0 else math.inf

    def lifetime(self, loss: float, served: float = 0.0) -> tuple[float, float]:
        """(N, D) that reach ``loss`` with the least 6 N D + 2 N · served.

        At the minimum β B D^-β (1 + served / 3D) = α A N^-α, and both terms of the loss add up
        to loss - E. Together they are one equation in D whose left side only falls: bisection.
        Raises ValueError for a loss at or below E, or served below 0.
        """
        if not self.E < loss < math.inf:
            raise ValueError(f"loss is {loss}; by this law it lies above E = {self.E}.")
        if not 0 <= served < math.inf:
            raise ValueError(f"served is {served}; expected a number of tokens, 0 or more.")

        def excess(D: float) -> float:
            ratio = self.beta / self.alpha * (1 + served * SERVE / TRAIN / D)
            return self.B / D**self.beta * (1 + ratio) - (loss - self.E)

        low, high = 0.0, 100.0  # ln D
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(math.exp(middle)) > 0 else (low, middle)
        D = math.exp((low + high) / 2)
        return (self.A / (loss - self.E - self.B / D**self.beta)) ** (1 / self.alpha), D


def total_flops(N: float, D: float, served: float = 0.0) -> float:
    """6 N D to train and 2 N for each token served."""
    return TRAIN * N * D + SERVE * N * served


#: Hoffmann et al. 2022, section 3.3, with the digits that the paper's source
#: has and its text rounds off (as Besiroglu et al. 2024 report them).
HOFFMANN = Law(E=1.6934, A=406.4, B=410.7, alpha=0.3392, beta=0.2849)
#: Besiroglu et al. 2024, arXiv:2404.10102: the same form fitted again to the same runs.
BESIROGLU = Law(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)


@dataclass(frozen=True)
class Parabola:
    """loss = lowest + curvature · (ln size - ln best)², and whether ``best`` lies between the
    smallest and the largest size that were tried. Without a minimum ``best`` is nan."""

    best: float
    lowest: float
    curvature: float
    inside: bool


def parabola(sizes: list[float], losses: list[float]) -> Parabola:
    """The least-squares parabola of loss over ln size, three points or more (Hoffmann et al.,
    approach 2)."""
    if len(sizes) != len(losses) or len(set(sizes)) < 3:
        raise ValueError(
            f"{len(sizes)} sizes and {len(losses)} losses; expected as many of one as of the "
            "other, and three different sizes or more."
        )
    x = torch.tensor(sizes, dtype=torch.float64).log()
    centre = float(x.mean())
    x = x - centre
    columns = torch.stack([torch.ones_like(x), x, x**2], dim=1)
    y = torch.tensor(losses, dtype=torch.float64).unsqueeze(1)
    c, b, a = torch.linalg.lstsq(columns, y).solution.flatten().tolist()
    if a <= 0:
        return Parabola(math.nan, math.nan, a, False)
    at = -b / (2 * a)
    inside = float(x.min()) < at < float(x.max())
    return Parabola(math.exp(at + centre), c - b * b / (4 * a), a, inside)

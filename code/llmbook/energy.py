"""From operations to device hours, energy, carbon and money, each with its uncertainty.

    >>> job = Job(flops=3.14e23, peak=125e12, utilisation=0.1968, watts=330, pue=1.1, grams=429)
    >>> round(job.megawatt_hours()), round(job.tonnes(), 1)  # GPT-3, as its accounts have it
    (1287, 552.2)
    >>> bill(replace(job, utilisation=Range(0.15, 0.3, 0.5)))["megawatt_hours"]
    Range(low=..., middle=..., high=...)

The chain is a few multiplications (Patterson et al. 2021, arXiv:2104.10350; chapter
*Compute, energy and cost*). A factor that is known is a number; one that is not is a `Range`, and
`bill` carries all of them through by drawing.

Units: FLOP and FLOP/s, hours of one device, watts a device, grams of CO2-equivalent a kWh,
money a device hour in whatever currency it is given.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Range:
    """A number above 0 that is not known: as an input its least, its likeliest and its largest
    value, as a result the ends of its 90 % interval and its median."""

    low: float
    middle: float
    high: float

    def __post_init__(self):
        if not 0 < self.low <= self.middle <= self.high < math.inf:
            raise ValueError(
                f"a Range holds finite numbers above 0 in rising order, not {self.low}, "
                f"{self.middle}, {self.high}"
            )

    def draws(self, n: int, source: torch.Generator) -> Tensor:
        """``[n]`` float64 draws: the logarithm has the triangular law with its peak at
        ``middle``. So a factor too large by half is as likely as one too small by a third."""
        a, c, b = (math.log(x) for x in (self.low, self.middle, self.high))
        u = torch.rand(n, generator=source, dtype=torch.float64)
        if a == b:
            return torch.full_like(u, self.middle)
        rising = a + (u * (b - a) * (c - a)).sqrt()
        falling = b - ((1 - u) * (b - a) * (b - c)).sqrt()
        return torch.where(u < (c - a) / (b - a), rising, falling).exp()

    def __contains__(self, x: float) -> bool:
        return self.low <= x <= self.high


Amount = float | Range


@dataclass(frozen=True)
class Job:
    """What a run needs and where it runs. Any field may be a `Range`; ``watts`` is what one
    device draws on average with its share of the machine around it."""

    flops: Amount  # operations of the whole run
    peak: Amount  # FLOP/s of one device, by its data sheet
    utilisation: Amount  # the part of peak that is reached, over all hours paid for
    watts: Amount
    pue: Amount = 1.0  # power of the whole building over that of its computers, 1 or more
    grams: Amount = 429.0  # of CO2-equivalent a kWh; the default: USA, 2018-20 (Patterson et al.)
    per_hour: Amount = 2.0  # price of a device hour; the default: DeepSeek-V3's, in dollars

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _ends(value)
            if not 0 < low <= high < math.inf:
                raise ValueError(f"{field.name} is {value}; expected a finite number above 0.")
        if _ends(self.utilisation)[1] > 1:
            raise ValueError(f"utilisation is {self.utilisation}; it is a part, at most 1.")
        if _ends(self.pue)[0] < 1:
            raise ValueError(
                f"pue is {self.pue}; a building draws at least what its computers draw: 1 or more."
            )

    def hours(self) -> float:
        """Device hours of the run; `Range` fields count with their middle, here and below."""
        return self._of(hours)

    def megawatt_hours(self) -> float:
        return self._of(megawatt_hours)

    def tonnes(self) -> float:
        """Tonnes of CO2-equivalent."""
        return self._of(tonnes)

    def price(self) -> float:
        return self._of(price)

    def _of(self, quantity: Callable) -> float:
        return float(quantity({f.name: _middle(getattr(self, f.name)) for f in fields(self)}))


def hours(x: dict) -> float | Tensor:
    """Device hours from ``x``: flops, peak (FLOP/s) and utilisation."""
    return x["flops"] / (x["peak"] * x["utilisation"]) / 3600


def megawatt_hours(x: dict) -> float | Tensor:
    """Device hours · watts · PUE, in MWh."""
    return hours(x) * x["watts"] * x["pue"] / 1e6


def tonnes(x: dict) -> float | Tensor:
    """MWh · grams a kWh, in tonnes: 1 g a kWh is 1 kg a MWh."""
    return megawatt_hours(x) * x["grams"] / 1000


def price(x: dict) -> float | Tensor:
    """Device hours · price of one."""
    return hours(x) * x["per_hour"]


QUANTITIES: dict[str, Callable] = {
    "hours": hours, "megawatt_hours": megawatt_hours, "tonnes": tonnes, "price": price,
}  # fmt: skip


def bill(job: Job, draws: int = 100_000, seed: int = 0) -> dict[str, Range]:
    """Each of `QUANTITIES` as a 90 % interval and a median, with all ranges drawn independently."""
    if draws < 100:
        raise ValueError(f"draws is {draws}; a 90 % interval needs at least 100.")
    source = torch.Generator().manual_seed(seed)
    x = {}
    for field in fields(job):
        value = getattr(job, field.name)
        known = not isinstance(value, Range)
        x[field.name] = torch.full((draws,), float(value)) if known else value.draws(draws, source)
        x[field.name] = x[field.name].double()
    ends = torch.tensor([0.05, 0.5, 0.95], dtype=torch.float64)
    return {name: Range(*of(x).quantile(ends).tolist()) for name, of in QUANTITIES.items()}


def _ends(value: Amount) -> tuple[float, float]:
    return (value.low, value.high) if isinstance(value, Range) else (value, value)


def _middle(value: Amount) -> float:
    return value.middle if isinstance(value, Range) else value

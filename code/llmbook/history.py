"""What happened in a training run: lists that a checkpoint keeps and a figure draws."""

import math
from dataclasses import asdict, dataclass, field


@dataclass
class History:
    """What happened. The first five lists have one entry an update, the last two one a look
    at the validation data. Losses are in nats a token, times in CPU seconds."""

    step: list[int] = field(default_factory=list)  # updates done before this one: 0, 1, 2 ...
    loss: list[float] = field(default_factory=list)  # on the batch of this update, before it
    grad_norm: list[float] = field(default_factory=list)  # before clipping
    lr: list[float] = field(default_factory=list)  # of the first parameter group
    cpu_seconds: list[float] = field(default_factory=list)  # spent on updates so far
    valid_step: list[int] = field(default_factory=list)  # updates done when looking
    valid_loss: list[float] = field(default_factory=list)

    def add(self, step: int, loss: float, norm: float, lr: float, seconds: float) -> None:
        """Write down one update, which took so many CPU seconds."""
        total = seconds + (self.cpu_seconds[-1] if self.cpu_seconds else 0.0)
        self.step.append(step)
        self.loss.append(loss)
        self.grad_norm.append(norm)
        self.lr.append(lr)
        self.cpu_seconds.append(total)

    def to_json(self) -> dict[str, list]:
        """Plain lists; a number that is not finite becomes None, which JSON can say."""
        return {k: [_finite_or_none(x) for x in v] for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, lists: dict[str, list]) -> "History":
        """The inverse of `to_json` (None comes back as NaN)."""
        return cls(**{k: [math.nan if x is None else x for x in v] for k, v in lists.items()})


def _finite_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None

"""What stands around the training loop: its history, its guard, its checkpoints, its Ctrl-C.

`llmbook.train.loop` reads a `Run`; this module keeps the loop itself short enough to read.
"""

import contextlib
import math
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from llmbook import checkpoint as checkpoints
from llmbook.data import Stories, Stream
from llmbook.evaluate import device_of, perplexity


class TrainingDiverged(RuntimeError):  # noqa: N818 - what happened, as StopIteration is
    """The loss or the gradient left the finite numbers; the last good weights are back."""


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


@dataclass
class Run:
    """Everything that one training run is made of; `loop` reads it, `fit` puts it together."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    train_data: Stories | Stream
    steps: int
    batch_size: int
    seed: int
    clip: float | None = None
    factor: Callable[[int], float] = lambda step: 1.0  # of the peak learning rate
    valid_data: Stories | Stream | None = None
    eval_every: int | None = None
    eval_batches: int | None = None
    checkpoint: str | Path | None = None
    checkpoint_every: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    progress: bool = True
    on_step: Callable[[int, History], None] | None = None
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.in_update = False  # whether weights may be ahead of the history
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.good = [p.detach().clone() for p in self.parameters]  # weights of the last good loss
        self.settings = {
            "steps": self.steps, "batch_size": self.batch_size, "seed": self.seed,
            "clip": self.clip, "optimizer": type(self.optimizer).__name__,
            "train_data": self.train_data.fingerprint(), "model": type(self.model).__name__,
        }  # fmt: skip
        if hasattr(self.model, "config"):
            self.settings |= {f"model's {k}": v for k, v in self.model.config().items()}

    def restore(self, point: checkpoints.Checkpoint) -> None:
        """Take up weights, optimizer, history and random state where a checkpoint left them."""
        earlier = point.extra.get("fit")
        if earlier is None or point.optimizer is None:
            raise checkpoints.CheckpointError(
                f"{point.path} holds a model but no state of its training, so it cannot be "
                "resumed. Start a new run, or give the checkpoint of a run."
            )
        keys = sorted(earlier["settings"].keys() | self.settings.keys())
        pairs = [(k, earlier["settings"].get(k), self.settings.get(k)) for k in keys]
        unlike = [f"{k} was {a!r} and is {b!r}" for k, a, b in pairs if a != _plain(b)]
        if unlike:
            raise checkpoints.CheckpointError(
                f"{point.path} is from another run: {'; '.join(unlike)}. Resume with the same "
                "settings and data, or start a new run with another checkpoint."
            )
        if earlier["machine"] != _machine():
            warnings.warn(
                f"{point.path} was written with {earlier['machine']}, now it is {_machine()}: the "
                "run goes on, but not to the last bit as it would have there.",
                stacklevel=4,
            )
        checkpoints.put_weights(self.model, point)
        self.optimizer.load_state_dict(point.optimizer)
        _set_random_state(self.model, point.other)
        for name, values in asdict(History.from_json(point.history)).items():
            getattr(self.history, name)[:] = values

    def save(self) -> None:
        """Write the checkpoint: all that `restore` needs, whole or not at all."""
        checkpoints.save(
            self.checkpoint, self.model, self.optimizer, self.history,
            self.extra | {"fit": {"settings": self.settings, "machine": _machine()}},
            tensors=_random_state(self.model),
        )  # fmt: skip

    def look_and_save(self, step: int) -> None:
        """Score the validation data and write the checkpoint where they are due."""
        last, history = step == self.steps, self.history
        look = self.valid_data is not None and (last or _due(step, self.eval_every))
        keep = self.checkpoint is not None
        keep = keep and (last or (step > 0 and _due(step, self.checkpoint_every)))
        if (look or keep or last) and not all(p.isfinite().all() for p in self.parameters):
            self.fail(step - 1, "a weight is not finite after the update")
        if look and history.valid_step[-1:] != [step]:  # a resumed run may have looked already
            scored = perplexity(self.model, self.valid_data, batch_size=self.batch_size,
                                max_batches=self.eval_batches)  # fmt: skip
            history.valid_step.append(step)
            history.valid_loss.append(scored.nats)
        if keep:
            self.save()

    def guard(self, step: int, loss: Tensor, norm: Tensor) -> None:
        """Keep the weights whose loss and gradient are finite; stop at the first that are not."""
        if not (loss.isfinite() and norm.isfinite()):
            self.fail(step, f"the loss is {loss.item()} and the gradient's norm {norm.item()}")
        for kept, parameter in zip(self.good, self.parameters, strict=True):
            kept.copy_(parameter.detach())

    def fail(self, step: int, what: str) -> None:
        """Put the last good weights back and raise TrainingDiverged."""
        with torch.no_grad():
            for kept, parameter in zip(self.good, self.parameters, strict=True):
                parameter.copy_(kept)
        rate = self.optimizer.param_groups[0]["lr"]
        before = [x for x in self.history.loss[: step + 1] if math.isfinite(x)]
        raise TrainingDiverged(
            f"training diverged at step {step}: {what} (learning rate {rate:.3g}, last good loss "
            f"{before[-1] if before else 'none'}). The model has its last good weights back. Try "
            "a smaller lr, a longer warmup or a smaller clip; if step is 0, look at the data and "
            "at the model's first weights."
        )

    @contextlib.contextmanager
    def whole_update(self) -> Iterator[None]:
        """Let a Ctrl-C wait until the update is whole; a second one does not wait.

        An update that is half done could not be resumed: some weights would be ahead.
        """
        asked = []

        def note(number: int, frame: object) -> None:
            if asked:
                raise KeyboardInterrupt
            asked.append(number)

        main = threading.current_thread() is threading.main_thread()  # signals arrive there
        earlier = signal.getsignal(signal.SIGINT)
        deferred = main and callable(earlier)  # where Ctrl-C is ignored, it stays so
        if deferred:
            signal.signal(signal.SIGINT, note)
        self.in_update = True
        try:
            yield
            self.in_update = False
        finally:
            if deferred:
                signal.signal(signal.SIGINT, earlier)
        if asked:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def saved_on_interrupt(self) -> Iterator[None]:
        """Where Ctrl-C stops the run between two updates, write the checkpoint, then go on up."""
        try:
            yield
        except KeyboardInterrupt:
            if self.checkpoint is not None and not self.in_update:
                self.save()
            raise


def claim(path: str | Path | None, resume: bool, overwrite: bool) -> checkpoints.Checkpoint | None:
    """Make sure that a run may write ``path``; the checkpoint there, if the run is to go on."""
    if path is None:
        return None
    checkpoints.check_writable(path)
    if not Path(path).exists() or (overwrite and not resume):
        return None
    if not resume:
        raise checkpoints.CheckpointError(
            f"{path} exists. Give resume=True to go on with that run, overwrite=True to replace "
            "it, or another path."
        )
    return checkpoints.load(path)


def progress_bar(total: int, done: int, shown: bool) -> tqdm:
    """A progress bar; silent without ``shown`` or with TQDM_DISABLE=1."""
    off = {} if shown else {"disable": True}  # left out, tqdm asks the variable itself
    return tqdm(total=total, initial=done, unit="step", **off)


@contextlib.contextmanager
def own_randomness(model: nn.Module, seed: int) -> Iterator[None]:
    """Dropout and the like draw from ``seed`` inside; outside, nothing has been drawn."""
    device = device_of(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _random_state(model: nn.Module) -> dict[str, Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if (device := device_of(model)).type == "cuda":
        states["random.cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_random_state(model: nn.Module, states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["random.cpu"])
    if (device := device_of(model)).type == "cuda" and "random.cuda" in states:
        torch.cuda.set_rng_state(states["random.cuda"], device)


def _machine() -> str:
    """What the last bit of a result depends on, beside the arguments."""
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads"


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0


def _plain(value: Any) -> Any:
    """As it comes back from JSON: tuples become lists."""
    return list(value) if isinstance(value, tuple) else value


def _finite_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None

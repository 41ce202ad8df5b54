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
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from llmbook import checkpoint as checkpoints
from llmbook import distributed
from llmbook.data import IGNORE, Batch, Stories, Stream
from llmbook.evaluate import device_of, perplexity
from llmbook.history import History

#: What the products of matrices are computed in; weights and their updates stay in float32.
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

TICKS = 10_000  # a budget of CPU time, for a schedule: as if so many steps took the same time each


class TrainingDiverged(RuntimeError):  # noqa: N818 - what happened, as StopIteration is
    """The loss or the gradient left the finite numbers; the last good weights are back."""


@dataclass
class Run:
    """Everything that one training run is made of; `loop` reads it, `fit` puts it together."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    train_data: Stories | Stream
    steps: int | None
    batch_size: int
    seed: int
    cpu_seconds: float | None = None  # the budget where steps is None
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
    accumulate: int = 1  # parts that a batch is worked through in
    precision: str = "float32"  # a key of PRECISIONS
    replica: distributed.Replica | None = None  # the model as this process trains it

    def __post_init__(self) -> None:
        self.in_update = False  # whether weights may be ahead of the history
        self.replica = self.replica or distributed.Replica(self.model, distributed.World())
        self.world = self.replica.world
        self.asked: list[int] = []  # the Ctrl-C's that wait for the end of an update
        self.device = device_of(self.model)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self.parameters = [p for p in self.replica.trained.parameters() if p.requires_grad]
        self.good = [p.detach().clone() for p in self.parameters]  # weights of the last good loss
        self.settings = {
            "steps": self.steps, "cpu_seconds": self.cpu_seconds,
            "batch_size": self.batch_size, "seed": self.seed, "clip": self.clip,
            "optimizer": type(self.optimizer).__name__,
            "train_data": self.train_data.fingerprint(), "model": type(self.model).__name__,
        }  # fmt: skip
        if hasattr(self.model, "config"):
            self.settings |= {f"model's {k}": v for k, v in self.model.config().items()}
        if self.accumulate > 1:
            self.settings["accumulate"] = self.accumulate
        if self.precision != "float32":
            self.settings["precision"] = self.precision

    def over(self, step: int) -> bool:
        """Whether the budget is spent, after so many updates."""
        if self.steps is not None:
            return step == self.steps
        return bool(self.history.cpu_seconds) and self.history.cpu_seconds[-1] >= self.cpu_seconds

    def passed(self, step: int) -> int:
        """Where a schedule stands after so many updates: on that step, or on that tick."""
        if self.steps is not None or not self.history.cpu_seconds:
            return step
        return int(TICKS * self.history.cpu_seconds[-1] / self.cpu_seconds)

    def news(self) -> str:
        """What the progress bar says beside the number of updates."""
        loss = f"loss {self.history.loss[-1]:.3f}"
        if self.steps is not None:
            return loss
        return f"{loss}, {self.history.cpu_seconds[-1]:.0f} of {self.cpu_seconds:g} CPU s"

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
        if earlier["machine"] != (now := _machine(self.world)):
            warnings.warn(
                f"{point.path} was written with {earlier['machine']}, now it is {now}: the "
                "run goes on, but not to the last bit as it would have there.",
                stacklevel=4,
            )
        checkpoints.put_weights(self.model, point)
        self.replica.spread()
        self.replica.restore_optimizer(self.optimizer, point.optimizer)
        self.scaler.load_state_dict(earlier.get("scaler", {}))
        _set_random_state(self.model, point.other)
        for name, values in asdict(History.from_json(point.history)).items():
            getattr(self.history, name)[:] = values

    def save(self) -> None:
        """Write the checkpoint: all that `restore` needs, whole or not at all."""
        self.replica.collect()
        state = self.replica.optimizer_state(self.optimizer)  # every process has a part of it
        fit = {"settings": self.settings, "machine": _machine(self.world)}
        if self.scaler.is_enabled():
            fit["scaler"] = self.scaler.state_dict()
        if self.world.first:
            checkpoints.save(
                self.checkpoint, self.model, SimpleNamespace(state_dict=lambda: state),
                self.history, self.extra | {"fit": fit}, tensors=_random_state(self.model),
            )  # fmt: skip

    def look_and_save(self, step: int) -> None:
        """Score the validation data and write the checkpoint where they are due."""
        last, history = self.over(step), self.history
        look = self.valid_data is not None and (last or _due(step, self.eval_every))
        keep = self.checkpoint is not None
        keep = keep and (last or (step > 0 and _due(step, self.checkpoint_every)))
        if look or keep or last:
            odd = not all(distributed.local(p).isfinite().all() for p in self.parameters)
            if self.world.total(odd, device=self.device)[0]:
                self.fail(step - 1, "a weight is not finite after the update")
        if look and history.valid_step[-1:] != [step]:  # a resumed run may have looked already
            self.replica.collect()
            nats = 0.0
            if self.world.first:
                nats = perplexity(self.model, self.valid_data, batch_size=self.batch_size,
                                  max_batches=self.eval_batches).nats  # fmt: skip
            history.valid_step.append(step)
            history.valid_loss.append(self.world.total(nats, device=self.device)[0])
        if keep:
            self.save()

    def pieces(self, step: int) -> Iterator[tuple[Batch, int, bool]]:
        """This process's rows of the batch in ``accumulate`` parts. With each come the number
        of targets that the whole batch scores, and whether it is the last part."""
        batch = self.train_data.batch(step, self.batch_size, self.seed)
        scored = int((batch[1] != IGNORE).sum())
        self.world.reseed(self.seed, step)
        parts = self.world.size * self.accumulate
        for number in range(self.world.rank, parts, self.world.size):
            yield distributed.share(batch, number, parts), scored, number + self.world.size >= parts

    def autocast(self) -> contextlib.AbstractContextManager:
        """Products of matrices in 16 bits inside, where the run asks for it."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, PRECISIONS[self.precision])

    def settle(self, loss: Tensor) -> Tensor:
        """The loss of the whole batch; and all processes agree whether one was asked to stop."""
        if self.world.alone:
            return loss
        total, self.stopping = self.world.total(loss, len(self.asked), device=self.device)
        return torch.tensor(total)

    def guard(self, step: int, loss: Tensor, norm: Tensor) -> None:
        """Keep the weights whose loss and gradient are finite; stop at the first that are not.

        Loss scaling counts on gradients that overflow now and then: it leaves their update out
        and halves its scale. Only where the scale is down to 1 is such a gradient a failure.
        """
        if self.scaler.is_enabled() and loss.isfinite() and self.scaler.get_scale() > 1:
            return
        if not (loss.isfinite() and norm.isfinite()):
            self.fail(step, f"the loss is {loss.item()} and the gradient's norm {norm.item()}")
        for kept, parameter in zip(self.good, self.parameters, strict=True):
            kept.copy_(parameter.detach())

    def fail(self, step: int, what: str) -> None:
        """Put the last good weights back and raise TrainingDiverged."""
        with torch.no_grad():
            for kept, parameter in zip(self.good, self.parameters, strict=True):
                parameter.copy_(kept)
        self.replica.collect()
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

        An update that is half done could not be resumed: some weights would be ahead. Of many
        processes all have to stop after the same update: `settle` finds out which.
        """
        self.stopping = 0.0
        with self.ctrl_c_noted() if self.world.alone else contextlib.nullcontext():
            self.in_update = True
            yield
            self.in_update = False
        if self.stopping or (self.world.alone and self.asked):
            self.asked.clear()
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def ctrl_c_noted(self) -> Iterator[None]:
        """Write a Ctrl-C down instead of stopping; the second one in a row stops at once."""

        def note(number: int, frame: object) -> None:
            if self.asked and self.world.alone:
                self.asked.clear()
                raise KeyboardInterrupt
            self.asked.append(number)

        main = threading.current_thread() is threading.main_thread()  # signals arrive there
        earlier = signal.getsignal(signal.SIGINT)
        deferred = main and callable(earlier)  # where Ctrl-C is ignored, it stays so
        if deferred:
            signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            if deferred:
                signal.signal(signal.SIGINT, earlier)

    @contextlib.contextmanager
    def saved_on_interrupt(self) -> Iterator[None]:
        """Where Ctrl-C stops the run between two updates, write the checkpoint, then go on up."""
        try:
            with contextlib.nullcontext() if self.world.alone else self.ctrl_c_noted():
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


def progress_bar(total: int | None, done: int, shown: bool) -> tqdm:
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


def _machine(world: distributed.World) -> str:
    """What the last bit of a result depends on, beside the arguments."""
    many = "" if world.alone else f", {world.size} processes"
    return f"torch {torch.__version__}, {torch.get_num_threads()} threads{many}"


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0


def _plain(value: Any) -> Any:
    """As it comes back from JSON: tuples become lists."""
    return list(value) if isinstance(value, tuple) else value

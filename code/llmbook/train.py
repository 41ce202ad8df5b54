"""One explicit training loop for every model of the book.

    history = fit(model, Stories(train, end), steps=500, valid_data=Stories(valid, end))
    history.loss[0], history.valid_loss[-1]

`fit` is a function of the model's first weights, the data and its arguments: batches depend on
(seed, step) alone and dropout draws from a generator of fit's own. So a run that was stopped
and resumed ends with the same bits as one that was not (same machine, threads and versions).
What stands around the loop (history, guard, checkpoints) is in `llmbook.run`.

Dimensions: B batch, T time, V vocabulary.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from llmbook import checkpoint as checkpoints
from llmbook import distributed, optim
from llmbook.data import Stories, Stream
from llmbook.evaluate import check_fits, perplexity
from llmbook.models import LanguageModel
from llmbook.run import (
    PRECISIONS,
    TICKS,
    History,
    Run,
    TrainingDiverged,
    claim,
    own_randomness,
    progress_bar,
)

__all__ = ["History", "Run", "TrainingDiverged", "fit", "loop"]


def fit(
    model: nn.Module,
    train_data: Stories | Stream,
    *,
    steps: int | None = None,
    batch_size: int = 32,
    lr: float = 3e-3,
    optimizer: str | Callable | torch.optim.Optimizer | None = None,
    schedule: str | optim.Schedule = "cosine",
    warmup: float = 0.02,
    final_lr: float = 0.0,
    clip: float | None = 1.0,
    weight_decay: float = 0.1,
    seed: int = 0,
    valid_data: Stories | Stream | None = None,
    eval_every: int | None = None,
    eval_batches: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    extra: dict[str, Any] | None = None,
    cpu_seconds: float | None = None,
    accumulate: int = 1,
    precision: str = "float32",
    shard: bool = False,
    progress: bool = True,
    on_step: Callable[[int, History], None] | None = None,
) -> History:
    """Train ``model`` in place for ``steps`` updates and return what happened.

    warmup and final_lr are fractions: of the steps, and of the peak ``lr``. valid_data is
    scored before the first update, every ``eval_every`` updates and after the last (only after
    the last without eval_every), on ``eval_batches`` batches or all. checkpoint: the file to
    write every ``checkpoint_every`` updates, at the end, and when Ctrl-C stops the run; with
    ``resume`` a run goes on from it where it exists, ``overwrite`` lets a new run replace it.
    extra: JSON-able, kept in the checkpoint (a vocabulary). cpu_seconds in place of steps: the
    run ends with the update in which its updates have taken so long, and the schedule follows
    that clock, so how many there were depends on the machine. on_step(done, history) is called
    after each update. accumulate: work through each batch in so many parts, for less
    memory and (dropout aside) the same update. precision: what products of matrices are computed
    in, "float32", "bf16" or "fp16" (with loss scaling). Under torchrun, inside
    `distributed.processes`, every process works on its share of the same batches; with ``shard``
    it also holds only its share of the weights and the optimizer's state. Data is anything with
    the methods of Stories and Stream, such as Masked. A model that counts (NGram) reads the data
    once; of the arguments about updates only batch_size plays a part.

    Raises ValueError for arguments or data that cannot work, TypeError for next words and a
    model that sees them, TrainingDiverged for a loss or
    gradient that is not finite, CheckpointError for a file that cannot be used or written.
    """
    for data in filter(None, (train_data, valid_data)):
        check_fits(model, data)
    if not any(p.requires_grad for p in model.parameters()):
        if getattr(type(model), "count", LanguageModel.count) is LanguageModel.count:
            raise ValueError(
                f"no parameter of this {type(model).__name__} requires a gradient, so there is "
                "nothing to train. Call requires_grad_(True) on what should learn."
            )
        if not distributed.world().alone:
            raise ValueError("a model that counts reads the data once: start one process alone.")
        claim(checkpoint, False, overwrite or resume)  # counting again takes no longer
        return _count(model, train_data, batch_size, valid_data, checkpoint, extra, progress)
    if (steps is None) == (cpu_seconds is None):
        raise ValueError("give either steps or cpu_seconds: exactly one of them sets the budget.")
    earlier = claim(checkpoint, resume, overwrite)
    _check(steps, cpu_seconds, accumulate, precision, shard, optimizer)

    replica = distributed.Replica(model, distributed.world(), shard)
    made = optim.make(optimizer, replica.trained, lr, weight_decay)
    run = Run(
        model, made, train_data, steps, batch_size, seed, cpu_seconds=cpu_seconds,
        clip=clip, factor=_factor(schedule, steps or TICKS, warmup, final_lr),
        valid_data=valid_data, eval_every=eval_every, eval_batches=eval_batches,
        checkpoint=checkpoint, checkpoint_every=checkpoint_every, extra=extra or {},
        progress=progress and replica.world.first, on_step=on_step, accumulate=accumulate,
        precision=precision, replica=replica,
    )  # fmt: skip
    run.settings |= {
        "lr": lr, "schedule": getattr(schedule, "__name__", schedule), "warmup": warmup,
        "final_lr": final_lr, "weight_decay": weight_decay,
    }  # fmt: skip
    with own_randomness(model, seed):
        if earlier is not None:
            run.restore(earlier)
        try:
            loop(run)
            replica.collect()
        finally:
            model.eval()
    return run.history


def _check(
    steps: int | None, cpu_seconds: float | None, accumulate: int, precision: str, shard: bool,
    optimizer: str | Callable | None,
) -> None:  # fmt: skip
    """Raise ValueError for what cannot work, before anything is made."""
    if steps is not None and steps < 1:
        raise ValueError(f"steps is {steps}; expected at least 1.")
    if cpu_seconds is not None and not cpu_seconds > 0:
        raise ValueError(f"cpu_seconds is {cpu_seconds}; expected more than 0.")
    if cpu_seconds is not None and not distributed.world().alone:
        raise ValueError("each process would stop by its own clock: give steps instead.")
    if accumulate < 1:
        raise ValueError(f"accumulate is {accumulate}; expected at least 1.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; expected one of {', '.join(PRECISIONS)}.")
    if shard and precision == "fp16":
        raise ValueError("shards and fp16's loss scaling do not go together; give bf16.")
    if shard and hasattr(optimizer, "param_groups"):
        raise ValueError(
            "shard trains a copy of the model that is cut up, so it cannot use an optimizer that "
            "is bound to this one. Give the optimizer's name or a function of the model."
        )


def loop(run: "Run") -> None:
    """The heart of `fit`: one pass of the while loop is one update of the weights."""
    optimizer, history, device = run.optimizer, run.history, run.device
    with progress_bar(run.steps, len(history.loss), run.progress) as bar, run.saved_on_interrupt():
        run.replica.trained.train()
        while True:
            step = len(history.loss)  # updates done so far
            run.look_and_save(step)
            if run.over(step):
                break
            factor, started = run.factor(run.passed(step)), time.process_time()
            with run.whole_update():
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * factor
                optimizer.zero_grad()
                loss = torch.zeros((), device=device)
                for (inputs, targets), scored, last in run.pieces(step):  # [B, T] twice
                    with run.replica.piece(last):
                        with run.autocast():
                            logits, _ = run.replica.logits(inputs.to(device))  # [B, T, V]
                            logits, targets = logits.flatten(0, 1), targets.to(device).flatten()
                            part = F.cross_entropy(logits, targets, reduction="sum") / scored
                        # gradients of many processes are averaged; times their number: summed
                        run.scaler.scale(part * run.world.size).backward()
                    loss += part.detach()
                run.scaler.unscale_(optimizer)
                norm = optim.clip_gradients(run.parameters, run.clip)
                loss = run.settle(loss)
                run.guard(step, loss, norm)  # before an update that is not finite does damage
                run.scaler.step(optimizer)
                run.scaler.update()
                seconds = time.process_time() - started
                rate = optimizer.param_groups[0]["lr"]
                history.add(step, loss.item(), norm.item(), rate, seconds)
            bar.set_postfix_str(run.news(), refresh=False)
            bar.update()
            if run.on_step:
                run.on_step(step + 1, history)


def _factor(
    schedule: str | optim.Schedule, steps: int, warmup: float, final: float
) -> Callable[[int], float]:
    """The schedule as a function of the step alone."""
    if isinstance(schedule, str):
        if schedule not in optim.SCHEDULES:
            known = ", ".join(optim.SCHEDULES)
            raise ValueError(f"schedule is {schedule!r}; expected one of {known}, or a function.")
        schedule = optim.SCHEDULES[schedule]
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is {warmup}; expected a fraction of the steps, 0 to below 1.")
    return lambda step: schedule(step, steps, round(warmup * steps), final)


def _count(
    model: nn.Module,
    data: Stories | Stream,
    batch_size: int,
    valid_data: Stories | Stream | None,
    checkpoint: str | Path | None,
    extra: dict[str, Any] | None,
    progress: bool,
) -> History:
    """Training of a model that counts: one reading of the data, no gradient.

    The history has one entry a batch, whose loss, gradient norm and rate are NaN: there is none.
    """
    history, batches = History(), len(data.plan(batch_size))
    with progress_bar(batches, 0, progress) as bar:
        for step, (inputs, targets) in enumerate(data.epoch(batch_size)):
            started = time.process_time()
            model.count(inputs, targets)
            seconds = time.process_time() - started
            history.add(step, math.nan, math.nan, math.nan, seconds)
            bar.update()
    model.eval()
    if valid_data is not None:
        scored = perplexity(model, valid_data, batch_size=batch_size)
        history.valid_step.append(batches)
        history.valid_loss.append(scored.nats)
    if checkpoint is not None:
        checkpoints.save(checkpoint, model, history=history, extra=extra)
    return history

"""The same training on many processes: which share is mine, and whose word counts.

    torchrun --nproc-per-node 2 -m llmbook train book.txt        # two processes on this machine
    torchrun --nnodes 4 --nproc-per-node 8 ... -m llmbook train book.txt --shard

There is no engine of our own here: torch's DDP copies the model to every process and averages
gradients, its FSDP2 (`fully_shard`) cuts weights, gradients and the optimizer's state into as
many parts as there are processes. What this module adds is small. A batch is a pure function of
(step, batch_size, seed), so every process makes the whole of it and keeps its own rows; the sum
over the processes is then the single process's loss, up to rounding. Process 0 alone prints,
scores and writes. Where torchrun did not start us, all of it is the identity.

Li et al. 2020, arXiv:2006.15704 (DDP); Zhao et al. 2023, arXiv:2304.11277 (FSDP).
"""

import contextlib
import copy
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from llmbook.data import IGNORE, Batch, random_source

PATIENCE = timedelta(minutes=30)  # how long the others wait while process 0 scores or writes


class RankLost(RuntimeError):  # noqa: N818 - what happened, as TrainingDiverged is
    """Another process of the run has gone, so this one cannot go on."""


@dataclass(frozen=True)
class World:
    """Which of how many processes this is. ``World()`` is a process on its own."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process prints, scores and writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.size == 1

    def total(self, *numbers: float | Tensor, device: torch.device | str = "cpu") -> list[float]:
        """Each number summed over all processes."""
        row = torch.tensor([float(x) for x in numbers], dtype=torch.float64, device=device)
        if not self.alone:
            dist.all_reduce(row)
        return row.tolist()

    def reseed(self, seed: int, step: int) -> None:
        """Dropout draws other numbers in each process, and the same ones when a run resumes."""
        if not self.alone:
            torch.manual_seed(random_source(seed, f"process {self.rank}", step).initial_seed())


def share(batch: Batch, number: int, parts: int) -> Batch:
    """Part ``number`` of a batch: every ``parts``-th row from that one on, [B', T].

    Stories of a batch are sorted by length; taken in turns, they make parts of one size. Where
    no row is left the part is one row of padding, for every process has to take part.
    """
    inputs, targets = (x[number::parts] for x in batch)
    if len(inputs):
        return inputs, targets
    return batch[0][:1], torch.full_like(batch[1][:1], IGNORE)


def world() -> World:
    """This process's place among those of the running process group; alone where there is none."""
    if dist.is_available() and dist.is_initialized():
        return World(dist.get_rank(), dist.get_world_size())
    return World()


def device(kind: str) -> torch.device:
    """This process's own device of the kind "cuda" or "cpu": torchrun numbers them by node."""
    if kind == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device(kind)


@contextlib.contextmanager
def processes(kind: str = "cpu") -> Iterator[World]:
    """Join the other processes that torchrun started; alone without it. Over nccl between GPUs,
    over gloo between CPUs. A process that dies ends the run in all others with `RankLost`."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ or world().size > 1:
        yield world()
        return
    if kind == "cuda":
        torch.cuda.set_device(device(kind))
    dist.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=PATIENCE)
    try:
        with _loss_told(world()):
            yield world()
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _loss_told(here: World) -> Iterator[None]:
    """Say in words what a broken connection means."""
    try:
        yield
    except RuntimeError as error:
        told = str(error).lower()
        if not any(word in told for word in ("gloo", "nccl", "connection", "process group")):
            raise
        raise RankLost(
            f"process {here.rank} of {here.size} lost the others: one of them has died, and what "
            "it said stands above or below. The last checkpoint is whole; the same command with "
            "--resume goes on from it."
        ) from error


class Replica:
    """The model as one process trains it.

    ``model`` is always plain and whole. Alone, and with DDP, its own parameters are trained.
    With ``shard``, a copy that FSDP2 has cut up is trained, and `collect` brings its weights
    back into ``model`` where something is scored, written or handed back.
    """

    def __init__(self, model: nn.Module, world: World, shard: bool = False):
        if shard and world.alone:
            raise ValueError(
                "shard is for several processes and this is one. Start it with torchrun, or "
                "leave shard out."
            )
        self.model, self.trained, self.world, self.sharded = model, model, world, shard
        self.logits = model.logits
        if shard:
            self.trained = self.logits = _fully_sharded(copy.deepcopy(model), world)
        elif not world.alone:
            # Buffers are tables here (rotary's angles), and of a length that differs by process.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # torch 2.13 renames the argument
                self.logits = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)

    @contextlib.contextmanager
    def piece(self, last: bool) -> Iterator[None]:
        """Around the work on a part of a batch: gradients are exchanged after the last alone."""
        if self.sharded:
            self.trained.set_requires_gradient_sync(last)
        skip = not (self.world.alone or self.sharded or last)
        with self.logits.no_sync() if skip else contextlib.nullcontext():
            yield

    def collect(self) -> None:
        """Bring the weights into ``model``; every process has to call it."""
        if self.sharded:
            self.model.load_state_dict({k: whole(v) for k, v in self.trained.state_dict().items()})

    def spread(self) -> None:
        """The other way: from ``model`` to the parts that are trained."""
        if self.sharded:
            with torch.no_grad():
                for part, full in zip(
                    self.trained.parameters(), self.model.parameters(), strict=True
                ):
                    part.copy_(_like(full.detach(), part))

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """The optimizer's state with whole tensors; every process has to call it."""
        packed = optimizer.state_dict()
        state = {
            i: {name: whole(value) for name, value in values.items()}
            for i, values in packed["state"].items()
        }
        return packed | {"state": state}

    def restore_optimizer(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Give the optimizer a state of whole tensors, or this process's parts of them."""
        if self.sharded:
            parts = [p for group in optimizer.param_groups for p in group["params"]]
            state = state | {
                "state": {
                    i: {k: _like(v, parts[i]) for k, v in values.items()}
                    for i, values in state["state"].items()
                }
            }
        optimizer.load_state_dict(state)


def whole(value: Any) -> Any:
    """A tensor that is spread over the processes, put together; anything else as it is."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def local(tensor: Tensor) -> Tensor:
    """This process's own part of a tensor."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def _fully_sharded(model: nn.Module, world: World) -> nn.Module:
    """Each block's weights are gathered when it is their turn, and let go after it."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # It warns of views that would be changed in place; nothing here changes a block's output.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    kind = next(model.parameters()).device.type
    mesh = init_device_mesh(kind, (world.size,))
    for block in getattr(model, "blocks", ()):
        fully_shard(block, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def _like(value: Any, part: Tensor) -> Any:
    """A whole tensor cut as the parameter ``part`` is, where both have one shape."""
    if not (isinstance(value, Tensor) and value.shape == part.shape and value.ndim):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(part.device), part.device_mesh, part.placements)

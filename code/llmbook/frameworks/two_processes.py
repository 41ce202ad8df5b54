"""The training step of ``torch_cell`` shared by several processes.

    torchrun --nproc_per_node 2 -m llmbook.frameworks.two_processes FOLDER

Every process takes its part of the batch. ``ddp`` keeps a whole copy of the weights in each process
and averages the gradients; ``fsdp`` keeps a part of every weight in each. The first process writes
the weights after one step of SGD to FOLDER/ddp.safetensors and FOLDER/fsdp.safetensors, under the
names of the task.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from llmbook.frameworks import SGD_RATE, load
from llmbook.frameworks.torch_cell import build, loss_of, named


def wrapped(cell: nn.Module, how: str) -> nn.Module:
    """The cell, its gradients averaged over all processes."""
    if how == "ddp":
        return DistributedDataParallel(cell)
    return fully_shard(cell, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))


def step(how: str) -> dict[str, np.ndarray]:
    """The weights after one step, gathered from all processes."""
    rank, number = dist.get_rank(), dist.get_world_size()
    task = load()
    cell = build(task.weights)
    model = wrapped(cell, how)
    x, targets = (torch.from_numpy(a)[rank::number] for a in (task.x, task.targets))
    loss_of(model, x, targets)[0].backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=SGD_RATE).step()
    after = {name: p.detach() for name, p in named(cell).items()}
    return {n: (p.full_tensor() if how == "fsdp" else p).numpy() for n, p in after.items()}


def main(folder: str) -> None:
    """One process's part."""
    from safetensors.numpy import save_file

    dist.init_process_group("gloo")
    for how in ("ddp", "fsdp"):
        after = step(how)
        if dist.get_rank() == 0:
            save_file(after, Path(folder, f"{how}.safetensors"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])

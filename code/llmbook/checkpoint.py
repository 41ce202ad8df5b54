"""One file that holds a model, and all that its training needs to go on: no pickle in it.

    save("model.safetensors", model, extra={"vocabulary": vocab.to_dict()})
    model = load_model("model.safetensors")

The file is a plain safetensors file. Its metadata hold one JSON text under ``llmbook``: the
model's name and configuration, the history, the optimizer's groups, whatever ``extra`` brings,
and a SHA-256 of all of it and of the tensors. A pickle can run code when it is opened; this
format cannot. A file is written beside its goal, flushed to the disk and then renamed, so that
at every moment the name holds either the whole earlier file or the whole new one.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from llmbook import files

KEY, FORMAT = "llmbook", 1  # the metadata's one key, and the version of what it holds
_WEIGHT, _STATE = "model.", "optimizer."  # what the tensors' names begin with


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, read or used; the message says which file, what, and
    what to do."""


@dataclass
class Checkpoint:
    """What a file held. ``tensors`` are the model's own, by the names of its state_dict."""

    path: Path
    tensors: dict[str, Tensor]
    name: str | None  # the model's name in models.NAMES; None for a class of the reader's own
    config: dict[str, Any]
    history: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    other: dict[str, Tensor] = field(default_factory=dict)  # tensors given as ``tensors=``
    optimizer: dict[str, Any] | None = None  # as Optimizer.load_state_dict takes it

    @property
    def vocabulary(self) -> dict[str, Any] | None:
        """The vocabulary as its ``to_dict`` gave it, when one was saved."""
        return self.extra.get("vocabulary")


def save(
    path: str | Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    history: Any = None,
    extra: dict[str, Any] | None = None,
    *,
    tensors: dict[str, Tensor] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write ``model`` to ``path``, whole or not at all.

    optimizer: its state goes in too. history: anything with ``to_json()``. extra: JSON-able.
    tensors: more tensors to keep (the random generators' states). dtype: floating-point weights
    are stored in this type (float16 halves a file) and come back in their own.
    Raises CheckpointError when the file cannot be written; the earlier file stays as it was.
    """
    weights, ties = _untie(model.state_dict())
    meta = {
        "format": FORMAT,
        "model": _name_of(model),
        "config": model.config() if hasattr(model, "config") else {},
        "types": {k: str(v.dtype) for k, v in weights.items() if v.is_floating_point()},
        "ties": ties,
        "history": None if history is None else history.to_json(),
        "extra": extra or {},
    }
    if dtype is not None:
        weights = {k: v.to(dtype) if v.is_floating_point() else v for k, v in weights.items()}
    stored = {_WEIGHT + k: v for k, v in weights.items()} | (tensors or {})
    if optimizer is not None:
        meta["optimizer"], state = _pack_optimizer(optimizer)
        stored |= state
    stored = {k: v.detach().cpu().contiguous() for k, v in stored.items()}
    meta["sha256"] = _digest(meta, stored)
    write_whole(path, to_bytes(stored, {KEY: json.dumps(meta, sort_keys=True)}))


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint. Raises FileNotFoundError when there is none, and CheckpointError when
    the file is damaged, comes from another program, or is a pickle (which is never opened)."""
    meta, stored = _read(Path(path))
    types, weights, other = meta["types"], {}, {}
    for name, tensor in stored.items():
        if name.startswith(_WEIGHT):
            name = name.removeprefix(_WEIGHT)
            weights[name] = tensor.to(getattr(torch, types[name][6:])) if name in types else tensor
        elif not name.startswith(_STATE):
            other[name] = tensor
    weights |= {name: weights[first] for name, first in meta["ties"].items()}
    packed = meta.get("optimizer")
    optimizer = None if packed is None else _unpack_optimizer(packed, stored)
    return Checkpoint(
        Path(path), weights, meta["model"], meta["config"], meta["history"], meta["extra"], other,
        optimizer,
    )  # fmt: skip


def load_model(path: str | Path) -> nn.Module:
    """The model in a checkpoint, built anew and ready to use (in evaluation mode)."""
    return rebuild(load(path))


def rebuild(point: Checkpoint) -> nn.Module:
    """A new model with a loaded checkpoint's name, configuration and weights."""
    from llmbook import models

    if point.name not in models.NAMES:
        raise CheckpointError(
            f"{point.path} holds a model of the kind {point.name!r}; this llmbook builds "
            f"{', '.join(models.NAMES)}. Build the model yourself and give it load(path).tensors."
        )
    try:
        model = models.build(point.name, point.config)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{point.path} holds a configuration that {point.name!r} does not accept: {error}. "
            "It was written by another version of llmbook: train the model again."
        ) from error
    put_weights(model, point)
    return model.eval()


def put_weights(model: nn.Module, point: Checkpoint) -> None:
    """Copy a checkpoint's weights into ``model``. Raises CheckpointError where they do not fit."""
    try:
        model.load_state_dict(point.tensors)
    except (RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the weights in {point.path} do not fit this {type(model).__name__}: {error} "
            "Build the model with the configuration that the checkpoint was saved with."
        ) from error


def check_writable(path: str | Path) -> None:
    """Find out before hours of training, not after, that ``path`` cannot be written."""
    goal = files.goal_of(path)
    if goal.is_dir():
        raise CheckpointError(f"{path} is a folder; expected the name of a file to write.")
    if not goal.parent.is_dir():
        raise CheckpointError(
            f"the folder {goal.parent} does not exist, so {goal.name} cannot be written there. "
            "Make the folder first, or choose another path."
        )
    trial = files.beside(goal)
    try:
        with open(trial, "xb"):
            pass
    except OSError as error:
        raise CheckpointError(_cannot_write(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(trial)


def write_whole(path: str | Path, data: bytes) -> None:
    """`files.write_whole`, with a CheckpointError that says what to do."""
    try:
        files.write_whole(path, data)
    except OSError as error:
        raise CheckpointError(_cannot_write(path, error)) from error


def _cannot_write(path: str | Path, error: OSError) -> str:
    return (
        f"could not write {path}: {error.strerror or error}. A file that was there before is "
        "untouched. Free some space or allow writing there, or choose another path."
    )


def _name_of(model: nn.Module) -> str | None:
    from llmbook import models

    return next((name for name, kind in models.NAMES.items() if kind is type(model)), None)


def _untie(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Each storage once: a tied weight is kept under its first name, the others point to it."""
    first: dict[tuple, str] = {}
    kept, ties = {}, {}
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and place in first:
            ties[name] = first[place]
        else:
            first[place] = name
            kept[name] = tensor
    return kept, ties


def _pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict, dict[str, Tensor]]:
    """An optimizer's state: JSON for the groups, tensors under ``optimizer.<index>.<name>``."""
    state = optimizer.state_dict()
    tensors, plain = {}, {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{_STATE}{index}.{name}"] = value
            else:
                plain.setdefault(str(index), {})[name] = value
    return {"groups": state["param_groups"], "plain": plain}, tensors


def _unpack_optimizer(packed: dict, stored: dict[str, Tensor]) -> dict:
    state: dict[int, dict] = {int(index): dict(v) for index, v in packed["plain"].items()}
    for name, tensor in stored.items():
        if name.startswith(_STATE):
            index, key = name.removeprefix(_STATE).split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
    return {"state": state, "param_groups": packed["groups"]}


def _digest(meta: dict, stored: dict[str, Tensor]) -> str:
    """SHA-256 of the JSON without its own digest, and of every tensor's name and bytes."""
    plain = {k: v for k, v in meta.items() if k != "sha256"}
    total = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name in sorted(stored):
        tensor = stored[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    """The metadata and tensors of a file that proves to be one of ours, and whole."""
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}. Check the name and the folder.")
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; expected a checkpoint file.")
    with path.open("rb") as file:
        first = file.read(2)
    if first == b"PK" or (first[:1] == b"\x80" and first[1:] in b"\2\3\4\5"):
        raise CheckpointError(
            f"{path} looks like a pickle (torch.save writes such files). A pickle can run code "
            "when it is opened, so llmbook never does. Give a file written by llmbook."
        )
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if text is None:
            raise CheckpointError(
                f"{path} was written by another program: its metadata have no {KEY!r} entry. "
                "Give a file written by llmbook."
            )
        meta = json.loads(text)
        whole = meta["sha256"] == _digest(meta, stored)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} is damaged or is no safetensors file ({error}). Take an earlier copy, or "
            "train the model again."
        ) from error
    if not whole:
        raise CheckpointError(
            f"{path} is damaged: its content no longer matches the SHA-256 it was saved with. "
            "Take an earlier copy, or train the model again."
        )
    if meta.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {meta.get('format')}; this llmbook reads format {FORMAT}. "
            "Update llmbook, or train the model again."
        )
    return meta, stored

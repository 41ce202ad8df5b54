"""One LSTM and one training step in several frameworks, from one file of numbers.

    task = load()                                   # weights and a batch
    theirs = keras_cell.run(task, "float64")        # what Keras on TensorFlow makes of them
    differences(theirs, task.answers)["gradients"]  # the largest, against torch's

``torch_cell`` writes the file ``lstm_cell.safetensors``: weights under torch's names, a batch, and
torch's own answers in double precision. ``keras_cell`` and ``jax_cell`` read it and answer the same
questions. Neither needs torch, and TensorFlow and JAX are not among the book's packages, so their
answers are kept in ``lstm_cell.json`` with the versions that gave them:

    python -m llmbook.frameworks            # ask again, and compare with what is kept
    python -m llmbook.frameworks --write    # ask again, and keep the answers

A chapter reads the kept answers, unless the environment variable LLMBOOK_FRAMEWORKS is ``live``:
then it asks the frameworks that are installed. Nothing is guessed from what is installed.

The book's chapter: Tools. Dimensions: B batch, T time, I input, C hidden size, V vocabulary.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
NUMBERS, KEPT = FOLDER / "lstm_cell.safetensors", FOLDER / "lstm_cell.json"

#: The training step: SGD's rate, and every number that AdamW asks for. All are sums of few powers
#: of two, which no precision rounds: Keras keeps rates in 32 bits, whatever the weights have.
SGD_RATE = 1 / 2
ADAMW = {"lr": 1 / 128, "betas": (7 / 8, 63 / 64), "eps": 2.0**-26, "weight_decay": 1 / 8}

#: The largest difference from torch's double precision that is only rounding. No number here is
#: far above 1: double precision keeps 16 digits of it, single precision 7. AdamW divides a gradient
#: by its own size, so that the rounding of a small one counts for more, times the rate.
ROUNDING = {"float64": 1e-12, "float32": 2e-6}
MODULES = {"TensorFlow": "keras_cell", "JAX": "jax_cell"}  # by the name that readers know


@dataclass(frozen=True)
class Task:
    """Weights ``weight_ih [4C, I]``, ``weight_hh [4C, C]``, ``bias [4C]`` in torch's gate order,
    ``head.weight [V, C]``, ``head.bias [V]``; inputs ``x [B, T, I]``; ``targets [B, T]``; and
    torch's answers (see ``differences``)."""

    weights: dict[str, np.ndarray]
    x: np.ndarray
    targets: np.ndarray
    answers: dict[str, np.ndarray]

    def cast(self, dtype: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Weights and inputs in another precision."""
        return {k: w.astype(dtype) for k, w in self.weights.items()}, self.x.astype(dtype)


def load(path: str | Path = NUMBERS) -> Task:
    """The task in a file that ``torch_cell.write`` made."""
    from safetensors.numpy import load_file

    parts: dict[str, dict[str, np.ndarray]] = {"weight": {}, "batch": {}, "answer": {}}
    for key, array in load_file(path).items():
        part, name = key.split(":")
        parts[part][name] = array
    batch = parts["batch"]
    return Task(parts["weight"], batch["x"], batch["targets"], parts["answer"])


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, float]:
    """The largest difference of each kind of answer: ``h`` (all states), ``logits``, ``loss``,
    ``gradients`` and the weights after one step of ``sgd``, of ``adamw``, and of AdamW with the
    framework's own meaning of epsilon (``adamw_as_named``). ValueError for a missing answer."""
    found: dict[str, float] = {}
    for name, reference in ours.items():
        if name not in theirs:
            raise ValueError(f"the answer {name!r} is missing; there are: {', '.join(theirs)}")
        came = np.asarray(theirs[name], dtype=np.float64)
        if came.shape != np.shape(reference):
            raise ValueError(
                f"the answer {name!r} has shape {came.shape}; expected {np.shape(reference)}"
            )
        kind = name.split(".")[0]
        largest = float(np.max(np.abs(came - reference)))
        found[kind] = max(found.get(kind, 0.0), largest if np.isfinite(largest) else np.inf)
    return found


def summary(theirs: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """What is kept of a framework's answers: the loss, a few numbers, the differences."""
    return {
        "loss": float(theirs["loss"]),
        "last h": [float(x) for x in theirs["h"][0, -1]],
        "last logits": [float(x) for x in theirs["logits"][0, -1]],
        "differences": differences(theirs, task.answers),
    }


def ask(name: str) -> dict[str, Any]:
    """Run the task in a framework, in both precisions. RuntimeError where it is not installed."""
    import importlib

    if name not in MODULES:
        raise ValueError(f"the framework is {name!r}; choose one of {', '.join(MODULES)}")
    module = importlib.import_module(f"llmbook.frameworks.{MODULES[name]}")
    task = load()
    try:
        answers = {dtype: summary(module.run(task, dtype), task) for dtype in ROUNDING}
        return answers | {"defaults": module.defaults(), "versions": module.versions()}
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"{name} was asked for and the package {error.name!r} is not installed. Install what "
            "book/tools/frameworks.txt lists, in an environment of its own, or unset "
            "LLMBOOK_FRAMEWORKS to see the answers that the book keeps."
        ) from error


def results(kept: str = "lstm_cell") -> tuple[dict[str, Any], bool]:
    """Each framework's answers, and whether they were made now.

    They are the kept ones unless LLMBOOK_FRAMEWORKS is ``live``. ValueError for another value.
    """
    wish = os.environ.get("LLMBOOK_FRAMEWORKS", "kept")
    if wish not in ("kept", "live"):
        raise ValueError(f"LLMBOOK_FRAMEWORKS is {wish!r}; set it to live or kept, or unset it")
    if wish == "live":
        return {name: ask(name) for name in MODULES}, True
    return read(kept)["frameworks"], False


def read(kept: str = "lstm_cell") -> dict[str, Any]:
    """The kept answers with the date, platform and versions that gave them."""
    return json.loads((FOLDER / f"{kept}.json").read_text(encoding="utf-8"))


def faults(now: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """In what the answers of now (framework -> answers) depart from the kept ones, in sentences.

    Numbers may differ by rounding, versions as they like; a default that has changed is told.
    """
    found = []
    for name in kept:
        if name not in now:
            found.append(f"{name}: no answer")
            continue
        for dtype, limit in ROUNDING.items():
            came, known = now[name][dtype], kept[name][dtype]
            for kind, difference in came["differences"].items():
                if kind != "adamw_as_named" and not difference <= limit:
                    found.append(f"{name}, {dtype}: {kind} is {difference:.1e} from torch's")
            for key in ("loss", "last h", "last logits"):
                gap = np.max(np.abs(np.subtract(came[key], known[key])))
                if not gap <= limit:
                    found.append(f"{name}, {dtype}: {key} is {gap:.1e} from the kept one")
        if now[name]["defaults"] != kept[name]["defaults"]:
            found.append(f"{name}: AdamW's defaults are now {now[name]['defaults']}")
    return found

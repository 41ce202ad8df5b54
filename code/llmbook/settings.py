"""How large the book runs here: one frozen ``Settings`` object, and one way to seed everything.

A chapter never asks for hardware. It asks ``settings()`` for a device and scales its budgets::

    here = settings()
    history = fit(model.to(here.device), data, steps=here.scale_steps(400))

Environment variables that the package reads (all optional):

``LLMBOOK_SCALE``   ``laptop``, ``gpu`` or ``full``. Unset: ``gpu`` where CUDA is, else ``laptop``.
``LLMBOOK_ONLINE``  ``1`` lets chapters fetch real data and weights; nothing else does.
``LLMBOOK_CACHE``   the folder for what the package makes once and keeps (see `llmbook.hub`).
``TQDM_DISABLE``    ``1`` hides every progress bar (tqdm's own variable).
"""

import os
import random
import sys
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Settings:
    """Sizes and budgets of one scale; ``laptop`` is what the printed outputs were made with."""

    name: str  # laptop, gpu or full
    device: str  # where models and batches live: "cpu" or "cuda"
    step_factor: float = 1.0  # multiplies every budget of optimizer steps
    width_factor: int = 1  # multiplies hidden sizes

    def scale_steps(self, steps: int) -> int:
        """A laptop's budget of optimizer steps, scaled to here; never less than one."""
        return max(1, round(steps * self.step_factor))

    def scale_width(self, size: int) -> int:
        """A laptop's hidden size, scaled to here."""
        return size * self.width_factor


_FACTORS = {"laptop": (1.0, 1), "gpu": (4.0, 2), "full": (20.0, 4)}


def settings() -> Settings:
    """The ``Settings`` of this run, by ``LLMBOOK_SCALE`` or by what the machine has.

    Raises ValueError for an unknown scale, or for ``gpu`` where torch finds no CUDA device.
    (``full`` runs without one too: it takes hours there, but nothing breaks.)
    """
    cuda = torch.cuda.is_available()
    name = os.environ.get("LLMBOOK_SCALE", "").strip().lower() or ("gpu" if cuda else "laptop")
    if name not in _FACTORS:
        raise ValueError(
            f"LLMBOOK_SCALE is {name!r}; expected one of {', '.join(_FACTORS)}. "
            "Set it to one of these, or unset it."
        )
    if name == "gpu" and not cuda:
        raise ValueError(
            "LLMBOOK_SCALE is 'gpu', but torch finds no CUDA device here. "
            "Set LLMBOOK_SCALE=laptop, or install a torch build for this machine's GPU."
        )
    steps, width = _FACTORS[name]
    device = "cuda" if cuda and name != "laptop" else "cpu"
    return Settings(name, device, step_factor=steps, width_factor=width)


def online() -> bool:
    """Whether the reader asked for real data and weights: ``LLMBOOK_ONLINE=1``, nothing else."""
    return os.environ.get("LLMBOOK_ONLINE", "").strip() == "1"


def seed_everything(seed: int) -> None:
    """Seed Python, torch (all devices) and, where it is loaded already, numpy."""
    random.seed(seed)
    torch.manual_seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)  # numpy takes 32 bits

"""Pretrained models by name: the published ones when you ask for them, else the book's own.

    place = hub.locate("gpt2")        # prints in one line what it is, and why
    GPT2LMHeadModel.from_pretrained(place, use_safetensors=True)

``LLMBOOK_ONLINE=1`` asks for the published model, and nothing else does: the network is never
tried to find out. Otherwise the place is a folder with a model of the book's zoo in the same
format (config.json, model.safetensors, tokenizer.json, vocab.json, merges.txt), which says in its
own config and card what it is. `llmbook.hub_files` writes such folders. Weights are only ever read
as safetensors: a folder that has them as a pickle alone is refused.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmbook import hub_files, zoo
from llmbook.settings import online


@dataclass(frozen=True)
class Published:
    """A model that others published, and what the book puts in its place."""

    about: str
    stand_in: str  # a model of the zoo, of the same architecture


PUBLISHED = {"gpt2": Published("the smallest GPT-2 of 2019, 124 M parameters", "english-gpt2")}
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}  # how files of pickled weights are called
SECONDS = 20.0  # how long a hub may take to answer a question of a few hundred bytes


class Place(str):
    """What ``from_pretrained`` takes: a published name, or the path of a folder.

    Attributes:
        name: what the model is called; a stand-in's own name, never the published one.
        stand_in: whether it is the book's model in place of the published one.
        why: one sentence.
    """

    name: str
    stand_in: bool
    why: str

    def __new__(cls, value: str, name: str = "", stand_in: bool = False, why: str = "") -> Place:
        place = super().__new__(cls, value)
        place.name, place.stand_in, place.why = name, stand_in, why
        return place

    def __repr__(self) -> str:
        return f"<{self.name}: {self.why}>"  # a path would differ on every machine


def names() -> list[str]:
    """Every name that `locate` knows: the published models, and those of the zoo that can be
    saved in their format."""
    return sorted({*PUBLISHED, *(n for n in zoo.names() if hub_files.can_export(n))})


def locate(name: str | os.PathLike, *, quiet: bool = False, seconds: float = SECONDS) -> Place:
    """Where the model ``name`` can be loaded from, by transformers' ``from_pretrained``.

    Args:
        name: a name of `names`, or the path of a folder with a model.
        quiet: print nothing.
        seconds: how long to wait for the hub, where it is asked; then the offline answer.

    Raises ValueError for a name that is not known, FileNotFoundError for a folder without a
    model, and ValueError for a folder whose weights are a pickle alone.
    """
    if os.fspath(name) in PUBLISHED:
        place = _published(os.fspath(name), seconds)
    elif os.fspath(name) in names():
        why = "the book's own model, saved in the format of transformers"
        place = Place(hub_files.export(os.fspath(name)), os.fspath(name), False, why)
    elif os.fspath(name) and Path(name).is_dir():
        place = _folder(Path(name))
    else:
        raise ValueError(
            f"no model is called {os.fspath(name)!r}. There are {', '.join(names())}; or give the "
            "path of a folder with config.json and model.safetensors"
        )
    if not quiet:
        print(f"{place.name}: {place.why}")
    return place


def _published(name: str, seconds: float) -> Place:
    """The published model where it was asked for and can be had, else the book's own."""
    if not online():
        return _stand_in(name, "LLMBOOK_ONLINE is not 1")
    try:
        _within(seconds, lambda: _ask_hub(name))
    except Exception as error:  # whatever goes wrong there, the chapter goes on
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return _stand_in(name, f"LLMBOOK_ONLINE is 1, but the hub gave no answer ({first:.120})")
    return Place(name, name, False, "the published model, for LLMBOOK_ONLINE is 1")


def _stand_in(name: str, why: str) -> Place:
    own = PUBLISHED[name].stand_in
    why = f"the book's own model in place of the published {name}, for {why}"
    return Place(hub_files.export(own), own, True, why)


def _ask_hub(name: str) -> None:
    """Raise unless the hub, or transformers' own cache, has the model's configuration."""
    from transformers import AutoConfig

    AutoConfig.from_pretrained(name)


def _within(seconds: float, task: Callable[[], None]) -> None:
    """Run ``task`` for at most ``seconds``; what it raises is raised, and TimeoutError after."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            task()
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)  # a hanging one must not hold the exit
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"nothing came within {seconds:g} seconds")
    if outcome[0] is not None:
        raise outcome[0]


def _folder(path: Path) -> Place:
    """A folder of the reader's own, when it holds a model as safetensors."""
    if not (path / "config.json").is_file():
        raise FileNotFoundError(
            f"the folder {path} has no config.json, so it holds no model; save one there with "
            "model.save_pretrained(folder)"
        )
    pickles = sorted(f.name for f in path.iterdir() if f.suffix in PICKLES)
    if not any(path.glob("*.safetensors")):
        if not pickles:
            raise FileNotFoundError(f"the folder {path} has a config.json and no weights")
        raise ValueError(
            f"the folder {path} has its weights as a pickle alone ({', '.join(pickles)}). A pickle "
            "can run code when it is opened, so the book never does. Ask who made it for "
            "safetensors, or convert it in a place where nothing can be lost"
        )
    return Place(str(path), path.name, False, "a folder of your own")

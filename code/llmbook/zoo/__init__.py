"""The small trained models that chapters open with, each with its card and training log.

    model, vocab = load("tales-gpt")
    card("tales-gpt")["validation"]["nats"]

Each model is two files in this folder: ``<name>.safetensors`` (weights in half precision,
configuration, vocabulary) and ``<name>.json`` (the card: recipe, seed, data and their licence,
versions, results, the command that makes it again). ``python -m llmbook.zoo --list`` shows
them; `llmbook.zoo.recipes` says how each is made.
"""

import json
from pathlib import Path
from typing import Any

from llmbook import checkpoint
from llmbook.models import LanguageModel
from llmbook.text import Vocab

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The models that are here, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def load(name: str) -> tuple[LanguageModel, Vocab]:
    """A trained model, ready to use, and its vocabulary. Raises ValueError for another name."""
    point = checkpoint.load(_file(name, "safetensors"))
    return checkpoint.rebuild(point), Vocab.from_dict(point.vocabulary)


def card(name: str) -> dict[str, Any]:
    """How a model was made and how good it is."""
    return json.loads(_file(name, "json").read_text(encoding="utf-8"))


def card_text(name: str) -> str:
    """The card as Markdown: configuration, data, seed, log, results, licence."""
    from llmbook.zoo.cards import text

    return text(card(name))


def log(name: str) -> dict[str, list[float]]:
    """The log of a model's training: lists as in `llmbook.train.History`, thinned out."""
    return card(name)["log"]


def _file(name: str, kind: str) -> Path:
    if name not in names():
        raise ValueError(
            f"the zoo has no {name!r}; it has {', '.join(names()) or 'no model yet'}. "
            "python -m llmbook.zoo --list shows what can be trained."
        )
    return FOLDER / f"{name}.{kind}"

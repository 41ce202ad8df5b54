"""The commands of `python -m llmbook`, one module each, and what they share.

Each module has its command as a function of the options, named as it is called, and `add`, which
tells argparse about it. What a person gave is judged here: the message of a `UserError` is all
that they see of a mistake.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Makes a command of a function: its name, its docstring as help, its positional arguments.
Command = Callable[..., argparse.ArgumentParser]


class UserError(Exception):
    """Something that was given cannot work; the message says what, and what to do."""


def whole(text: str) -> int:
    """A positive whole number, for argparse."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


whole.__name__ = "positive whole number"  # argparse says: invalid positive whole number value

MODEL = "a file that train wrote, or the name of one of the book's models"


def load_model(name: str) -> tuple[Any, Any]:
    """The model and vocabulary of a file, or of a model that the book brings."""
    from llmbook import checkpoint, zoo
    from llmbook.generate import check_causal
    from llmbook.text import Vocab

    if not Path(name).exists() and name in zoo.names():
        model, vocab = zoo.load(name)
    else:
        point = checkpoint.load(name)
        if point.vocabulary is None:
            raise UserError(
                f"{name} holds no vocabulary, so text cannot be turned into its numbers. Give a "
                "model that `python -m llmbook train` wrote."
            )
        model, vocab = checkpoint.rebuild(point), Vocab.from_dict(point.vocabulary)
    try:
        check_causal(model)
    except TypeError as error:
        raise UserError(f"{name}: {error}") from error
    return model, vocab

"""A computed number for the prose.

    >>> glue("rnn_perplexity", 2.804)          # in a cell
    … {glue:text}`rnn_perplexity:.2f` …        # in the text: 2.80

The output carries the value where myst-nb (and papermill before it) looks for it: a display
bundle whose MIME type has the prefix ``application/papermill.record/`` and whose metadata names
it under ``scrapbook``. Jupyter and Colab have no renderer for that type and show nothing. Only
IPython is needed, so a chapter runs where myst-nb is not installed.
"""

from __future__ import annotations

from typing import Any

PREFIX = "application/papermill.record/"


def plain(value: Any) -> int | float | str:
    """A number or a string as plain Python; 0-d tensors and numpy scalars are unwrapped.

    Raises TypeError for anything else, ValueError for a tensor of more than one number.
    """
    if isinstance(value, bool | int | float | str):
        return value.item() if hasattr(value, "item") else value  # numpy's float64 is a float
    if not hasattr(value, "item"):
        raise TypeError(
            f"glue takes a number or a string, got {type(value).__name__}; format it first"
        )
    if getattr(value, "size", 1) != 1 and getattr(value, "numel", lambda: 0)() != 1:
        raise ValueError(f"glue takes one number, got an array of shape {tuple(value.shape)}")
    return value.item()


def bundle(name: str, value: Any, display: bool = False) -> tuple[dict, dict]:
    """The data and the metadata of the output that myst-nb reads; see ``glue``."""
    if not isinstance(name, str) or not name or set(name) & set(":`<> \t\n"):
        raise ValueError(
            f"a glued name is a word without spaces, colons, back-ticks or < >, got {name!r}"
        )
    prefix = "" if display else PREFIX
    data = {f"{prefix}text/plain": repr(plain(value))}
    return data, {"scrapbook": {"name": name, "mime_prefix": prefix}}


def glue(name: str, value: Any, display: bool = False) -> None:
    """Store ``value`` in the cell's output under ``name``, for ``{glue:text}`name:.2f` ``.

    Args:
        name: unique within the chapter.
        value: a number or a string.
        display: also show the value in the cell's output.

    Outside IPython it only checks its arguments.
    """
    data, metadata = bundle(name, value, display)
    from IPython import get_ipython
    from IPython.display import display as show_output

    if get_ipython() is not None:
        show_output(data, raw=True, metadata=metadata)

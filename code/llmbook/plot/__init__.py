"""Every figure of the book, in one style. Functions take numbers and return a figure.

    >>> plot.curves({"RNN": losses}, xlabel="step", ylabel="loss (nats per word)", floor=0.51)

A figure that is a cell's last value shows itself once, as a PNG of a few tens of kilobytes, sharp
on dense screens. It has a light ground of its own, so it reads on light and dark pages alike.
Colours are those of Okabe and Ito (2008), distinct under all common kinds of colour blindness,
and each family of models keeps its colour, line and marker through the book.

Axes must be named (``xlabel``, ``ylabel``, with units): an empty label raises ValueError.
Every function also takes ``title=""``, ``size=(width, height)`` in inches, and ``alt=""``, a
sentence for readers who do not see the picture; it is kept in the output's metadata.
"""

from llmbook.plot.base import FAMILIES, PALETTE, colors_of, family_of, new_figure, png, style
from llmbook.plot.charts import bars, curves, functions, histogram, scatter, vectors
from llmbook.plot.words import gates, heatmap, next_words

__all__ = [
    "FAMILIES",
    "PALETTE",
    "bars",
    "colors_of",
    "curves",
    "family_of",
    "functions",
    "gates",
    "heatmap",
    "histogram",
    "new_figure",
    "next_words",
    "png",
    "scatter",
    "style",
    "vectors",
]

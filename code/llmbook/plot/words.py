"""Charts of words: matrices with a word on each row and column, next-word laws, gate traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmbook.plot.base import FAMILIES, GREEN, array, label_axes, new_figure

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def heatmap(
    matrices: Any | Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    columns: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
    values: bool = False,
    colorbar: str = "",
    title: str = "",
    alt: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:
    """A matrix as colours, or several side by side (attention heads) on one scale.

    Args:
        matrices: [rows, columns], or title -> matrix. NaN entries (masked ones) stay grey.
        columns, rows: a label for each column and each row (tokens).
        low, high: the ends of the scale. A matrix with negative entries gets a scale that is
            symmetric about 0, from blue over white to red.
        values: write each entry into its field.
        colorbar: what the colours mean, with its unit; no scale is drawn without it.
    """
    import numpy as np

    table = matrices if isinstance(matrices, Mapping) else {"": matrices}
    arrays = {name: array(m, f"the matrix {name!r}", 2) for name, m in table.items()}
    every = np.concatenate([m.ravel() for m in arrays.values()])
    signed = bool(np.nanmin(every) < 0) if low is None else low < 0
    top = float(np.nanmax(np.abs(every))) if high is None else high
    bottom = (-top if signed else 0.0) if low is None else low
    height, width = next(iter(arrays.values())).shape
    side = min(4.2, 1.2 + 0.34 * max(height, width))
    size = size or (min(9.5, max(3.6, side * len(arrays))), side + 0.5)
    figure, grid = new_figure(1, len(arrays), size=size, alt=alt)
    image = None
    for axes, (name, matrix) in zip(grid[0], arrays.items(), strict=True):
        axes.set_facecolor("#dddddd")
        cmap = "RdBu_r" if signed else "Blues"
        image = axes.imshow(matrix, cmap=cmap, vmin=bottom, vmax=top, aspect="auto")
        axes.grid(False)
        _ticks(
            axes, rows if axes is grid[0, 0] or rows is None else [""] * len(rows), columns, matrix
        )
        label_axes(axes, xlabel, ylabel, name or title)
        if axes is not grid[0, 0]:
            axes.set_ylabel("")
        if values:
            _write_values(axes, matrix, bottom, top, signed)
    if colorbar:
        figure.colorbar(image, ax=list(grid[0]), label=colorbar, shrink=0.85)
    if title and len(arrays) > 1:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11.5)
    return figure


def _ticks(
    axes: Axes, rows: Sequence[str] | None, columns: Sequence[str] | None, matrix: np.ndarray
) -> None:
    """Words along both sides; ValueError when their number does not fit the matrix."""
    for what, words, count in (
        ("row", rows, matrix.shape[0]),
        ("column", columns, matrix.shape[1]),
    ):
        if words is not None and len(words) != count:
            raise ValueError(f"{count} {what}s need as many labels, got {len(words)}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    if columns is not None:
        steep = 90 if max(map(len, columns), default=0) > 1 else 0
        axes.set_xticks(range(len(columns)), columns, rotation=steep, fontsize=9)
    if rows is not None:
        axes.set_yticks(range(len(rows)), rows, fontsize=9)


def _write_values(axes: Axes, matrix: np.ndarray, bottom: float, top: float, signed: bool) -> None:
    """Each entry's number in its field, in the ink that can be read on its colour."""
    for (i, j), value in _entries(matrix):
        share = (value - bottom) / ((top - bottom) or 1.0)
        dark = abs(share - 0.5) > 0.3 if signed else share > 0.55
        color = "#ffffff" if dark else "#222222"
        axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8.5, color=color)


def _entries(matrix: np.ndarray) -> list[tuple[tuple[int, int], float]]:
    import numpy as np

    return [(index, float(v)) for index, v in np.ndenumerate(matrix) if not np.isnan(v)]


def next_words(
    law: Mapping[str, float],
    truth: Mapping[str, float] | None = None,
    *,
    top: int = 8,
    xlabel: str = "probability of the next word",
    ylabel: str = "word",
    labels: tuple[str, str] = ("model", "source"),
    title: str = "",
    alt: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:
    """The likeliest next words of a model, beside the true law where it is known.

    Args:
        law: word -> probability.
        truth: the source's own law; its likeliest words are shown too.
        top: how many words of each.
    """
    import numpy as np

    def likeliest(table: Mapping[str, float]) -> list[str]:
        return sorted(table, key=lambda w: (-table[w], w))[:top]

    if not law:
        raise ValueError("the law is empty; there is nothing to draw")
    both = [*likeliest(law), *(likeliest(truth) if truth else [])]
    words = sorted(set(both), key=lambda w: (-max(law.get(w, 0), (truth or {}).get(w, 0)), w))
    at, thick = np.arange(len(words)), 0.4 if truth else 0.7
    height = (1.2 if truth else 0.9) + 0.36 * len(words)
    figure, grid = new_figure(size=size or (6.0, height), alt=alt)
    axes = grid[0, 0]
    mine = [law.get(w, 0.0) for w in words]
    axes.barh(at - (thick / 2 if truth else 0), mine, thick, color=GREEN, label=labels[0])
    if truth:
        known = [truth.get(w, 0.0) for w in words]
        axes.barh(at + thick / 2, known, thick, color=FAMILIES["floor"][0], label=labels[1])
        figure.legend(loc="outside upper center", ncols=2)  # bars may end anywhere
    axes.set_yticks(at, words)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set_xlim(0, 1.02 * max(1e-9, max(mine), *((truth or {"": 0}).values())))
    label_axes(axes, xlabel, ylabel, title)
    return figure


def gates(
    traces: Mapping[str, Any],
    words: Sequence[str],
    *,
    xlabel: str = "word read",
    ylabel: str = "gate",
    low: float = 0.0,
    high: float = 1.0,
    colorbar: str = "opening",
    title: str = "",
    alt: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:
    """Gates over a text: a row for each gate, a column for each word read.

    Args:
        traces: gate -> its value at each word, [T], or its units' values, [units, T].
        words: the T words.
    """
    import numpy as np

    strips = {}
    for name, trace in traces.items():
        values = np.atleast_2d(array(trace, f"the trace {name!r}"))
        if values.ndim != 2 or values.shape[1] != len(words):
            raise ValueError(f"{name!r} has the shape {values.shape}, for {len(words)} words")
        strips[name] = values
    if not strips:
        raise ValueError("traces is empty; there is nothing to draw")
    tall = [max(1.0, 0.25 * len(v)) for v in strips.values()]
    size = size or (min(9.5, 2.2 + 0.3 * len(words)), 1.3 + 0.42 * sum(tall))
    figure, grid = new_figure(
        len(strips), 1, size=size, alt=alt, sharex=True, gridspec_kw={"height_ratios": tall}
    )
    image = None
    for axes, (name, values) in zip(grid[:, 0], strips.items(), strict=True):
        image = axes.imshow(
            values, cmap="RdBu_r" if low < 0 else "Blues", vmin=low, vmax=high, aspect="auto"
        )
        axes.grid(False)
        axes.set_yticks([(len(values) - 1) / 2], [name])
        axes.tick_params(axis="x", bottom=axes is grid[-1, 0])
    last = grid[-1, 0]
    last.set_xticks(range(len(words)), words, rotation=90, fontsize=9)
    label_axes(last, xlabel, ylabel)
    last.set_ylabel("")
    figure.supylabel(ylabel, fontsize=10.5)
    if title:
        grid[0, 0].set_title(title, loc="left")
    if colorbar:
        figure.colorbar(image, ax=list(grid[:, 0]), label=colorbar)
    return figure

"""Stacked bars: what a total is made of, one row for each case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmbook.plot.base import INK, PALETTE, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def stacked(
    rows: Mapping[str, Mapping[str, float]],
    *,
    xlabel: str,
    ylabel: str,
    limit: float | None = None,
    title: str = "",
    alt: str = "",
    size: tuple[float, float] = (6.4, 4.2),
) -> Figure:
    """A lying bar for each row, its parts end to end, the total written behind it.

    Args:
        rows: {"case": {"part": size, …}, …}, first row on top; all rows name the same parts.
        limit: where the axis ends; what reaches further is cut, and its total still written.

    Raises ValueError without rows or where rows name different parts.
    """
    if not rows or len({tuple(parts) for parts in rows.values()}) != 1:
        raise ValueError("every row must name the same parts, in the same order")
    figure, grid = new_figure(size=size, alt=alt)
    axes, names = grid[0, 0], list(next(iter(rows.values())))
    left = [0.0] * len(rows)
    colors = ["#c9c9c9", *PALETTE]  # the first part is the ground that the others stand on
    for name, color in zip(names, colors, strict=False):
        widths = [parts[name] for parts in rows.values()]
        axes.barh(range(len(rows)), widths, 0.7, left=left, color=color, label=name)
        left = [x + width for x, width in zip(left, widths, strict=True)]
    end = limit or max(left) * 1.1
    axes.set_xlim(0, end)
    for place, total in enumerate(left):
        cut = total > 0.93 * end
        text, look = f"{total:.2f}" + (" →" if total > end else ""), {"ha": "left", "color": INK}
        if cut:
            look = {"ha": "right", "color": INK}
            look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axes.annotate(
            text, (0.985 * end if cut else total + 0.01 * end, place), va="center", **look
        )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    label_axes(axes, xlabel, ylabel, title)
    figure.legend(loc="outside upper center", ncols=len(names))
    return figure

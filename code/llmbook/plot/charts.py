"""Charts of numbers: curves, functions, bars, histograms, points and arrows in the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmbook.plot.base import (
    FAMILIES,
    INK,
    WIDE,
    array,
    colors_of,
    family_of,
    label_axes,
    new_figure,
)

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _smooth(y: np.ndarray, width: int) -> np.ndarray:
    """The mean over a window of ``width`` values, shorter at both ends."""
    import numpy as np

    if width <= 1:
        return y
    sums = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(len(y))
    low, high = np.maximum(at - width // 2, 0), np.minimum(at + (width + 1) // 2, len(y))
    return (sums[high] - sums[low]) / (high - low)


def curves(
    series: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    floor: float | None = None,
    floor_label: str = "floor",
    bands: Mapping[str, tuple[Any, Any]] | None = None,
    smooth: int = 1,
    markers: bool = False,
    logx: bool = False,
    logy: bool = False,
    ylim: tuple[float, float] | None = None,
    title: str = "",
    alt: str = "",
    size: tuple[float, float] = WIDE,
) -> Figure:
    """Lines over a common axis: learning curves, gradient norms, any quantity against another.

    Args:
        series: label -> y values, or label -> (x values, y values).
        floor: a dashed level line, the best that can be had.
        bands: label -> (low, high), drawn as a shaded interval around that line.
        smooth: width of a running mean; the raw line stays visible, thin.
    """
    import numpy as np

    figure, grid = new_figure(size=size, alt=alt)
    axes = grid[0, 0]
    for (name, data), color in zip(series.items(), colors_of(list(series)), strict=True):
        xs, ys = data if isinstance(data, tuple) and len(data) == 2 else (None, data)
        y = array(ys, f"the series {name!r}", 1)
        x = np.arange(1, len(y) + 1) if xs is None else array(xs, f"the x of {name!r}", 1)
        if len(x) != len(y):
            raise ValueError(f"the series {name!r} has {len(x)} x values and {len(y)} y values")
        if smooth > 1:
            axes.plot(x, y, color=color, linewidth=0.8, alpha=0.3)
        dash = FAMILIES["floor"][1] if family_of(name) == "floor" else "-"
        marker = "o" if markers or len(y) == 1 else None
        axes.plot(
            x, _smooth(y, smooth), linestyle=dash, color=color, label=name, marker=marker, ms=5
        )
        if bands and name in bands:
            low, high = (array(b, f"the band of {name!r}", 1) for b in bands[name])
            axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
    if floor is not None:
        floor_line(axes, floor, floor_label)
    axes.set_xscale("log" if logx else "linear")
    axes.set_yscale("log" if logy else "linear")
    if ylim is not None:
        axes.set_ylim(*ylim)
    label_axes(axes, xlabel, ylabel, title)
    if len(series) > 1 or floor is not None:
        axes.legend()
    return figure


def floor_line(axes: Axes, floor: float, label: str) -> None:
    color, dash = FAMILIES["floor"]
    axes.axhline(floor, color=color, linestyle=dash, linewidth=1.4, label=label)


def functions(
    table: Mapping[str, Callable],
    *,
    xlabel: str = "x",
    ylabel: str = "f(x)",
    low: float = -5.0,
    high: float = 5.0,
    points: int = 401,
    **more: Any,
) -> Figure:
    """The graphs of functions of one number; each is called once with a float64 tensor of x."""
    import torch

    x = torch.linspace(low, high, points, dtype=torch.float64)
    ys = {name: (x.numpy(), array(f(x), name, 1)) for name, f in table.items()}
    return curves(ys, xlabel=xlabel, ylabel=ylabel, **more)


def bars(
    groups: Mapping[str, Mapping[str, float]],
    *,
    xlabel: str,
    ylabel: str,
    intervals: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    floor: float | None = None,
    floor_label: str = "floor",
    logy: bool = False,
    values: bool = False,
    title: str = "",
    alt: str = "",
    size: tuple[float, float] = WIDE,
) -> Figure:
    """Grouped bars: for each model (outer key) a bar in each category (inner key).

    Args:
        groups: {"LSTM": {"recall": 0.96, "agreement": 0.02}, …}; a missing category has no bar.
        intervals: (low, high) for the same keys, drawn as a line over the bar's end.
        values: write each bar's value above it.
    """
    if not groups or not any(groups.values()):
        raise ValueError("groups is empty; there is nothing to draw")
    categories = list(dict.fromkeys(key for inner in groups.values() for key in inner))
    figure, grid = new_figure(size=size, alt=alt)
    axes, width = grid[0, 0], 0.8 / len(groups)
    for i, (name, color) in enumerate(zip(groups, colors_of(list(groups)), strict=True)):
        inner, spans = groups[name], (intervals or {}).get(name, {})
        at = [categories.index(c) + (i - (len(groups) - 1) / 2) * width for c in inner]
        axes.bar(at, list(inner.values()), 0.92 * width, color=color, label=name)
        for x, (category, height) in zip(at, inner.items(), strict=True):
            low, high = spans.get(category, (height, height))
            axes.vlines(x, low, high, color=INK, linewidth=1.3)
            if values:
                above = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center"}
                axes.annotate(f"{height:.2f}", (x, max(high, 0)), fontsize=8.5, **above)
    axes.set_xticks(range(len(categories)), categories)
    axes.grid(False, axis="x")
    axes.set_yscale("log" if logy else "linear")
    if floor is not None:
        floor_line(axes, floor, floor_label)
    label_axes(axes, xlabel, ylabel, title)
    if len(groups) > 1 or floor is not None:
        figure.legend(loc="outside upper center", ncols=min(5, len(groups) + 1))
    return figure


def histogram(
    samples: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str = "share per unit",
    bins: int = 50,
    density: Callable | None = None,
    logy: bool = False,
    title: str = "",
    alt: str = "",
    size: tuple[float, float] = WIDE,
) -> Figure:
    """How samples are spread: one outline per label over common bins, of area 1.

    Args:
        density: a function of a numpy array, drawn over it as the law that is expected.
    """
    import numpy as np

    figure, grid = new_figure(size=size, alt=alt)
    axes = grid[0, 0]
    arrays = {
        name: array(values, f"the sample {name!r}").ravel() for name, values in samples.items()
    }
    if not arrays:
        raise ValueError("samples is empty; there is nothing to draw")
    edges = np.histogram_bin_edges(np.concatenate(list(arrays.values())), bins)
    for (name, values), color in zip(arrays.items(), colors_of(list(arrays)), strict=True):
        shared = {"bins": edges, "density": True, "color": color}
        axes.hist(values, alpha=0.25, **shared)
        axes.hist(values, histtype="step", linewidth=1.8, label=name, **shared)
    if density is not None:
        x = np.linspace(edges[0], edges[-1], 400)
        axes.plot(x, density(x), color=INK, linestyle=FAMILIES["floor"][1], label="expected")
    axes.set_yscale("log" if logy else "linear")
    label_axes(axes, xlabel, ylabel, title)
    if len(samples) > 1 or density is not None:
        axes.legend()
    return figure


def scatter(
    points: Any,
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    xlabel: str,
    ylabel: str,
    equal: bool = True,
    title: str = "",
    alt: str = "",
    size: tuple[float, float] = (6.0, 5.0),
) -> Figure:
    """Points in the plane, such as embeddings brought to two dimensions.

    Args:
        points: [N, 2].
        labels: a word beside each point.
        groups: a group's name for each point; groups get colours and a legend.
        equal: one unit is equally long on both axes.
    """
    xy = array(points, "points", 2)
    if xy.shape[1] != 2:
        raise ValueError(f"points must have two columns, they have the shape {xy.shape}")
    for what, given in (("labels", labels), ("groups", groups)):
        if given is not None and len(given) != len(xy):
            raise ValueError(f"{len(xy)} points need as many {what}, got {len(given)}")
    figure, grid = new_figure(size=size, alt=alt)
    axes, kinds = grid[0, 0], list(dict.fromkeys(groups or [""]))
    for kind, color in zip(kinds, colors_of(kinds), strict=True):
        chosen = [i for i in range(len(xy)) if groups is None or groups[i] == kind]
        axes.scatter(*xy[chosen].T, color=color, s=28, label=kind or None)
    for (x, y), word in zip(xy, labels or [], strict=labels is not None):
        axes.annotate(word, (x, y), (4, 3), textcoords="offset points", fontsize=9)
    if equal:
        axes.set_aspect("equal", adjustable="datalim")
    label_axes(axes, xlabel, ylabel, title)
    if groups is not None:
        axes.legend()
    return figure


def vectors(
    arrows: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    alt: str = "",
    size: tuple[float, float] = (5.0, 5.0),
) -> Figure:
    """Arrows in the plane.

    Args:
        arrows: label -> (x, y), an arrow from the origin, or -> ((x0, y0), (x1, y1)), an arrow
            from the first point to the second.
    """
    import numpy as np

    ends = {name: array(v, f"the arrow {name!r}") for name, v in arrows.items()}
    ends = {n: np.stack([np.zeros(2), v]) if v.shape == (2,) else v for n, v in ends.items()}
    for name, pair in ends.items():
        if pair.shape != (2, 2):
            raise ValueError(f"the arrow {name!r} needs 2 numbers or 2 points, got {arrows[name]}")
    figure, grid = new_figure(size=size, alt=alt)
    axes = grid[0, 0]
    for (name, (start, end)), color in zip(ends.items(), colors_of(list(ends)), strict=True):
        look = {"arrowstyle": "-|>", "color": color, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, start, arrowprops=look)
        middle = (start + end) / 2  # a label at the tip would hide that of another arrow there
        axes.annotate(name, middle, (6, 4), textcoords="offset points", color=color, weight="bold")
    every = np.concatenate([*ends.values(), np.zeros((1, 2))])
    reach = (every.max(0) - every.min(0)).max() * 0.15 + 0.1
    low, high = every.min(0) - reach, every.max(0) + reach
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.axvline(0, color="#999999", linewidth=0.8)
    label_axes(axes, xlabel, ylabel, title)
    return figure

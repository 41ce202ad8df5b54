"""The look of every figure: colours, style, and a figure that shows itself as a small PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#222222", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PINK, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#5f5f5f"
PALETTE = (BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK, YELLOW)
# Model family -> colour and dash. A name such as "GPT, rotary" belongs to the family "gpt".
FAMILIES: dict[str, tuple[str, Any]] = {
    "n-gram": (GREY, "-"),
    "mlp": (ORANGE, "-"),
    "rnn": (RED, "-"),
    "lstm": (BLUE, "-"),
    "gru": (SKY, "-"),
    "gpt": (GREEN, "-"),
    "floor": (BLACK, (0, (4, 3))),
}
_ALIASES = {"ngram": "n-gram", "kneser": "n-gram", "bigram": "n-gram", "trigram": "n-gram"}
_ALIASES |= {"transformer": "gpt", "attention": "gpt", "source": "floor", "true": "floor"}
GROUND, INK = "#ffffff", "#222222"
_DPI = 192  # 6 inches make 1152 pixels, shown at half that on the page
WIDE = (6.0, 3.6)


def family_of(name: str) -> str | None:
    """The model family that a label speaks of: "5-gram" -> "n-gram", "GPT 2x64" -> "gpt"."""
    text = name.lower()
    if "-gram" in text:
        return "n-gram"
    found = [(text.find(key), key) for key in (*FAMILIES, *_ALIASES) if key in text]
    return _ALIASES.get(min(found)[1], min(found)[1]) if found else None


def colors_of(names: Sequence[str]) -> list[str]:
    """One colour per label: its family's; the palette's next free one where that is taken."""
    families = [family_of(str(name)) for name in names]
    own = [FAMILIES[f][0] for f in dict.fromkeys(families) if f]
    spare = [c for c in (*PALETTE, GREY) if c not in own]
    out: list[str] = []
    for family in families:
        first = FAMILIES[family][0] if family else None
        free = [c for c in (first, *spare) if c and c not in out]
        out.append(free[0] if free else PALETTE[len(out) % len(PALETTE)])
    return out


def style() -> dict[str, Any]:
    """Set matplotlib's defaults to the book's look (every function here does it by itself)."""
    import matplotlib
    from cycler import cycler

    look = {
        "font.family": "DejaVu Sans",
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#666666",
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": "#444444",
        "ytick.color": "#444444",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e3e3e3",
        "grid.linewidth": 0.8,
        "lines.linewidth": 2.0,
        "legend.frameon": False,
        "figure.facecolor": GROUND,
        "axes.facecolor": GROUND,
        "savefig.facecolor": GROUND,
        "figure.dpi": _DPI / 2,
        "savefig.dpi": _DPI,
        "axes.prop_cycle": cycler(color=PALETTE),
    }
    matplotlib.rcParams.update(look)
    return look


def png(figure: Figure) -> bytes:
    """The figure as a PNG of at most 128 colours (a third of the bytes, no visible loss)."""
    import io

    from PIL import Image

    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=_DPI, facecolor=GROUND)
    raw.seek(0)
    small = Image.open(raw).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, format="png", optimize=True)
    return out.getvalue()


def new_figure(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float], alt: str, **grid: Any
) -> tuple[Figure, np.ndarray]:
    """An empty figure that displays itself as a small PNG, and its axes as a 2-d array.

    It is made without pyplot: pyplot would show it a second time at the end of the cell.
    """
    import base64

    from matplotlib.figure import Figure

    class BookFigure(Figure):
        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple:
            width, height = (int(side * _DPI) // 2 for side in self.get_size_inches())
            # No height: a page that is narrower than the figure would squeeze it to that height.
            shown = {"width": width} | ({"alt": self.alt} if self.alt else {})
            data = {
                "image/png": base64.b64encode(png(self)).decode("ascii"),
                "text/plain": self.alt or f"<Figure size {width}x{height}>",
            }
            return data, {"image/png": shown}

    style()
    figure = BookFigure(figsize=size, layout="constrained")
    figure.alt = " ".join(alt.split())
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def label_axes(axes: Axes, xlabel: str, ylabel: str, title: str = "") -> None:
    """Name the axes; ValueError when a name is empty."""
    for which, text in (("xlabel", xlabel), ("ylabel", ylabel)):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"every axis has a name with its unit; {which} is {text!r}")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if title:
        axes.set_title(title, loc="left")


def array(values: Any, what: str, ndim: int | None = None) -> np.ndarray:
    """Numbers, tensors or lists as a float array; ValueError when empty or of another shape."""
    import numpy as np

    values = values.detach().cpu().double() if hasattr(values, "detach") else values
    out = np.asarray(values, dtype=float)
    if out.size == 0:
        raise ValueError(f"{what} is empty; there is nothing to draw")
    if ndim is not None and out.ndim != ndim:
        raise ValueError(f"{what} must have {ndim} dimension(s), it has the shape {out.shape}")
    return out

"""Draw book/figures/rnn_unrolled.svg: a recurrent network, unrolled over three words.

python book/figures/src/rnn_unrolled.py
"""

from pathlib import Path

INK, CELL, WORD, LOSS = "#333333", "#cfe5f5", "#f3f3f3", "#fbe3c8"
WORDS = ("mara", "took", "the")
STEP, LEFT = 190, 120


def box(x: float, y: float, w: float, h: float, fill: str, text: str) -> str:
    return (
        f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" rx="8" fill="{fill}" '
        f'stroke="{INK}" stroke-width="1.5"/>'
        f'<text x="{x}" y="{y + 6}" text-anchor="middle">{text}</text>'
    )


def arrow(
    x1: float, y1: float, x2: float, y2: float, label: str = "", dx: float = 0, dy: float = 0
):
    line = (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-width="2" '
        'marker-end="url(#head)"/>'
    )
    x, y = (x1 + x2) / 2 + dx, (y1 + y2) / 2 + dy
    return line + (
        f'<text x="{x}" y="{y}" text-anchor="middle" font-size="15">{label}</text>' if label else ""
    )


def sub(symbol: str, index: str) -> str:
    return (
        f'<tspan font-style="italic">{symbol}</tspan><tspan font-size="13" dy="5">{index}</tspan>'
    )


def drawing() -> str:
    parts = [arrow(30, 150, LEFT - 52, 150, sub("h", "0"), -2, -12)]
    for t, word in enumerate(WORDS, start=1):
        x = LEFT + (t - 1) * STEP
        parts += [
            box(x, 150, 100, 56, CELL, "tanh"),
            box(x, 255, 90, 36, WORD, word),
            box(x, 45, 90, 36, LOSS, sub("y", str(t))),
            arrow(x, 236, x, 182, sub("W", "xh"), 26, 4),
            arrow(x, 120, x, 67, sub("W", "hy"), 26, 4),
            arrow(x + 52, 150, x + STEP - 54, 150, sub("W", "hh"), 0, 26)
            if t < len(WORDS)
            else arrow(x + 52, 150, x + 105, 150),
            f'<text x="{x + 95}" y="138" text-anchor="middle">{sub("h", str(t))}</text>',
        ]
    width = LEFT + (len(WORDS) - 1) * STEP + 130
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 300" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="18">'
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="{INK}"/></marker></defs>'
        f'<rect width="{width}" height="300" rx="12" fill="#ffffff"/>'
        f'<g fill="{INK}">' + "".join(parts) + "</g></svg>\n"
    )


if __name__ == "__main__":
    target = Path(__file__).resolve().parents[1] / "rnn_unrolled.svg"
    target.write_text(drawing(), encoding="utf-8")
    print(target.name)

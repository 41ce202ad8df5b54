"""Small pieces of Markdown: the strings that the Colab edition is made of.

    >>> escape("2 * 3 costs $5")
    '2 \\\\* 3 costs \\\\$5'

Every function is pure. What they write reads the same in Jupyter (marked and MathJax) and in
Colab: CommonMark, pipe tables, `$…$` and `$$…$$`, and the HTML `<details>`, `<sup>` and `<sub>`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

_ESCAPES = [
    # A backslash counts before punctuation and a line's end; what follows the text is unknown.
    (re.compile(r"\\(?=[!-/:-@\[-`{-~\n]|\Z)"), r"\\\\"),
    (re.compile(r"!\Z"), r"\\!"),
    (re.compile(r"&(?=#?\w+;)"), "&amp;"),
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),
    (re.compile(r"([*`$~])"), r"\\\1"),
    (re.compile(r"(?<![^\W_])_|_(?![^\W_])"), r"\\_"),
    (re.compile(r"\[(?=[^\]]*\][(\[:])"), r"\\["),
]

_LINE_START = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|>|[-+](?=\s|$)|[-=]+\s*$)", re.MULTILINE)
_LINE_NUMBER = re.compile(r"^(\s*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
_UNFIT_FOR_DOLLARS = re.compile(r"\\begin\{(align|gather|multline|equation|eqnarray)(\*?)\}")
_INSIDE = {"align": "aligned", "eqnarray": "aligned", "gather": "gathered", "multline": "gathered"}


def escape(text: str) -> str:
    """Plain text, safe between Markdown's marks."""
    for pattern, replacement in _ESCAPES:
        text = pattern.sub(replacement, text)
    return text


def guard_line_starts(paragraph: str) -> str:
    """A paragraph of which no line begins a heading, a list or a quotation by chance."""
    guarded = _LINE_START.sub(r"\1\\\2", paragraph)
    return _LINE_NUMBER.sub(r"\1\\\2", guarded)


def code_span(code: str) -> str:
    """Inline code between as many backticks as its content needs."""
    code = code.replace("\n", " ")
    ticks = "`" * (1 + _longest_run(code))
    ends = code[:1] + code[-1:]
    space = " " if "`" in ends or (ends == "  " and code.strip()) else ""
    return f"{ticks}{space}{code}{space}{ticks}"


def fence(code: str, language: str = "") -> str:
    """A block of code, fenced so that no line of it can close the fence."""
    ticks = "`" * max(3, 1 + _longest_run(code))
    return f"{ticks}{language}\n{code.rstrip(chr(10))}\n{ticks}"


def _longest_run(code: str) -> int:
    return max((len(run) for run in re.findall("`+", code)), default=0)


def heading(level: int, text: str) -> str:
    """A heading; Markdown ends at level 6."""
    return f"{'#' * min(max(level, 1), 6)} {' '.join(text.split())}"


def indent(text: str, width: int) -> str:
    """All lines but the first moved right (the first stands after a list's marker)."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * width + line if line else "" for line in rest)])


def quote(blocks: Sequence[str]) -> str:
    """Blocks as one quotation."""
    return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(blocks).split("\n"))


def details(summary: str, blocks: Sequence[str]) -> str:
    """Blocks folded under a line of plain text. The empty lines let Markdown work inside."""
    title = html.escape(" ".join(summary.split()), quote=False)
    body = "\n\n".join(blocks)
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def link(text: str, address: str | None) -> str:
    """A link; the text alone where there is no address."""
    if not address:
        return text
    safe = address.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
    return f"[{text}]({safe})"


def inline_math(latex: str) -> str:
    """A formula in the line. A space keeps `a<b` from looking like HTML."""
    latex = re.sub(r"<(?=[A-Za-z/!?])", "< ", " ".join(latex.split()))
    return f"${latex}$"


def display_math(latex: str, number: str | None) -> str:
    """A formula on lines of its own, with the site's number as its tag.

    amsmath's own environments may not stand between dollars: `align` becomes `aligned`.
    """
    found = _UNFIT_FOR_DOLLARS.match(latex.strip())
    if found:
        name, star = found.groups()
        inside = _INSIDE.get(name)
        for side in ("begin", "end"):
            replacement = rf"\{side}{{{inside}}}" if inside else ""
            latex = latex.replace(rf"\{side}{{{name}{star}}}", replacement)
    elif r"\\" in latex and r"\begin{" not in latex:
        latex = rf"\begin{{gathered}}{latex.strip()}\end{{gathered}}"  # MathJax ignores a bare \\
    latex = re.sub(r"\n\s*\n", "\n", re.sub(r"<(?=[A-Za-z/!?])", "< ", latex)).strip()
    # A line of nothing but = or - would make a heading of the line above.
    latex = re.sub(r"\n[ \t]*([-=]+)[ \t]*(?=\n)", r" \1", latex)
    tag = rf"\tag{{{number}}}" if number else ""
    return "\n".join(["$$", latex, *([tag] if tag else []), "$$"])


def pipe_table(rows: Sequence[Sequence[str]], alignment: Sequence[str], has_head: bool) -> str:
    """Rows of cells as a table; `alignment` holds left, right, center or nothing per column.

    Markdown wants a head: without one it is empty. Bars in cells are escaped, in formulas by name.
    """
    width = max((len(row) for row in rows), default=0)
    cells = [[_table_cell(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    head, body = (cells[0], cells[1:]) if has_head and cells else ([""] * width, cells)
    marks = {"left": ":---", "right": "---:", "center": ":---:"}
    rule = [marks.get(alignment[i] if i < len(alignment) else "", "---") for i in range(width)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *body])


def _table_cell(text: str) -> str:
    def without_bars(found: re.Match) -> str:
        formula = found.group().replace(r"\|", r"\Vert ")
        return formula.replace("|", r"\vert ")

    text = re.sub(r"(?<!\\)\$[^$]+(?<!\\)\$", without_bars, text)
    return re.sub(r"(?<!\\)\|", r"\\|", text).replace("\n", " ").strip()

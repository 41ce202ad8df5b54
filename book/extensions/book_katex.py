"""Formulas set by KaTeX while the site is built: the pages carry finished HTML and MathML.

Readers need no script and no network, and a formula that KaTeX cannot read is a warning with
its place, so the build (which takes warnings for errors) stops at it. KaTeX, vendored under
`book/theme/static/katex`, runs in V8 inside this process (package `mini-racer`): no node needed.
"""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

LOGGER = logging.getLogger(__name__)
KATEX = Path(__file__).parent.parent / "theme" / "static" / "katex" / "katex.min.js"


@cache
def _engine() -> Any:
    """One V8 context with KaTeX loaded, made when the first formula comes."""
    from py_mini_racer import MiniRacer

    engine = MiniRacer()
    engine.eval(KATEX.read_text(encoding="utf-8"))
    return engine


@cache
def render(latex: str, display: bool) -> str:
    """HTML and MathML of one formula; ValueError with KaTeX's sentence when it cannot be read."""
    from py_mini_racer import JSEvalException

    # "error" keeps to what LaTeX, and so the MathJax of Jupyter and Colab, reads as well.
    options = {"displayMode": display, "throwOnError": True, "strict": "error"}
    try:
        return _engine().call("katex.renderToString", latex, options)
    except JSEvalException as error:
        lines = [line for line in str(error).splitlines() if "KaTeX" in line or "Error" in line]
        raise ValueError(lines[0] if lines else str(error)) from error


def _render_or_warn(node: nodes.Element, display: bool) -> str:
    latex = node.astext().strip()
    try:
        return render(latex, display)
    except ValueError as error:
        LOGGER.warning("formula %r: %s", latex, error, location=node)
        return f'<code class="math-error">{html.escape(latex)}</code>'


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write an inline formula."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math"))
    translator.body.append(_render_or_warn(node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a displayed formula, with its number where it has a label."""
    translator.body.append(translator.starttag(node, "div", CLASS="math math-display"))
    translator.body.append('<div class="math-scroll">')
    translator.body.append(_render_or_warn(node, display=True) + "</div>")
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})</span>')
    translator.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer `katex` (chosen by `html_math_renderer`)."""
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.add_css_file("katex/katex.min.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx's resolved inline nodes → Markdown in the line; the lower half of the Colab edition.

What runs inside a paragraph (text, code, formulas, references, pictures, footnote marks) is
written here; `colab_blocks` builds paragraphs, lists and cells of it. A node that neither knows
is a `Problem` with the chapter's line, never silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from colab_text import code_span, escape, inline_math, link
from docutils import nodes

TRANSPARENT = {
    "inline",
    "target",
    "generated",
    "term",
    "acronym",
    "manpage",
    "PassthroughTextElement",  # sphinx-design's holder of a button or a badge
    "title_reference",
}

SILENT = {
    # What steers a website and says nothing to a reader.
    "comment",
    "highlightlang",
    "index",
    "label",
    "meta",
    "substitution_definition",
    "tabular_col_spec",
    "toctree",
}


@dataclass(frozen=True)
class Problem:
    """Something that plain Markdown cannot say, at a line of myst-nb's counting (0: unknown)."""

    line: int
    message: str


class Links(Protocol):
    """What the writer asks of the build: addresses, numbers and pictures."""

    def reference(self, node: nodes.Element) -> str | None:
        """The address that a reference leads to; None when it is best left as text."""

    def number(self, kind: str, node: nodes.Element) -> str | None:
        """The number of a figure, table or exercise in the words of the site (`Fig. 3`)."""

    def equation_number(self, node: nodes.math_block) -> str | None:
        """The number of a labelled equation, as on the site."""

    def picture(self, uri: str) -> str:
        """The address of a picture that needs no file beside the notebook; raises OSError."""

    def raw_html(self, source: str) -> str:
        """HTML with its pictures embedded; raises OSError."""


def line_of(node: nodes.Node | None) -> int:
    """The first line known of a node, of what it holds, or of what holds it; 0 when none is."""
    if node is None:
        return 0
    for inner in node.findall():
        if getattr(inner, "line", None):
            return inner.line
    return line_of(node.parent)


def plain(node: nodes.Node) -> str:
    """Text with no marks at all, for a summary or a form's title; formulas stay in dollars."""
    if isinstance(node, nodes.math):
        return inline_math(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(plain(child) for child in node.children)


@dataclass
class InlineWriter:
    """Writes inline nodes; `problems` holds what it could not write."""

    links: Links
    problems: list[Problem] = field(default_factory=list)

    def inline(self, node: nodes.Element) -> str:
        """The children of `node` in one line of Markdown (or as many as the source had)."""
        return "".join(self.inline_node(child) for child in node.children)

    def inline_node(self, node: nodes.Node) -> str:
        """One inline node as Markdown."""
        if isinstance(node, nodes.Text):
            return escape(node.astext())
        kind = type(node).__name__
        writer = getattr(self, f"_inline_{kind}", None)
        if writer is not None:
            return writer(node)
        if kind in TRANSPARENT:
            return self.inline(node)
        if kind not in SILENT:
            self.unknown(node)
        return ""

    def unknown(self, node: nodes.Node) -> None:
        """Note that a node has no form in plain Markdown."""
        said = " ".join(node.astext().split())[:60]
        about = f" ({said!r})" if said else ""
        message = f"the Colab edition has no form for {type(node).__name__!r}{about}"
        self.problems.append(Problem(line_of(node), message))

    def _inline_emphasis(self, node: nodes.Element) -> str:
        return self._marked("*", node)

    def _inline_strong(self, node: nodes.Element) -> str:
        return self._marked("**", node)

    _inline_literal_emphasis = _inline_emphasis
    _inline_literal_strong = _inline_strong

    def _marked(self, mark: str, node: nodes.Element) -> str:
        """Marks close to the words: a space inside them would leave them standing as stars."""
        text = self.inline(node)
        inner = text.strip()
        before, _, after = text.partition(inner) if inner else (text, "", "")
        return f"{before}{mark}{inner}{mark}{after}" if inner else text

    def _inline_literal(self, node: nodes.Element) -> str:
        if "std-numref" in node.get("classes", []) or "std-ref" in node.get("classes", []):
            return self.inline(node)  # the words of a reference, which Sphinx sets as code
        return code_span(node.astext())

    def _inline_math(self, node: nodes.Element) -> str:
        return inline_math(node.astext())

    def _inline_reference(self, node: nodes.Element) -> str:
        return link(self.inline(node), self.links.reference(node))

    _inline_number_reference = _inline_reference

    def _inline_abbreviation(self, node: nodes.Element) -> str:
        meaning = node.get("explanation")
        return self.inline(node) + (f" ({escape(meaning)})" if meaning else "")

    def _inline_download_reference(self, node: nodes.Element) -> str:
        return self.inline(node)  # the file lies on the site's machine; its name is what remains

    def _inline_footnote_reference(self, node: nodes.Element) -> str:
        return f"<sup>{node.astext()}</sup>"

    def _inline_superscript(self, node: nodes.Element) -> str:
        return f"<sup>{self.inline(node)}</sup>"

    def _inline_subscript(self, node: nodes.Element) -> str:
        return f"<sub>{self.inline(node)}</sub>"

    def _inline_image(self, node: nodes.image) -> str:
        if "only-dark" in node.get("classes", []):
            return ""  # the twin for the dark theme of a picture that stands here already
        alternative = " ".join(escape(node.get("alt") or "").split()).replace("]", r"\]")
        try:
            return f"![{alternative}]({self.links.picture(node['uri'])})"
        except OSError as error:
            self.problems.append(Problem(line_of(node), f"picture {node['uri']!r}: {error}"))
            return ""

    def _inline_raw(self, node: nodes.Element) -> str:
        if "html" not in node.get("format", "").split():
            return ""  # LaTeX's twin of what stands here as HTML
        try:
            return self.links.raw_html(node.astext())
        except OSError as error:
            self.problems.append(Problem(line_of(node), f"a picture in HTML: {error}"))
            return ""

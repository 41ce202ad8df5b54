"""Sphinx's resolved document → a chapter's cells in plain Markdown; the upper half.

    >>> ChapterWriter(links).pieces(doctree)
    [Text(cell=0, blocks=['# Recurrent networks', 'A sequence …']), Code(cell=1, title=None), …]

The tree comes from myst-nb, where a node's line is 10,000 × (cell + 1) + the line in that cell and
every code cell is one container. Text is written anew from the tree. Code cells are only pointed
at: the notebook that is written takes them, outputs included, from the stored one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from colab_inline import SILENT, InlineWriter, Problem, line_of, plain
from colab_text import (
    details,
    display_math,
    fence,
    guard_line_starts,
    heading,
    indent,
    pipe_table,
    quote,
)
from docutils import nodes
from sphinx.locale import admonitionlabels

CELL_LINES = 10_000  # myst-nb's own distance between the lines of one cell and the next

TRANSPARENT = {"compound", "definition", "field_body", "glossary", "legend", "section"}

EXERCISES = {"exercise_node", "exercise_enumerable_node"}

LISTS = (nodes.bullet_list, nodes.enumerated_list)

NAMES = (nodes.term, nodes.field_name)

# Sphinx's names of languages that Markdown's highlighters call otherwise, or not at all.
LANGUAGES = {"default": "", "none": "", "ipython": "python", "ipython3": "python", "pycon": ""}


@dataclass(frozen=True)
class Text:
    """Markdown blocks that came from the chapter's cell number `cell`."""

    cell: int
    blocks: list[str]


@dataclass(frozen=True)
class Code:
    """A pointer to the code cell number `cell`; `title` is its form's title when it is folded."""

    cell: int
    title: str | None = None


@dataclass
class ChapterWriter(InlineWriter):
    """Writes one document; `problems` holds what it could not write."""

    _pieces: list[Text | Code] = field(default_factory=list)
    _cell: int = 0
    _depth: int = 0

    # The stream of cells

    def pieces(self, document: nodes.document) -> list[Text | Code]:
        """The chapter in reading order: text, and pointers to its code cells."""
        self._walk(document.children)
        return self._pieces

    def _walk(self, children: Iterable[nodes.Node], solution: str | None = None) -> None:
        """Pass through whatever may hold code cells; the rest becomes text.

        `solution` is the title under which text and code are folded.
        """
        folded: list[nodes.Node] = []  # a solution's text since its last code cell
        for child in children:
            kind = type(child).__name__
            if _is_code_cell(child):
                self._fold(folded, solution)
                self._cell = child["cell_index"]
                self._pieces.append(Code(self._cell, solution))
            elif kind in EXERCISES or kind == "solution_node":
                self._fold(folded, solution)
                (self._solution if kind == "solution_node" else self._exercise)(child)
            elif kind == "section":
                self._depth += 1
                self._walk(child.children, solution)
                self._depth -= 1
            elif solution is not None:
                folded.append(child)
            else:
                self._emit(child, self.block(child))
        self._fold(folded, solution)

    def _emit(self, node: nodes.Node, blocks: list[str]) -> None:
        """Add text to the Markdown cell that it came from."""
        if not blocks:
            return
        self._cell = max(self._cell, line_of(node) // CELL_LINES - 1)
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, Text) and last.cell == self._cell:
            last.blocks.extend(blocks)
        else:
            self._pieces.append(Text(self._cell, list(blocks)))

    def _fold(self, folded: list[nodes.Node], title: str | None) -> None:
        """Emit the collected text of a solution as one folded part."""
        blocks = [block for child in folded for block in self.block(child)]
        if blocks and title is not None:
            self._emit(folded[0], [details(title, blocks)])
        folded.clear()

    def _exercise(self, node: nodes.Element) -> None:
        number = self.links.number("exercise", node) or ""
        self._emit(node, [heading(self._depth + 1, number + self.inline(node.children[0]))])
        self._walk(_content(node))

    def _solution(self, node: nodes.Element) -> None:
        title = node.children[0]
        if "dropdown" in node.get("classes", []):
            self._walk(_content(node), " ".join(plain(title).split()))
            return
        self._emit(node, [heading(self._depth + 1, self.inline(title))])
        self._walk(_content(node))

    # Blocks

    def blocks(self, children: Iterable[nodes.Node]) -> list[str]:
        """Nodes as Markdown blocks."""
        return [block for child in children for block in self.block(child)]

    def block(self, node: nodes.Node) -> list[str]:
        """One node as Markdown blocks (none for what is silent)."""
        kind = type(node).__name__
        writer = getattr(self, f"_block_{kind}", None)
        if writer is not None:
            return writer(node)
        if kind in SILENT:
            return []
        if kind in TRANSPARENT:
            return self.blocks(node.children)
        if kind == "admonition" or kind in admonitionlabels:
            return self._admonition(node)
        if isinstance(node, nodes.Inline | nodes.Text | nodes.image | nodes.raw | nodes.target):
            text = self.inline_node(node).strip()
            return [text] if text else []
        self.unknown(node)
        return []

    def _block_title(self, node: nodes.Element) -> list[str]:
        return [heading(self._depth, self.inline(node))]

    def _block_paragraph(self, node: nodes.Element) -> list[str]:
        text = guard_line_starts(self.inline(node).strip())
        return [text] if text else []

    _block_compact_paragraph = _block_paragraph

    def _block_rubric(self, node: nodes.Element) -> list[str]:
        return [f"**{self.inline(node).strip()}**"]

    _block_centered = _block_rubric
    _block_PassthroughTextElement = _block_rubric  # noqa: N815  the title of a card

    def _block_caption(self, node: nodes.Element) -> list[str]:
        """The words under a picture or over a listing, with its number on the site."""
        kind = "figure" if isinstance(node.parent, nodes.figure) else "code-block"
        number = self.links.number(kind, node.parent)
        return [f"**{number}.** {self.inline(node).strip()}" if number else self.inline(node)]

    def _block_attribution(self, node: nodes.Element) -> list[str]:
        return [f"— {self.inline(node).strip()}"]

    def _block_transition(self, node: nodes.Element) -> list[str]:
        return ["---"]

    def _block_block_quote(self, node: nodes.Element) -> list[str]:
        return [quote(self.blocks(node.children))]

    _block_versionmodified = _block_block_quote

    def _block_topic(self, node: nodes.Element) -> list[str]:
        # A table of contents is the site's; Jupyter and Colab show their own.
        return [] if "contents" in node["classes"] else self._admonition(node)

    _block_sidebar = _block_topic

    def _admonition(self, node: nodes.Element) -> list[str]:
        """A quotation under a bold title; what the site folds is folded here too."""
        children, name = list(node.children), ""
        if children and isinstance(children[0], nodes.title):
            title = children.pop(0)
            name, simple = self.inline(title).strip(), plain(title)
        elif node.tagname not in {"topic", "sidebar"}:
            name = simple = str(admonitionlabels.get(node.tagname, node.tagname.title()))
        body = self.blocks(children)
        if name and "dropdown" in node.get("classes", []):
            return [details(simple, body)]
        return [quote([f"**{name}**", *body] if name else body)]

    def _block_container(self, node: nodes.Element) -> list[str]:
        if _is_code_cell(node):
            message = "a code cell inside a directive; only exercises and solutions may hold one"
            self.problems.append(Problem(line_of(node), message))
            return []
        children = list(node.children)
        if node.get("design_component") == "dropdown" or "toggle" in node.get("classes", []):
            titled = children and isinstance(children[0], nodes.rubric | nodes.title)
            title = plain(children.pop(0)) if titled else "Show"
            return [details(title, self.blocks(children))]
        return self.blocks(children)

    def _block_bullet_list(self, node: nodes.Element) -> list[str]:
        return self._list(node, ["- "] * len(node.children))

    def _block_enumerated_list(self, node: nodes.Element) -> list[str]:
        start = node.get("start", 1)
        return self._list(node, [f"{start + i}. " for i in range(len(node.children))])

    def _list(self, node: nodes.Element, markers: list[str]) -> list[str]:
        tight = all(isinstance(part, LISTS) for item in node.children for part in item.children[1:])
        gap = "\n" if tight else "\n\n"
        items = [
            (marker + indent(gap.join(self.blocks(item.children)), len(marker))).rstrip()
            for marker, item in zip(markers, node.children, strict=True)
        ]
        # Without a mark between them Markdown takes two lists for one.
        return [*(["<!-- -->"] if _follows_its_like(node) else []), gap.join(items)]

    def _block_definition_list(self, node: nodes.Element) -> list[str]:
        """Terms in bold, each an item of a list with its meaning behind a colon."""
        items = []
        for item in node.children:
            names = [self.inline(p).strip() for p in item.children if isinstance(p, NAMES)]
            body = self.blocks(p for p in item.children if not isinstance(p, NAMES))
            text = "\n\n".join([f"**{', '.join(names)}**: {(body or [''])[0]}", *body[1:]])
            items.append(f"- {indent(text, 2)}".rstrip())
        return [("\n" if all("\n\n" not in item for item in items) else "\n\n").join(items)]

    _block_field_list = _block_definition_list

    def _block_literal_block(self, node: nodes.Element) -> list[str]:
        language = node.get("language", "")
        return [fence(node.astext(), LANGUAGES.get(language, language))]

    _block_doctest_block = _block_literal_block

    def _block_line_block(self, node: nodes.Element) -> list[str]:
        return ["  \n".join(self.inline(line) for line in node.findall(nodes.line))]

    def _block_math_block(self, node: nodes.Element) -> list[str]:
        return [display_math(node.astext(), self.links.equation_number(node))]

    def _block_figure(self, node: nodes.Element) -> list[str]:
        return [] if "only-dark" in node.get("classes", []) else self.blocks(node.children)

    def _block_footnote(self, node: nodes.Element) -> list[str]:
        number, *body = node.children
        written = self.blocks(body)
        return [f"<sup>{number.astext()}</sup> {(written or [''])[0]}", *written[1:]]

    def _block_citation(self, node: nodes.Element) -> list[str]:
        return [f"- {indent(' '.join(self.blocks(node.children)), 2)}"]

    def _block_table(self, node: nodes.Element) -> list[str]:
        number = self.links.number("table", node)
        prefix = f"{number}. " if number else ""
        titles = [f"**{prefix}{self.inline(t).strip()}**" for t in node.findall(nodes.title)]
        rows = list(node.findall(nodes.row))
        alignment = [_alignment(entry) for entry in (rows[0].children if rows else [])]
        texts = [[self._entry(entry) for entry in row.children] for row in rows]
        return [*titles, pipe_table(texts, alignment, has_head=any(node.findall(nodes.thead)))]

    def _entry(self, node: nodes.Element) -> str:
        """A table's cell in one line."""
        if "morecols" in node or "morerows" in node:
            message = "a table cell that spans several columns or rows"
            self.problems.append(Problem(line_of(node), message))
        return "<br>".join("<br>".join(self.blocks(node.children)).splitlines())


def _follows_its_like(node: nodes.Element) -> bool:
    siblings = node.parent.children
    index = siblings.index(node)
    return index > 0 and type(siblings[index - 1]) is type(node)


def _is_code_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _content(node: nodes.Element) -> list[nodes.Node]:
    """What an exercise or a solution holds behind its title, free of the sections around it."""
    parts = [part.children if type(part) is nodes.section else [part] for part in node.children[1:]]
    return [node for part in parts for node in part]


def _alignment(entry: nodes.Element) -> str:
    classes = [name for name in entry.get("classes", []) if name.startswith("text-")]
    return classes[0].removeprefix("text-") if classes else ""

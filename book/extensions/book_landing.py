"""Directives of the landing page that follow the table of contents.

`book-begin` is a button to the first chapter; `book-parts` lists the parts with their chapters, a
line about each; `picture` is a figure that is left out while its file does not exist. So a chapter
shows up on the landing page by being listed in `_toc.yml`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives.patches import Figure
from sphinx.util.docutils import SphinxDirective


def _parts(app: Sphinx) -> list[tuple[str, list[str]]]:
    """Caption and documents of each part, in the order of `_toc.yml`."""
    trees = app.config.external_site_map.root.subtrees
    return [(tree.caption, [str(item) for item in tree.items]) for tree in trees]


def _link(document: str, text: str | None = None, *classes: str) -> addnodes.pending_xref:
    """A reference to a document, by its title where no text is given."""
    inner = nodes.inline("", text or document, classes=list(classes))
    return addnodes.pending_xref(
        "",
        inner,
        refdomain="std",
        reftype="doc",
        reftarget=f"/{document}",
        refexplicit=text is not None,
        refwarn=True,
    )


class Begin(SphinxDirective):
    """`{book-begin}` with the button's text as its content."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """One paragraph with the link to the first document after the root."""
        first = _parts(self.env.app)[0][1][0]
        paragraph = nodes.paragraph(classes=["book-begin"])
        paragraph += _link(first, " ".join(self.content))
        return [paragraph]


class Parts(SphinxDirective):
    """`{book-parts}` with lines `document: what it is about` (a document by its last name)."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """A container for each part: its caption and the list of its chapters."""
        about = dict(line.split(": ", 1) for line in self.content if line.strip())
        grid = nodes.container(classes=["book-parts"])
        for caption, documents in _parts(self.env.app):
            part = nodes.container(classes=["book-part"])
            part += nodes.paragraph("", caption, classes=["book-part-title"])
            items = nodes.bullet_list(classes=["book-chapters"])
            items += [self._item(document, about) for document in documents]
            part += items
            grid += part
        return [grid]

    def _item(self, document: str, about: dict[str, str]) -> nodes.list_item:
        item = nodes.list_item()
        title = nodes.paragraph()
        title += _link(document)
        item += title
        line = about.get(document.rsplit("/", 1)[-1])
        if line:
            parsed, messages = self.state.inline_text(line, self.lineno)
            item += nodes.paragraph("", "", *parsed, *messages, classes=["book-about"])
        return item


class Picture(Figure, SphinxDirective):
    """`{picture}`: a figure, or nothing while its file does not exist."""

    def run(self) -> list[nodes.Node]:
        """The figure's nodes where the file exists."""
        file = Path(self.env.doc2path(self.env.docname)).parent / self.arguments[0]
        self.env.note_dependency(str(file))
        return super().run() if file.exists() else []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("book-begin", Begin)
    app.add_directive("book-parts", Parts)
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

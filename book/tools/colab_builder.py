"""A Sphinx builder, `colab`, that writes each chapter as a notebook in plain Markdown.

It runs on the site's own settings, so labels, equation numbers, citations, computed numbers and
exercises come out as on the pages: Sphinx, myst-nb, sphinx-exercise and sphinxcontrib-bibtex
resolve them, and `colab_blocks` writes the resolved tree. `export_colab` starts it.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from colab_blocks import CELL_LINES, ChapterWriter, Text
from colab_inline import Problem
from colab_notebook import build, extras
from colab_text import indent, link
from docutils import nodes
from repository import Repository
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

LOGGER = logging.getLogger(__name__)

MIME_PRIORITY = [
    ("colab", kind, rank)
    for rank, kind in enumerate(
        ["image/svg+xml", "image/png", "image/jpeg", "text/html", "text/markdown", "text/plain"]
    )
]

INLINE_LIMIT = 200_000  # bytes; a larger picture stays on the site, where there is one

_RELATIVE_SOURCE = re.compile(r"""(<img\b[^>]*?\bsrc=["'])(?!https?:|data:)([^"']+)""")

# What myst-nb and sphinx-exercise would have turned into something else, had it been well formed.
_LEFTOVERS = re.compile(
    r"\{[a-z][\w:+-]*\}`|^ *(?:`{3,}|:{3,}) *\{|^ *:{3,}|^ *\([\w:. -]+\)=\s*$", re.M
)
_CODE = re.compile(
    r"^( *(?:> ?)*)(`{3,}).*?^\1\2`*\s*$|(?<!`)(`+)(?!`).+?(?<!`)\3(?!`)", re.M | re.S
)


class ColabBuilder(Builder):
    """Writes `<outdir>/<part>/<slug>.ipynb` for every notebook under `chapters/`."""

    name = "colab"
    format = "colab"
    supported_image_types = ["image/svg+xml", "image/png", "image/jpeg", "image/gif"]  # noqa: RUF012
    allow_parallel = False

    repository: Repository | None
    fignumbers: dict[str, dict[str, tuple[int, ...]]]

    def init(self) -> None:
        """Read what does not change from chapter to chapter."""
        self.repository = self.config.colab_repository
        self.packages = extras(Path(self.srcdir))
        self.fignumbers = {}

    def get_outdated_docs(self) -> Iterator[str]:
        """All chapters, always: one may change by what another says."""
        yield from (name for name in self.env.found_docs if name.startswith("chapters/"))

    def get_target_uri(self, docname: str, typ: str | None = None) -> str:
        """A document's address on the site, whole when the site's is known."""
        site = self.repository.site if self.repository else None
        return f"{site or 'book:'}{docname}.html"

    def get_relative_uri(self, from_: str, to: str, typ: str | None = None) -> str:
        """The same: a notebook lies elsewhere, so nothing is relative to it."""
        return self.get_target_uri(to, typ)

    def prepare_writing(self, docnames: set[str]) -> None:
        """Nothing to prepare."""

    def write_doc(self, docname: str, doctree: nodes.document) -> None:
        """Write one chapter's notebook, or warn of what keeps it from being written."""
        source = Path(self.env.doc2path(docname))
        if not docname.startswith("chapters/") or source.suffix != ".ipynb":
            return
        self.fignumbers = self.env.toc_fignumbers.get(docname, {})
        stored = nbformat.read(source, as_version=4)
        writer = ChapterWriter(PageLinks(self, docname))
        pieces = writer.pieces(doctree)
        pieces += self._references(docname, doctree, writer, len(stored.cells) - 1)
        problems = [*writer.problems, *leftovers(pieces)]
        for problem in problems:
            LOGGER.warning(problem.message, location=(docname, problem.line))
        if problems:
            return
        page = self.get_target_uri(docname) if self.repository and self.repository.site else None
        try:
            notebook = build(stored, pieces, self.repository, self.packages, page)
        except ValueError as error:
            LOGGER.warning(str(error), location=docname)
            return
        target = Path(self.outdir) / f"{docname.removeprefix('chapters/')}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)

    def _references(
        self, docname: str, doctree: nodes.document, writer: ChapterWriter, cell: int
    ) -> list[Text]:
        """The list of the papers that the chapter cites, in the bibliography's order."""
        if "cite" not in self.env.domains or any(doctree.findall(nodes.citation)):
            return []  # the chapter lists them itself
        domain: Any = self.env.get_domain("cite")
        cited = {
            t.key for ref in domain.citation_refs if ref.docname == docname for t in ref.targets
        }
        entries: dict[str, str] = {}
        for citation in domain.citations:
            if citation.key in cited and citation.key not in entries:
                rendered = citation.formatted_entry.text.render(domain.backend)
                text = "".join(writer.inline_node(node) for node in rendered)
                label = link(citation.formatted_entry.label, paper_address(citation.entry))
                entries[citation.key] = f"- {label}: {indent(text, 2)}"
        if not entries:
            return []
        return [Text(cell, ["## References", "\n".join(entries.values())])]


class PageLinks:
    """Addresses, numbers and pictures of one document."""

    def __init__(self, builder: ColabBuilder, docname: str) -> None:
        self.builder = builder
        self.docname = docname
        self.papers = _paper_addresses(builder)

    def reference(self, node: nodes.Element) -> str | None:
        """The address that a reference leads to; None when it is best left as text."""
        if "refid" in node:
            node = nodes.reference(
                refuri=f"{self.builder.get_target_uri(self.docname)}#{node['refid']}"
            )
        address = node.get("refuri", "")
        if not address.startswith("book:"):
            return address or None
        return self.papers.get(address)

    def number(self, kind: str, node: nodes.Element) -> str | None:
        """The number of a figure, table or exercise in the words of the site (`Fig. 3`)."""
        numbers = self.builder.fignumbers.get(kind, {})
        found = next((numbers[name] for name in node.get("ids", []) if name in numbers), None)
        if found is None:
            return None
        return self.builder.config.numfig_format[kind] % ".".join(map(str, found))

    def equation_number(self, node: nodes.math_block) -> str | None:
        """The number of a labelled equation, as on the site."""
        if not node.get("number"):
            return None
        return get_node_equation_number(self, node)

    def picture(self, uri: str) -> str:
        """The picture's own bytes as an address, or its place on the site when it is large."""
        if "://" in uri or uri.startswith("data:"):
            return uri
        path = Path(self.builder.srcdir, uri)
        content = path.read_bytes()
        site = self.builder.repository.site if self.builder.repository else None
        if site and len(content) > INLINE_LIMIT:
            return f"{site}_images/{path.name}"
        kind = mimetypes.guess_type(path.name)[0] or "image/png"
        return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"

    def raw_html(self, source: str) -> str:
        """HTML with its pictures embedded; they are sought beside the chapter."""

        def embedded(found: re.Match) -> str:
            path = Path(self.docname).parent / found.group(2)
            return found.group(1) + self.picture(path.as_posix())

        return _RELATIVE_SOURCE.sub(embedded, source)


def _paper_addresses(builder: ColabBuilder) -> dict[str, str]:
    """Where each citation leads when the site is unknown: to the paper itself."""
    if "cite" not in builder.env.domains:
        return {}
    domain: Any = builder.env.get_domain("cite")
    return {
        f"{builder.get_target_uri(c.bibliography_key.docname)}#{c.citation_id}": address
        for c in domain.citations
        if (address := paper_address(c.entry))
    }


def paper_address(entry: Any) -> str | None:
    """A paper's lasting address: its DOI, its arXiv page, or what the bibliography says."""
    fields = {name.lower(): value for name, value in entry.fields.items()}
    if fields.get("doi"):
        return f"https://doi.org/{fields['doi']}"
    if fields.get("eprint") and fields.get("archiveprefix", "arxiv").lower() == "arxiv":
        return f"https://arxiv.org/abs/{fields['eprint']}"
    return fields.get("url")


def leftovers(pieces: list) -> list[Problem]:
    """MyST that is still there outside code: what this edition promises never to hold."""
    problems = []
    for piece in pieces:
        for block in piece.blocks if isinstance(piece, Text) else []:
            found = _LEFTOVERS.search(_CODE.sub("", block))
            if found:
                message = f"MyST is left in the text: {found.group().strip()!r}"
                problems.append(Problem((piece.cell + 1) * CELL_LINES, message))
    return problems


def locate(source: Path, stored: nbformat.NotebookNode, line: int) -> str:
    """Where a line of myst-nb's counting stands in the Markdown file that a person edits.

    Falls back to the notebook's cell when the pair does not hold the cell's text as it is.
    """
    # myst-nb and myst-parser each add one to a line counted from zero.
    cell, offset = line // CELL_LINES - 1, max(line % CELL_LINES - 1, 1)
    if not 0 <= cell < len(stored.cells):
        return str(source)
    markdown = source.with_suffix(".md")
    text = markdown.read_text(encoding="utf-8") if markdown.exists() else ""
    start = text.find(stored.cells[cell]["source"])
    if start < 0:
        return f"{source}: cell {cell + 1}, line {offset}"
    return f"{markdown}:{text[:start].count(chr(10)) + offset}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the builder; `export_colab` sets the one value it takes."""
    app.add_builder(ColabBuilder)
    app.add_config_value("colab_repository", None, "")
    return {"parallel_read_safe": True}

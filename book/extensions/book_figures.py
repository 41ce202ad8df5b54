"""Alternative texts of the figures that cells drew.

`llmbook.plot` stores a figure's text in its output's metadata (`image/png: {alt: …}`), where
JupyterLab looks for it; myst-nb drops it and would name the file instead. A figure without one
is a warning, and so stops the build: those who cannot see it would be told nothing.
"""

from __future__ import annotations

import hashlib
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
CELL_LINES = 10000  # myst-nb counts the lines of cell n from n times this


def stored_figures(notebook: Any) -> Iterator[tuple[int, str, str | None]]:
    """Of each stored picture: the number of its cell, its digest, its alternative text."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            for kind, content in output.get("data", {}).items():
                if kind in ("image/png", "image/jpeg"):
                    alt = output.get("metadata", {}).get(kind, {}).get("alt")
                    yield number, hashlib.sha256(a2b_base64(content)).hexdigest(), alt


def _give_texts(app: Sphinx, doctree: nodes.document) -> None:
    path = app.env.doc2path(app.env.docname)
    if not path.endswith(".ipynb"):
        return
    texts = {}
    for cell, digest, alt in stored_figures(nbformat.read(path, as_version=4)):
        texts[digest] = alt
        if not alt:
            place = f"{path}:{cell * CELL_LINES + 1}"
            LOGGER.warning("a figure without alternative text (alt=…)", location=place)
    for image in doctree.findall(nodes.image):
        # myst-nb names a picture's file by its digest.
        alt = texts.get(image["uri"].rsplit("/", 1)[-1].split(".")[0])
        if alt:
            image["alt"] = alt


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to each page that was read."""
    app.connect("doctree-read", _give_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

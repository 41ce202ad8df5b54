"""The buttons above a chapter: open in Colab, and download its notebook.

Both lead to the Colab edition (plain Markdown, an install cell first) that
`book/tools/export_colab.py` writes to `colab/<part>/<slug>.ipynb` within the site. Colab opens
notebooks from a repository's branch, so its button needs the repository's address, which
`book/tools/repository.py` resolves; without one that button is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.append(str(Path(__file__).parent.parent / "tools"))

from repository import COLAB_FOLDER, resolve


def edition(pagename: str) -> str:
    """Path of a page's notebook within the site: chapters/a/b -> colab/a/b.ipynb."""
    return f"{COLAB_FOLDER}/{pagename.removeprefix('chapters/')}.ipynb"


def _add_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    is_chapter = pagename.startswith("chapters/") and context.get("page_source_suffix") == ".ipynb"
    repository = resolve() if is_chapter else None
    context["notebook_path"] = edition(pagename) if is_chapter else None
    context["colab_url"] = repository.colab(pagename) if repository else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Hand the two addresses to `book-buttons.html`."""
    app.connect("html-page-context", _add_buttons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The cells of a Colab notebook: the chapter's own code and outputs between plain Markdown.

The title stands first, then a line that says what this is, then the cell that installs the book's
package where it is missing. Code cells and their outputs are the stored ones, byte for byte, but
for the folded solutions, which get Colab's form title.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import nbformat
from colab_blocks import Code, Text
from repository import Repository

COLAB = Path(__file__).with_name("colab.toml")

METADATA = {
    "colab": {"provenance": [], "toc_visible": True},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}

# The site shows these cells' outputs alone; a reader of the notebook can unfold the code.
HIDDEN_CODE = {"hide-input", "hide-cell", "remove-input", "remove-cell"}

INSTALL = """\
try:
    import llmbook
except ModuleNotFoundError:
    %pip install -q --no-deps {packages}"""

NO_ADDRESS = """\
try:
    import llmbook
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This notebook needs the book's package, llmbook. Get a copy of the book's repository and "
        "run `%pip install -q --no-deps FOLDER` here, with the copy's folder. (This notebook was "
        "made where the repository's address was unknown. With BOOK_REPOSITORY=owner/name set, "
        "`make book` writes notebooks that install the package themselves.)"
    ) from None"""


class ExportError(Exception):
    """What has no plain Markdown form; the message names each chapter and line, or the setting."""


def extras(root: Path) -> list[str]:
    """What Colab lacks and the book needs, pinned as the lock pins it.

    The names stand under `extras` in `colab.toml` beside this module. Raises ExportError
    for a name that the lock does not pin.
    """
    names = tomllib.loads(COLAB.read_text(encoding="utf-8"))["extras"]
    lock = root / "requirements.lock"
    if not lock.exists():
        return names
    pins = dict(
        re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.M)
    )
    pins = {_normal(name): version for name, version in pins.items()}
    missing = [name for name in names if _normal(name) not in pins]
    if missing:
        raise ExportError(
            f"{COLAB.name} names {', '.join(missing)} under extras, which requirements.lock "
            "does not pin: add it to the lock or take it off the list"
        )
    return [f"{name}=={pins[_normal(name)]}" for name in names]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install_source(repository: Repository | None, packages: Sequence[str]) -> str:
    """The first code cell. It names no address but the repository's own."""
    if repository is None:
        return NO_ADDRESS
    wanted = [f"git+{repository.git_url}", *packages]
    return INSTALL.format(packages=" ".join(f'"{name}"' for name in wanted))


def fold(source: str, title: str) -> str:
    """A cell's source as a form of Colab under `title`; a cell magic must stay its first line."""
    marker = f"#@title {title}"
    if source.startswith("%%"):
        first, _, rest = source.partition("\n")
        return f"{first}\n{marker}\n{rest}"
    return f"{marker}\n{source}"


def build(
    stored: nbformat.NotebookNode,
    pieces: Sequence[Text | Code],
    repository: Repository | None,
    packages: Sequence[str],
    page: str | None,
) -> nbformat.NotebookNode:
    """The Colab notebook of a chapter.

    `stored` is the chapter's notebook, `pieces` its text and code in order, `page` its address on
    the site, None when unknown. Raises ValueError when the chapter does not open with its title.
    """
    pieces = _with_left_out_code(stored, pieces)
    first = pieces[0] if pieces else None
    if not isinstance(first, Text) or not first.blocks[0].startswith("# "):
        raise ValueError("a chapter opens with its title: a line `# …` before anything else")
    title, *rest = first.blocks
    cells = [_markdown("title", [title, _note(page, repository)]), _install(repository, packages)]
    taken: set[str] = set()
    for piece in [Text(first.cell, rest), *pieces[1:]] if rest else pieces[1:]:
        original = stored.cells[piece.cell]
        if isinstance(piece, Code):
            cells.append(_code(original, piece.title))
            continue
        identifier = original["id"]
        if identifier in taken or original["cell_type"] == "code":
            identifier = f"{identifier}-{len(cells)}"
        taken.add(identifier)
        cells.append(_markdown(identifier, piece.blocks))
    metadata = deepcopy(METADATA)
    if "language_info" in stored.metadata:
        metadata["language_info"] = dict(stored.metadata["language_info"])
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(notebook)
    return notebook


def _note(page: str | None, repository: Repository | None) -> str:
    """The one line under the title."""
    this = (
        f"[The page of this chapter]({page}) is for reading, this notebook for running. "
        if page
        else ""
    )
    action = "looks for the book's package"
    if repository is not None:
        action = "installs the book's package where it is missing"
    return f"*{this}The cell below {action}.*"


def _with_left_out_code(
    stored: nbformat.NotebookNode, pieces: Sequence[Text | Code]
) -> list[Text | Code]:
    """Pieces with the code cells that the site leaves out: later cells may need what they run."""
    shown = {piece.cell for piece in pieces if isinstance(piece, Code)}
    left_out = [
        Code(index)
        for index, cell in enumerate(stored.cells)
        if cell["cell_type"] == "code" and cell["source"].strip() and index not in shown
    ]
    merged: list[Text | Code] = []
    for piece in pieces:
        while left_out and left_out[0].cell < piece.cell:
            merged.append(left_out.pop(0))
        merged.append(piece)
    return [*merged, *left_out]


def _markdown(identifier: str, blocks: Sequence[str]) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell("\n\n".join(blocks), id=identifier)


def _install(repository: Repository | None, packages: Sequence[str]) -> nbformat.NotebookNode:
    source = install_source(repository, packages)
    metadata = {"tags": ["nbval-ignore-output"]}  # pip may have something to say
    return nbformat.v4.new_code_cell(source, id="install", metadata=metadata)


def _code(original: nbformat.NotebookNode, title: str | None) -> nbformat.NotebookNode:
    """A stored code cell, folded when it is a solution or the site shows no code of it."""
    cell = deepcopy(original)
    tags = cell.metadata.get("tags", [])
    if title is None and "solution" in tags:
        title = "Solution"
    cell.metadata = {"tags": tags} if tags else {}
    if title is not None:
        cell.source = fold(cell.source, title)
    if title is not None or HIDDEN_CODE.intersection(tags):
        cell.metadata["cellView"] = "form"  # Colab's word for it
        cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab's
    return cell

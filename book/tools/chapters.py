"""A chapter's two files: the text that people edit and the notebook that the run writes.

    >>> for chapter in chapters(root): print(chapter.slug, chapter.problems())

`x.md` holds everything a person wrote; `x.ipynb` beside it holds the same cells with their
outputs. Whatever stands in only one of them, or no longer fits, is a `Problem`, and each problem
names the command that mends it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbformat import NotebookNode
from staleness import PACKAGE, fingerprint

ROOT = Path(__file__).resolve().parents[2]
EDITIONS = ("chapters", "zh/chapters")
MAX_NOTEBOOK = 500_000  # bytes: what a page, a diff and Colab still load at once
WIDGETS = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# An output that names a folder of the machine it was made on is another one on every machine.
# A warning does so, too: it comes with the path of the line that raised it.
MACHINE_PATH = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|[A-Z]:\\Users\\)[\w.~-]+")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a chapter, and the command that mends it."""

    chapter: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.chapter}: {self.what}\n    mend it with: {self.mend}"


@dataclass(frozen=True)
class Chapter:
    """The pair of a text (`md`) and its notebook (`ipynb`) in the book at `root`."""

    md: Path
    root: Path = ROOT

    @property
    def ipynb(self) -> Path:
        return self.md.with_suffix(".ipynb")

    @property
    def name(self) -> str:
        """The text's path in the book, as people type it: `chapters/architectures/rnn.md`."""
        return self.md.relative_to(self.root).as_posix()

    def text(self) -> NotebookNode:
        """The cells as written in the text."""
        return jupytext.read(self.md, fmt="md:myst")

    def stored(self) -> NotebookNode | None:
        """The notebook with its outputs; None when there is none."""
        if not self.ipynb.is_file():
            return None
        return nbformat.read(self.ipynb, as_version=4)

    def fingerprint(self) -> str:
        """The hash of the chapter's code and everything of the package that it reaches."""
        return fingerprint(sources(self.text()), self.root)

    def paired(self) -> NotebookNode:
        """The text's cells with the outputs that are stored for them."""
        text, stored = self.text(), self.stored()
        if stored is None:
            notebook = text
        else:
            notebook = combine_inputs_with_outputs(text, stored, fmt="md:myst")
        own = {k: v for k, v in notebook.metadata.items() if k == PACKAGE}
        info = notebook.metadata.get("language_info", {})
        info.pop("version", None)  # the outputs do not depend on it, and it differs by machine
        notebook.metadata = nbformat.from_dict(
            {"kernelspec": KERNEL, **({"language_info": info} if info else {}), **own}
        )
        notebook.nbformat, notebook.nbformat_minor = 4, 5
        return notebook

    def write(self, notebook: NotebookNode) -> bool:
        """Store `notebook`, whole or not at all. Returns whether the file changed."""
        content = nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
        if self.ipynb.is_file() and self.ipynb.read_text(encoding="utf-8") == content:
            return False
        new = self.ipynb.with_name(f".{self.ipynb.name}.{os.getpid()}.new")
        try:
            new.write_text(content, encoding="utf-8", newline="\n")
            os.replace(new, self.ipynb)
        finally:
            new.unlink(missing_ok=True)
        return True

    def is_paired(self) -> bool:
        """Whether the notebook's cells are the text's."""
        stored = self.stored()
        return stored is not None and _cells(stored) == _cells(self.text())

    def is_executed(self) -> bool:
        """Whether every code cell has run and none of them failed."""
        stored = self.stored()
        if stored is None:
            return False
        code = [c for c in stored.cells if c.cell_type == "code"]
        return all(c.execution_count for c in code) and not _errors(code)

    def is_stale(self) -> bool:
        """Whether the stored outputs may differ from what the code gives now."""
        stored = self.stored()
        if stored is None or not self.is_executed():
            return True
        return stored.metadata.get(PACKAGE, {}).get("hash") != self.fingerprint()

    def problems(self) -> list[Problem]:
        """Everything that keeps this chapter out of the book."""
        mend = f"make run CHAPTER={self.name}"
        stored = self.stored()
        if stored is None:
            return [Problem(self.name, f"{self.ipynb.name} is missing", mend)]
        found = []
        code = [c for c in stored.cells if c.cell_type == "code"]
        if not self.is_paired():
            found.append(("the text changed since the notebook was written", mend))
        if missing := [i for i, c in enumerate(code, 1) if not c.execution_count]:
            found.append((f"code cells {missing} were not executed", mend))
        if errors := _errors(code):
            found.append((f"code cells {errors} ended in an error", mend))
        if not found and self.is_stale():
            found.append(("its code, or the package that it uses, changed since it ran", mend))
        found += _faults_of_outputs(code, self.name)
        if "widgets" in stored.metadata:
            found.append(("it stores the state of widgets", f"{mend} FORCE=1"))
        if (size := self.ipynb.stat().st_size) > MAX_NOTEBOOK:
            how = f"store fewer or smaller pictures ({mend} after it)"
            found.append((f"the notebook has {size:,} bytes; at most {MAX_NOTEBOOK:,}", how))
        return [Problem(self.name, what, how) for what, how in found]


def chapters(root: Path = ROOT) -> list[Chapter]:
    """Every chapter of every edition, in the order of their paths."""
    return [
        Chapter(md, root)
        for edition in EDITIONS
        for md in sorted((root / edition).rglob("*.md"))
        if not any(part.startswith(".") for part in md.relative_to(root).parts)
    ]


def orphans(root: Path = ROOT) -> list[Problem]:
    """Notebooks that have no text."""
    return [
        Problem(
            notebook.relative_to(root).as_posix(),
            "it has no text beside it (only the .md is edited)",
            f"git rm {notebook.relative_to(root).as_posix()}",
        )
        for edition in EDITIONS
        for notebook in sorted((root / edition).rglob("*.ipynb"))
        if not any(part.startswith(".") for part in notebook.relative_to(root).parts)
        and not notebook.with_suffix(".md").is_file()
    ]


def sources(notebook: NotebookNode) -> list[str]:
    """The sources of the code cells."""
    return [c.source for c in notebook.cells if c.cell_type == "code"]


def _cells(notebook: NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (c.cell_type, c.source.rstrip(), tuple(c.metadata.get("tags", []))) for c in notebook.cells
    ]


def _errors(code: list[NotebookNode]) -> list[int]:
    """The numbers of the cells whose output is an error that the author did not announce."""
    return [
        number
        for number, cell in enumerate(code, 1)
        if any(o.output_type == "error" for o in cell.outputs)
        and "raises-exception" not in cell.metadata.get("tags", [])
    ]


def _faults_of_outputs(code: list[NotebookNode], name: str) -> list[tuple[str, str]]:
    """Outputs that no other machine would give, or that need the network to be seen."""
    found = []
    for number, cell in enumerate(code, 1):
        text = "".join(_texts(cell))
        if path := MACHINE_PATH.search(text):
            what = f"the output of code cell {number} names a path of one machine: {path.group()}"
            found.append((what, f"print no path and silence no warning but its cause in {name}"))
        if any(WIDGETS in o.get("data", {}) for o in cell.outputs):
            what = f"code cell {number} shows a widget, which a page cannot without the network"
            found.append((what, f"use tqdm.tqdm and plain outputs in {name}"))
    return found


def _texts(cell: NotebookNode) -> list[str]:
    texts = []
    for output in cell.outputs:
        texts.append(output.get("text", ""))
        data = output.get("data", {})
        texts += [v for k, v in data.items() if k.startswith("text/") and isinstance(v, str)]
    return texts

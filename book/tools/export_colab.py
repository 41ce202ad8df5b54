"""Writes every chapter as a notebook in plain Markdown, which Colab and Jupyter read as it is.

    python book/tools/export_colab.py OUTDIR [--repository ADDRESS]

Each `chapters/<part>/<slug>.ipynb` becomes `OUTDIR/<part>/<slug>.ipynb`, with its stored outputs
and a first code cell that installs the package from the book's repository. No MyST is left in it.

Why it is made this way. What is hard in MyST is not its marks but what they refer to: numbers of
equations and exercises, citations, glossary entries, numbers computed by other cells. Sphinx and
its extensions resolve all of that for the pages already, so this edition is one more Sphinx
builder on the same settings, and the two cannot disagree. The finished tools fall short:
sphinx-tojupyter 0.6 drops stored outputs, knows no admonition but the note, writes the time into
its files, ends the process and brings a distributed scheduler; mystmd's export needs node and
counts exercises and equations by rules of its own; sphinx-markdown-builder 0.6 knows no cells, no
numbers and no exercises. A rewriter of myst-parser's tokens would have to resolve by itself what
Sphinx resolves. Anything without a form in plain Markdown is an error with its chapter and line.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import nbformat
from colab_builder import MIME_PRIORITY, locate
from colab_notebook import ExportError
from repository import HOW_TO_SET, ROOT, Repository, resolve

_PLACE = re.compile(r"^(?P<path>[^\n]*?\.ipynb):(?P<line>\d+): ", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def export(
    outdir: Path | str,
    repository: Repository | str | None = None,
    root: Path | str = ROOT,
    config: str = "_config.yml",
    toc: str = "_toc.yml",
) -> list[Path]:
    """Write the Colab edition of the book at `root`; returns the notebooks, sorted.

    `config` and `toc` are files of `root`: another pair of them makes another edition.

    `repository` is an address as `Repository.parse` takes it, None for the one that
    `repository.resolve` finds (which may be none: then nothing is linked or installed). Raises
    ExportError naming the chapter and line for anything that plain Markdown cannot say, and for
    every warning of Sphinx; `outdir` then keeps what it held.
    """
    root, outdir = Path(root).resolve(), Path(outdir)
    if isinstance(repository, str):
        repository = Repository.parse(repository)
    repository = repository or resolve(root=root)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "colab")
        _run_sphinx(root / config, root / toc, written, repository)
        notebooks = sorted(path.relative_to(written) for path in written.rglob("*.ipynb"))
        for notebook in notebooks:
            target = outdir / notebook
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((written / notebook).read_bytes())
    return [outdir / notebook for notebook in notebooks]


def _run_sphinx(config: Path, toc: Path, outdir: Path, repository: Repository | None) -> None:
    """Run the builder `colab` on the site's settings; any warning is an ExportError."""
    from jupyter_book.config import get_final_config
    from jupyter_book.sphinx import build_sphinx

    root = config.parent
    overrides: dict[str, Any] = {"latex_individualpages": False, "external_toc_path": str(toc)}
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(said):
        site, _ = get_final_config(
            user_yaml=config, sourcedir=root, cli_config=dict(overrides), raise_on_invalid=True
        )
    overrides |= {
        "extensions": [*site["extensions"], "colab_builder"],
        "nb_mime_priority_overrides": MIME_PRIORITY,
        "nb_execution_mode": "off",
        "colab_repository": repository,
    }
    warnings = io.StringIO()
    with redirect_stderr(warnings), redirect_stdout(io.StringIO()):
        outcome = build_sphinx(
            root,
            outdir,
            path_config=config,
            noconfig=True,
            confoverrides=overrides,
            doctreedir=outdir.parent / "doctrees",
            builder="colab",
            freshenv=True,
            force_all=True,
            warningiserror=True,
            keep_going=True,
            quiet=True,
        )
    if isinstance(outcome, (ExportError, KeyboardInterrupt)):
        raise outcome
    said = _with_places(_COLOUR.sub("", warnings.getvalue()).strip())
    if outcome != 0 or said:
        cause = outcome if isinstance(outcome, BaseException) else None
        raise ExportError(said or repr(outcome)) from cause


def _with_places(warnings: str) -> str:
    """Sphinx's warnings, with the chapters' lines in the Markdown files that people edit."""

    def place(found: re.Match) -> str:
        source = Path(found["path"])
        if not source.exists():
            return found.group()
        return f"{locate(source, nbformat.read(source, as_version=4), int(found['line']))}: "

    return _PLACE.sub(place, warnings)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the chapters as plain notebooks for Colab.")
    parser.add_argument("outdir", type=Path, help="folder to write <part>/<slug>.ipynb into")
    parser.add_argument("--repository", help="owner/name or a git address (default: resolved)")
    arguments = parser.parse_args()
    try:
        notebooks = export(arguments.outdir, arguments.repository)
    except (ExportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*notebooks, sep="\n")
    if arguments.repository is None and resolve() is None:
        print(HOW_TO_SET)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs Colab notebooks as a stranger would: alone, in an empty folder and a clean environment.

    python book/tools/test_colab.py [CHAPTER …] [--env DIR]

Every chapter named (`architectures/rnn`; all of them when none is) is exported with the address of
this repository's own git folder, so that the notebook's first cell installs the package from the
last commit, with the extras that Colab lacks. Then the notebook runs whole. A failure names the
chapter and the cell. Only pip uses the network (see `colab_environment` for what it installs).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from colab_environment import KERNEL, Environment, SetupError
from colab_notebook import ExportError
from export_colab import export
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from repository import ROOT

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

CELL_TIMEOUT = 600  # seconds; a whole chapter takes less than 120 on two cores


def chosen(wanted: list[str], notebooks: list[str]) -> list[str]:
    """The notebooks (`part/slug`) that the chapters' names mean, all of them for no name.

    Raises SetupError for a name that fits none or several.
    """
    found = []
    for chapter in wanted:
        name = re.sub(r"\.(md|ipynb)$", "", chapter.strip("/")).removeprefix("chapters/")
        hits = [path for path in notebooks if path == name or path.endswith(f"/{name}")]
        if len(hits) != 1:
            raise SetupError(
                f"no single chapter is called {chapter!r}; there are: {', '.join(notebooks)}"
            )
        found += hits
    return found or notebooks


def run_notebook(path: Path, folder: Path) -> str | None:
    """Execute a notebook in `folder`; what went wrong, naming the cell, or None."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    failed: list[int] = []
    current = [0]
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNEL,
        resources={"metadata": {"path": str(folder)}},
        on_cell_error=lambda cell, cell_index, execute_reply: failed.append(cell_index),
        on_cell_start=lambda cell, cell_index: current.__setitem__(0, cell_index),
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        index = failed[0] if failed else current[0]
        source = notebook.cells[index].source.strip().splitlines() or [""]
        name = getattr(error, "ename", type(error).__name__)
        words = _COLOUR.sub("", getattr(error, "evalue", "") or str(error)).strip()
        return f"cell {index + 1} (`{source[0]}`): {_COLOUR.sub('', name)}: {words}"
    return None


def try_chapter(name: str, notebook: Path, environment: Environment) -> bool:
    """Run one chapter from an environment without the book's package; print the verdict."""
    environment.forget_book()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="colab-chapter-") as folder:
        alone = Path(folder, notebook.name)
        alone.write_bytes(notebook.read_bytes())
        fault = run_notebook(alone, Path(folder))
    if fault is None and not environment.has_own_book():
        fault = "cell 2 (the install cell) did not install llmbook into the clean environment"
    seconds = time.perf_counter() - start
    print(f"{'✔' if fault is None else '✘'} {name}  {seconds:.0f} s", flush=True)
    if fault is not None:
        print(f"  chapters/{name}: {fault}", flush=True)
    return fault is None


def warn_of_uncommitted() -> None:
    """Say when the package that is tried is not the one in the working tree."""
    command = ["git", "-C", str(ROOT), "status", "--porcelain", "--", "code", "pyproject.toml"]
    changed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    if changed.strip():
        print("Not committed, so not part of what is installed here:\n" + changed.rstrip())


def run(chapters: list[str], env: Path | None) -> int:
    """Export, make the environment, run each chapter; the number of chapters that failed."""
    with tempfile.TemporaryDirectory(prefix="colab-edition-") as folder:
        edition = Path(folder, "edition")
        written = export(edition, f"file://{ROOT.as_posix()}")
        names = [path.relative_to(edition).with_suffix("").as_posix() for path in written]
        if not names:
            raise SetupError("_toc.yml lists no chapter: there is nothing to run in Colab")
        names = chosen(chapters, names)
        warn_of_uncommitted()
        environment = Environment(env.resolve() if env else Path(folder, "environment"))
        environment.make()
        environment.report()
        os.environ["JUPYTER_PATH"] = str(environment.write_kernel(Path(folder, "jupyter")))
        for variable in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            os.environ.pop(variable, None)  # the environment is to see nothing of this one
        good = [try_chapter(name, edition / f"{name}.ipynb", environment) for name in names]
    print(f"{sum(good)} of {len(good)} Colab notebooks ran whole.")
    return len(good) - sum(good)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run Colab notebooks in a clean environment.")
    parser.add_argument("chapters", nargs="*", help="such as architectures/rnn (default: all)")
    parser.add_argument("--env", type=Path, help="keep the environment in this folder and reuse it")
    arguments = parser.parse_args()
    try:
        return 1 if run(arguments.chapters, arguments.env) else 0
    except (SetupError, ExportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

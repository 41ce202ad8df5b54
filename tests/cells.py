"""Run the cells of a small notebook in a real kernel and hand back their outputs."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat

CODE = Path(__file__).resolve().parents[1] / "code"


def run_cells(*sources: str, cwd: Path) -> nbformat.NotebookNode:
    """A notebook with these code cells, executed; a cell that raises fails the test."""
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    path = os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH", "")]))
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    resources = {"metadata": {"path": str(cwd)}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)
    client.execute(env=env)
    return notebook

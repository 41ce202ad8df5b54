"""Asks TensorFlow and JAX again for what the chapter on tools shows of them.

    python book/tools/test_frameworks.py [--env DIR] [--write]

In a virtual environment of its own, made for the purpose, with the versions in `frameworks.txt`.
It runs the book's package from the working tree there, without torch, and compares what came with
what `llmbook/frameworks/lstm_cell.json` keeps. `--write` keeps the new answers instead (then
`make run`). Only pip uses the network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("frameworks.txt")


def python_of(folder: Path) -> Path:
    """The Python of the environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(folder: Path) -> bool:
    """Make the environment, unless `folder` has it in these versions; whether pip succeeded."""
    done = folder / "frameworks.txt"
    if done.is_file() and done.read_text(encoding="utf-8") == PINS.read_text(encoding="utf-8"):
        print(f"Using the environment in {folder}.", flush=True)
        return True
    print("Making an environment with TensorFlow and JAX (2 GB) …", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python_of(folder)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if subprocess.run([*command, "-r", str(PINS)], check=False).returncode:
        print("The packages could not be installed: see pip's words above.", file=sys.stderr)
        return False
    done.write_text(PINS.read_text(encoding="utf-8"), encoding="utf-8")
    return True


def ask(folder: Path, *arguments: str) -> int:
    """Run the package's own comparison there; its exit status."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"PYTHONPATH": str(ROOT / "code"), "KERAS_BACKEND": "tensorflow"}
    command = [str(python_of(folder)), "-m", "llmbook.frameworks", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


def main() -> int:
    """The command line; 1 where pip failed or the answers differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", type=Path, help="keep the environment in this folder and reuse it")
    parser.add_argument("--write", action="store_true", help="keep the new answers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="frameworks-") as temporary:
        folder = options.env.resolve() if options.env else Path(temporary, "environment")
        if not make(folder):
            return 1
        return int(ask(folder, *(["--write"] if options.write else [])) != 0)


if __name__ == "__main__":
    sys.exit(main())

"""nbval over the chapters: run every cell again and compare each output with the stored one.

    python book/tools/validate_chapters.py                # all chapters, two at a time
    python book/tools/validate_chapters.py rnn            # one
    python book/tools/validate_chapters.py --elsewhere    # some, as on an unlike machine

`--elsewhere` repeats chapters that train, on one thread and without the processor's vector
instructions. Every sum is then rounded otherwise, so what a chapter claims of its training must
hold by its margin and not by luck.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import one_environment
from run_chapters import AT_ONCE, CELL_TIMEOUT, select

#: Chapters that train, repeated by `--elsewhere`: the gradients over time and the first network.
TRAINED = ("chapters/architectures/rnn.md", "chapters/foundations/neural_networks.md")
ELSEWHERE = {"ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"}


def validate(paths: list[str], environment: dict[str, str]) -> int:
    """Run nbval over notebooks; pytest's exit status."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "--no-header"]
    command += [
        "-n",
        str(AT_ONCE),
        "--dist",
        "loadfile",
    ]  # loadfile keeps a notebook's cells together
    command += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *paths], cwd=one_environment.ROOT, env=environment).returncode


def main() -> int:
    """The command line; the exit status of pytest, 2 for a chapter that is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="*", help="a text, a folder or a slug (default: all)")
    parser.add_argument(
        "--elsewhere", action="store_true", help=f"{', '.join(TRAINED)} as on an unlike machine"
    )
    options = parser.parse_args()
    environment = {**os.environ, **(ELSEWHERE if options.elsewhere else {})}
    try:
        chosen = select(options.chapter or list(TRAINED if options.elsewhere else ()))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    missing = [c.name for c in chosen if not c.ipynb.is_file()]
    if missing or not chosen:
        print(f"not executed yet: {', '.join(missing) or 'any chapter'}. Run: make run")
        return 1
    return validate([str(c.ipynb.relative_to(c.root)) for c in chosen], environment)


if __name__ == "__main__":
    sys.exit(main())

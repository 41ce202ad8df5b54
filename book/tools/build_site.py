"""Builds the website into `_build/html` from the outputs stored in the notebooks.

    python book/tools/build_site.py

Warnings are errors, nothing is executed and nothing is asked of the network. The Colab edition of
every chapter is written into the site's folder `colab`, where the pages' buttons lead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from repository import HOW_TO_SET, resolve

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
BUILD = ("-c", "from jupyter_book.cli.main import main; main()", "build", ".")
STRICT = ("--all", "-W", "--keep-going", "-n", "-q")


def pages(toc: dict[str, Any]) -> Iterator[str]:
    """The documents that a `_toc.yml` names, in their order, without suffix."""
    for key, value in toc.items():
        if key in ("root", "file"):
            yield value
        elif isinstance(value, list):
            for entry in value:
                yield from pages(entry)


def missing(root: Path = ROOT) -> list[str]:
    """A sentence for each document of the table of contents that cannot be rendered."""
    faults = []
    for page in pages(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))):
        source = root / page
        suffix = ".ipynb" if page.startswith("chapters/") else ".md"
        if source.with_suffix(suffix).exists():
            continue
        if source.with_suffix(".md").exists():
            faults.append(f"{page}.md has no executed notebook beside it: run `make run`.")
        else:
            faults.append(f"_toc.yml names {page}, but there is no {page}{suffix}.")
    return faults


def render() -> int:
    """Run jupyter-book over the repository; its exit status (0 when there was no warning)."""
    shutil.rmtree(SITE, ignore_errors=True)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *BUILD, *STRICT], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    return done.returncode


def main() -> int:
    """Build the site and say where to open it."""
    start = time.perf_counter()
    faults = missing()
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        return 1
    if render():
        print("The site was not built: mend the warnings above.", file=sys.stderr)
        return 1
    if find_spec("export_colab"):
        import export_colab

        export_colab.export(outdir=SITE / "colab")
    if resolve() is None:
        print(HOW_TO_SET)
    print(f"The site is built ({time.perf_counter() - start:.0f} s). Open {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

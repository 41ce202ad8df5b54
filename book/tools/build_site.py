"""Builds the website into `_build/html` from the outputs stored in the notebooks.

    python book/tools/build_site.py            # strict: any warning is an error
    python book/tools/build_site.py --draft    # shows chapters that are not listed yet, too

Nothing is executed and nothing is asked of the network. The Colab edition of every chapter is
written into the site's folder `colab`, where the pages' buttons lead.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import export_colab
import nbformat
import yaml
from colab_builder import locate
from repository import COLAB_FOLDER, HOW_TO_SET, resolve

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
DRAFT_TOC = ROOT / "_build" / "_toc.draft.yml"
JUPYTER_BOOK = ("-c", "from jupyter_book.cli.main import main; main()", "build", ".", "--all", "-q")
STRICT = ("-W", "--keep-going", "-n")
CELL_PLACE = re.compile(r"^(?P<path>.*?\.ipynb):(?P<line>\d+): ", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def listed(toc: dict[str, Any]) -> Iterator[str]:
    """The documents that a `_toc.yml` names, in their order, without suffix."""
    for key, value in toc.items():
        if key in ("root", "file"):
            yield value
        elif isinstance(value, list):
            for entry in value:
                yield from listed(entry)


def missing(toc: dict[str, Any], root: Path = ROOT) -> list[str]:
    """A sentence for each document of the table of contents that cannot be rendered."""
    faults = []
    for page in listed(toc):
        suffix = ".ipynb" if page.startswith("chapters/") else ".md"
        if Path(root, page + suffix).exists():
            continue
        if Path(root, page + ".md").exists():
            faults.append(f"{page}.md has no executed notebook beside it: run `make run`.")
        else:
            faults.append(f"_toc.yml names {page}, but there is no {page}{suffix}.")
    return faults


def with_drafts(toc: dict[str, Any], root: Path = ROOT) -> dict[str, Any]:
    """The table of contents with every executed chapter that it does not name."""
    known = set(listed(toc))
    notebooks = sorted(Path(root, "chapters").glob("*/*.ipynb"))
    names = [path.relative_to(root).with_suffix("").as_posix() for path in notebooks]
    drafts = [{"file": name} for name in names if name not in known]
    part = {"caption": "Drafts", "numbered": 2, "chapters": drafts}
    return {**toc, "parts": [*([part] if drafts else []), *toc["parts"]]}


def in_markdown(warnings: str) -> str:
    """Sphinx's warnings, with places in the Markdown files that people edit."""

    def place(found: re.Match[str]) -> str:
        source = Path(found["path"])
        if not source.exists():
            return found[0]
        return f"{locate(source, nbformat.read(source, as_version=4), int(found['line']))}: "

    return CELL_PLACE.sub(place, COLOUR.sub("", warnings))


def render(*options: str) -> int:
    """Run jupyter-book over the repository; its exit status (0 when there was no warning)."""
    shutil.rmtree(SITE, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, *JUPYTER_BOOK, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    # What follows a traceback of jupyter-book itself only repeats that there were warnings.
    said = done.stderr.split("Traceback (most recent call last)")[0] or done.stderr
    print(in_markdown(said).strip(), file=sys.stderr, end="\n" if said.strip() else "")
    return done.returncode


def build(draft: bool) -> str | None:
    """Build the site; None, or a sentence about what went wrong."""
    toc = yaml.safe_load(Path(ROOT, "_toc.yml").read_text(encoding="utf-8"))
    if faults := missing(toc):
        return "\n".join(faults)
    if draft:
        DRAFT_TOC.parent.mkdir(exist_ok=True)
        DRAFT_TOC.write_text(yaml.safe_dump(with_drafts(toc), sort_keys=False), encoding="utf-8")
        return "The site was not built." if render("--toc", str(DRAFT_TOC)) else None
    if render(*STRICT):
        return "The site was not built: mend the warnings above."
    try:
        export_colab.export(outdir=SITE / COLAB_FOLDER)
    except export_colab.ExportError as error:
        return f"The Colab edition was not written:\n{error}"
    return None


def main() -> int:
    """Build the site and say where to open it."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--draft", action="store_true", help="unlisted chapters too; not strict")
    start = time.perf_counter()
    if fault := build(options.parse_args().draft):
        print(fault, file=sys.stderr)
        return 1
    if resolve() is None:
        print(HOW_TO_SET)
    print(f"The site is built ({time.perf_counter() - start:.0f} s). Open {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the book itself costs: importing the package, building the site, opening a chapter.

    python benchmarks/book.py [--write]      # after `make book`

How long each chapter takes to execute is in the table that `make run FORCE=1` prints.
"""

import gzip
import statistics
import subprocess
import sys
import time
from pathlib import Path

import common

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"


def started(*modules: str) -> float:
    """Wall seconds of a fresh process that imports these."""
    source = "".join(f"import {module}\n" for module in modules)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, 'code')\n{source}"]
    begin = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    return time.perf_counter() - begin


def importing() -> float:
    """Median of what the package adds to torch's own import, in turns."""
    started("torch", "llmbook")  # what is read for the first time comes from the disk
    turns = [(started("torch"), started("torch", "llmbook")) for _ in range(common.ROUNDS)]
    return statistics.median(both - alone for alone, both in turns)


def building() -> float:
    """Wall seconds of building the site anew from the stored notebooks."""
    started = time.perf_counter()
    command = [sys.executable, "book/tools/build_site.py"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    added = importing()
    built = building()
    pages = {
        p.stem: len(gzip.compress(p.read_bytes())) / 1000 for p in SITE.glob("chapters/*/*.html")
    }
    rows = [
        ["`import llmbook` beyond torch's own import", f"{added:.2f} s", "0.3 s"],
        ["building the site", f"{built:.0f} s", "60 s"],
        ["largest chapter's HTML, compressed", f"{max(pages.values()):.0f} kB", ""],
    ]
    notes = [
        f"{len(pages)} chapters. A whole chapter page's transfer, with its figures, scripts and "
        "fonts, is bounded at 900 kB by `tests/test_site.py`, which counts what the browser asks "
        "for.",
    ]
    common.report("book", ["what", "measured", "bound"], rows, notes)


if __name__ == "__main__":
    main()

"""`make test`: every stage in turn, each one's output as it comes, and a table at the end.

    python book/tools/test_all.py            # everything
    python book/tools/test_all.py --quick    # lint and the quick unit tests

A stage that fails does not stop the next ones: one run shows everything that is to be mended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import one_environment

ROOT = Path(__file__).resolve().parents[2]
PYTEST = ("-m", "pytest", "tests", "-q", "--no-header", "--durations=8", "--durations-min=5")
TOOLS = "book/tools"

LINT = {
    "lint": ("-m", "ruff", "check", "."),
    "format": ("-m", "ruff", "format", "--check", "."),
}
QUICK = LINT | {"unit tests": (*PYTEST, "-n", "2", "-m", "not slow and not site and not chapters")}
EVERYTHING = LINT | {
    "unit tests": (*PYTEST, "-n", "2", "-m", "not site"),
    "chapters": (f"{TOOLS}/validate_chapters.py",),
    "site": (f"{TOOLS}/build_site.py",),
    "site's tests": (*PYTEST, "-m", "site"),
}


def run(stages: dict[str, tuple[str, ...]]) -> dict[str, tuple[int, float]]:
    """Run each stage; its exit status and seconds by name."""
    results = {}
    for name, arguments in stages.items():
        print(f"\n── {name} " + "─" * max(0, 70 - len(name)), flush=True)
        started = time.monotonic()
        status = subprocess.run([sys.executable, *arguments], cwd=ROOT).returncode
        results[name] = (status, time.monotonic() - started)
    return results


def main() -> int:
    """The command line; 1 when any stage failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="lint and the quick unit tests")
    parser.add_argument("--lint", action="store_true", help="lint only")
    options = parser.parse_args()
    one_environment.apply(os.environ)
    results = run(LINT if options.lint else QUICK if options.quick else EVERYTHING)
    print("\n── summary " + "─" * 63)
    for name, (status, seconds) in results.items():
        print(f"{'✘ failed' if status else '✔ passed'}  {name:<14} {seconds:7.1f} s")
    print(f"{'':<10}{'all':<14} {sum(s for _, s in results.values()):7.1f} s")
    return int(any(status for status, _ in results.values()))


if __name__ == "__main__":
    sys.exit(main())

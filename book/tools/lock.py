"""`make lock`: write requirements.lock, every package at one version with its hashes.

uv resolves the lists of pyproject.toml for all systems and all Python versions of the book at
once, keeping the versions that the lock already has (`--upgrade` takes the newest instead).
PyTorch and the CUDA packages that only its build for Linux asks for are left out: they are
installed first, by version. So the file is the same wherever it is written: it holds names,
versions and hashes, and no address.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = "requirements.lock"
LEFT_OUT = re.compile(r"(torch|triton|nvidia-.*|cuda-.*)==")
FOREIGN = re.compile(r"https?://|file:|^-|\+cpu| @ |" + re.escape(str(ROOT)), re.MULTILINE)


def resolve(upgrade: bool = False) -> None:
    """Let uv write the lock. Raises CalledProcessError when the lists contradict each other."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml"]
    command += ["--all-extras", "--output-file", LOCK]
    # One version for every Python, so that all readers run the same.
    command += ["--universal", "--fork-strategy", "fewest", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-emit-package", "torch"]
    command += ["--custom-compile-command", "make lock", "--quiet"]
    subprocess.run(command + ["--upgrade"] * upgrade, cwd=ROOT, check=True)


def without(text: str, left_out: re.Pattern[str] = LEFT_OUT) -> str:
    """The lock without the packages whose line begins with `left_out`.

    >>> without("a==1 \\\\\\n    --hash=sha256:0\\ntriton==3 \\\\\\n    --hash=sha256:1\\n")
    'a==1 \\\\\\n    --hash=sha256:0\\n'
    """
    kept, keep = [], True
    for line in text.splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            keep = not left_out.match(line)
        elif line.startswith("#"):
            keep = not line.startswith("# The following packages were excluded")
        if keep:
            kept.append(line)
    return "".join(kept).rstrip("\n") + "\n"


def foreign(text: str) -> list[str]:
    """Lines that would tie the lock to a machine, an index or a build."""
    return [line for line in text.splitlines() if FOREIGN.search(line)]


def main() -> int:
    if importlib.util.find_spec("uv") is None:
        print("uv writes the lock and is not here: .venv/bin/python -m pip install uv")
        return 2
    try:
        resolve("--upgrade" in sys.argv)
    except subprocess.CalledProcessError as error:
        return error.returncode
    path = ROOT / LOCK
    text = without(path.read_text(encoding="utf-8"))
    if lines := foreign(text):
        print(f"{LOCK} would name an address, a path or a build:", *lines[:5], sep="\n  ")
        return 1
    path.write_text(text, encoding="utf-8", newline="\n")
    count = len(re.findall(r"^\S+==", text, re.MULTILINE))
    print(f"{LOCK}: {count} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())

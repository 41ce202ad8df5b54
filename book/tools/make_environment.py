"""Installs what the book needs, in the one order that works, and remembers what it installed.

First PyTorch by its version (its builds for different processors share one version and differ in
their hashes, so no list with hashes can hold it), then every other package exactly as
requirements.lock says, then the book's own package from `code/`. A stamp, written last, holds the
hash of the lists; it is remade only when these change, and a failed install leaves no stamp.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK, PROJECT = "requirements.lock", "pyproject.toml"
STAMP = "llmbook-stamp.json"


class InstallError(Exception):
    """Something could not be installed; the message says what and what to do."""


def torch_pin(root: Path = ROOT) -> str:
    """`torch==…`, the version that the book was made with."""
    project = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))
    pins = project["tool"]["uv"]["constraint-dependencies"]
    return next(pin for pin in pins if pin.startswith("torch=="))


def wanted(root: Path = ROOT) -> str:
    """The hash of everything that decides what is installed (not of ruff's settings, say)."""
    project = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))
    lists = [project["build-system"], project["project"], project["tool"]["setuptools"]]
    lists += [torch_pin(root), str(root), (root / LOCK).read_text(encoding="utf-8")]
    return hashlib.sha256(json.dumps(lists, sort_keys=True).encode()).hexdigest()


def is_current(prefix: Path, python: str = "", root: Path = ROOT) -> bool:
    """Whether the environment in `prefix` is whole, and of version `python` where one is named."""
    try:
        stamp = json.loads((prefix / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return stamp["lists"] == wanted(root) and python in ("", stamp["python"])


def make(prefix: Path, *, in_place: bool, root: Path = ROOT) -> None:
    """Bring the environment in `prefix` to what the lists say; raises InstallError."""
    stamp = prefix / STAMP
    stamp.unlink(missing_ok=True)
    python = Path(sys.executable) if in_place else prefix / _scripts() / _program("python")
    version = ".".join(map(str, sys.version_info[:2]))
    if not in_place:
        with _step(1, f"Python {version} environment in {prefix.name}"):
            _make_venv(prefix, python, version)
    _install_torch(python, root)
    total = len(re.findall(r"^\S+==", (root / LOCK).read_text(encoding="utf-8"), re.MULTILINE))
    with _step(3, f"{total} packages of {LOCK}") as say:
        _pip(python, ["--no-deps", "--require-hashes", "-r", LOCK], root, say, total)
    with _step(4, "the book's own package, llmbook"):
        _pip(python, ["--no-deps", "--no-build-isolation", "-e", "."], root)
    content = {"lists": wanted(root), "python": version}
    stamp.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _make_venv(prefix: Path, python: Path, version: str) -> None:
    missing = [m for m in ("venv", "ensurepip") if importlib.util.find_spec(m) is None]
    if missing:
        raise InstallError(
            f"This Python has no {missing[0]}, which makes environments. "
            f"On Debian and Ubuntu it comes with: sudo apt install python{version}-venv"
        )
    if python.exists() and _version(python) == version:
        return  # an earlier install that was cut off goes on from where it stood
    command = [sys.executable, "-m", "venv", "--clear", str(prefix)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InstallError(f"The environment could not be made:\n{done.stdout}{done.stderr}")


def _install_torch(python: Path, root: Path) -> None:
    pin = torch_pin(root)
    have = _output(python, "import importlib.metadata as m; print(m.version('torch'))")
    if have.split("+")[0] == pin.partition("==")[2]:
        return
    index = os.environ.get("TORCH_INDEX", "")
    source = f" from {index}" if index else ""
    if not index and sys.platform == "linux":
        source = " (with its parts for GPUs unless your pip is set otherwise; see TORCH_INDEX)"
    with _step(2, f"PyTorch {have and 'again, '}{pin.partition('==')[2]}{source}") as say:
        _pip(python, [pin, *(["--index-url", index] if index else [])], root, say)


def _pip(
    python: Path, arguments: list[str], root: Path, say: object = None, total: int = 0
) -> None:
    """`pip install`, its many lines turned into one that counts; its last ones shown on failure."""
    command = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    # Compiling every module of all packages takes longer than fetching them; each is compiled when
    # it is first imported, and most never are.
    command += ["--disable-pip-version-check", "--no-compile", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    last: deque[str] = deque(maxlen=12)
    count = 0
    for line in process.stdout:
        last.append(line.rstrip())
        if not say:
            continue
        if line.startswith(("Collecting", "Requirement already")):
            count += 1
            say(f"{count} of {total}" if total else f"{count} collected")
        elif match := re.search(r"Downloading (\S+).*?(\(.*\))", line):
            name = match[1].rpartition("/")[2].partition("-")[0]
            say(f"{f'{count} of {total}, ' if total else ''}fetching {name} {match[2]}")
        elif line.startswith("Installing collected"):
            say("unpacking")
    if process.wait():
        raise InstallError(
            "\n".join(f"    {line}" for line in last)
            + "\npip could not install this. Look at its last lines above: the network and the "
            "space on the disk are the usual reasons. The same command goes on where it stopped."
        )


@contextmanager
def _step(number: int, what: str) -> Iterator[object]:
    """One step of four: a line that keeps counting the seconds on a terminal, plain elsewhere."""
    started = time.monotonic()
    alive = sys.stdout.isatty()
    detail, done = [""], threading.Event()

    def line() -> str:
        extra = f" · {detail[0]}" if detail[0] else ""
        text = f"[{number}/4] {what}{extra} · {time.monotonic() - started:.0f} s"
        return text[: _width() - 1]

    def tick() -> None:
        while not done.wait(0.5):
            print(f"\r\x1b[K{line()}", end="", flush=True)

    if not alive:
        print(f"[{number}/4] {what} …", flush=True)
    ticker = threading.Thread(target=tick, daemon=True)
    if alive:
        ticker.start()
    try:
        yield lambda text: detail.__setitem__(0, text)
        detail[0] = "done"
    finally:
        done.set()
        if alive:
            ticker.join()
            print(f"\r\x1b[K{line()}", flush=True)
        else:
            print(f"      {time.monotonic() - started:.0f} s", flush=True)


def _width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 100


def _version(python: Path) -> str:
    return _output(python, "import sys; print('%d.%d' % sys.version_info[:2])")


def _output(python: Path, code: str) -> str:
    """What a line of Python prints; empty when it fails."""
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True)
    except OSError:  # the Python that made the environment is gone
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _scripts() -> str:
    return "Scripts" if os.name == "nt" else "bin"


def _program(name: str) -> str:
    return f"{name}.exe" if os.name == "nt" else name


def main(arguments: list[str] | None = None) -> int:
    """The command line; silent when there is nothing to do."""
    parser = argparse.ArgumentParser(description="Make the book's environment.")
    parser.add_argument(
        "--active",
        action="store_true",
        help="install into the environment that is active (conda's, say) and make none",
    )
    options = parser.parse_args(arguments)
    prefix = Path(sys.prefix) if options.active else ROOT / ".venv"
    chosen = ".".join(map(str, sys.version_info[:2])) if os.environ.get("PYTHON") else ""
    if is_current(prefix, chosen):
        return 0
    try:
        make(prefix, in_place=options.active)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 0

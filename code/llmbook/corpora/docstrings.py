"""More real English from Python itself: the docstrings of the standard library's modules.

About 2 million characters under the same licence (PSF-2.0). The files are parsed, not imported,
so nothing runs; modules are read in the order of their paths, equal docstrings are kept once,
and each is placed in a split by the hash of its words, as in ``pydocs``.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import inspect
import platform
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmbook.corpora.pydocs import LICENCE, SPLITS, check_split, key_of, split_of

# Tests, vendored code of other licences, generated tables and what does not stand in every Python.
SKIPPED = frozenset(
    {"test", "tests", "idlelib", "lib2to3", "ensurepip", "site-packages", "dist-packages"}
    | {"turtledemo", "tkinter", "pydoc_data", "__pycache__", "_pyrepl", "distutils"}
)
_DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


@dataclass(frozen=True)
class Docstring:
    """One docstring: its text, the module it stands in, its content's name and its split."""

    text: str
    module: str
    key: str
    split: str


def modules(root: Path | None = None) -> list[Path]:
    """The standard library's Python files that are read, sorted by path."""
    root = root or Path(sysconfig.get_path("stdlib"))

    def counts(path: Path) -> bool:
        folders = path.relative_to(root).parts[:-1]
        return not SKIPPED.intersection(folders) and all(map(str.isidentifier, folders))

    return sorted(filter(counts, root.rglob("*.py")), key=lambda p: p.relative_to(root).as_posix())


def read(path: Path) -> Iterator[str]:
    """The docstrings of one file, in the order in which they stand; none where it is damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the library is not ours to tell
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, _DEFINITIONS) and (doc := ast.get_docstring(node, clean=False)):
            yield inspect.cleandoc(doc)
        # Definitions stand in blocks alone; walking expressions would take most of the time.
        inner = [child for block in _BLOCKS for child in getattr(node, block, ())]
        stack.extend(reversed(inner))


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """Garbage collection paused: it would look through millions of tree nodes, for two thirds of
    the whole time, and free none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@functools.cache
def _all() -> tuple[Docstring, ...]:
    root = Path(sysconfig.get_path("stdlib"))
    found: dict[str, Docstring] = {}
    with _collector_off():
        for path in modules(root):
            module = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
            for doc in read(path):
                if len(doc) >= 20 and len(doc.split()) >= 4:
                    key = key_of(doc)
                    found.setdefault(key, Docstring(doc, module, key, split_of(key)))
    return tuple(found.values())


def docstrings(split: str | None = None) -> list[Docstring]:
    """The docstrings of a split (of all without one), in the order of the modules' paths."""
    check_split(split)
    return [d for d in _all() if split in (None, d.split)]


def text(split: str | None = None, limit: int | None = None) -> str:
    """The docstrings of a split as one text, a blank line between them.

    Args:
        limit: stop before the docstring that would exceed this many characters.
    """
    parts, size = [], 0
    for doc in docstrings(split):
        size += len(doc.text) + 2
        if limit is not None and size > limit:
            break
        parts.append(doc.text)
    return "\n\n".join(parts) + "\n" if parts else ""


def provenance() -> dict[str, object]:
    """Where the text comes from: source, licence, Python version and counts per split."""
    return {
        "source": "docstrings of the Python standard library",
        "copyright": "Python Software Foundation",
        "licence": LICENCE,
        "python": platform.python_version(),
        "docstrings": {s: len(docstrings(s)) for s in SPLITS},
        "characters": {s: len(text(s)) for s in SPLITS},
    }

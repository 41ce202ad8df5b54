"""Which outputs are out of date: a chapter's hash over its code and all that the code reaches.

    >>> fingerprint(["from llmbook import ops"], root)
    '6fd1c0…'

The hash covers the sources of the chapter's code cells and every file of the package that they
reach: modules imported directly or by another module, the exercises' checks, quizzes and trained
models that they name. Prose is no part of it. A chapter whose stored hash differs is stale.

Imports are read from the syntax tree, nothing is run. Where a name cannot be followed (a module
of the zoo that is computed at run time), everything that it could be counts: executing once too
often costs a minute, showing an output of other code costs the reader's trust.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = "llmbook"

#: Files that a module finds at run time by name: `check("rnn.clip", …)` loads check/rnn.py.
NAMED_FILES = {
    "check": ("check", (".py",)),
    "quiz": ("quizzes", (".json",)),
    "zoo": ("zoo", (".json", ".safetensors")),
}


def fingerprint(sources: Iterable[str], root: Path) -> str:
    """The hash of a chapter with the code cells `sources`, in the book at `root`."""
    sources = [s.rstrip() for s in sources]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(b"cell\0" + source.encode() + b"\0")
    for file in reached(sources, root):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + _digest(file))
    return digest.hexdigest()[:16]


def reached(sources: Iterable[str], root: Path) -> list[Path]:
    """Every file of the package that code cells reach, sorted."""
    package = root / "code" / PACKAGE
    sources = list(sources)
    trees = [tree for source in sources if (tree := _parse(source)) is not None]
    first = {m for tree in trees for m in _modules(tree, package, PACKAGE)}
    first |= {m for source in sources for m in _shell_modules(source, package)}
    modules = _closure(first, package)
    named = {
        file
        for name, (folder, suffixes) in NAMED_FILES.items()
        if f"{PACKAGE}.{name}" in modules
        for file in _named(name, package / folder, suffixes, trees)
    }
    modules |= _closure({_dotted(file, package) for file in named if file.suffix == ".py"}, package)
    files = {_file(module, package) for module in modules}
    return sorted(named | files | {data for file in files for data in _data_beside(file)})


def _data_beside(file: Path) -> frozenset[Path]:
    """Data that a module reads by name from its own folder: `"ladder.json"` in its source."""
    names = re.findall(r"""["']([\w-]+\.(?:json|csv|safetensors))["']""", file.read_text("utf-8"))
    return frozenset(beside for name in names if (beside := file.with_name(name)).is_file())


def _closure(modules: set[str], package: Path) -> set[str]:
    """`modules` and all that they import, directly or through others."""
    waiting, seen = set(modules), set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        file = _file(module, package)
        waiting |= _modules_of_file(file, _digest(file)) - seen
    return seen


def _named(
    name: str, folder: Path, suffixes: tuple[str, ...], trees: list[ast.Module]
) -> set[Path]:
    """The files in `folder` that `check`, `quiz` or `zoo` find by a name in the chapter's code."""
    files = {p for p in folder.glob("*") if p.suffix in suffixes and p.name[0] != "_"}
    constants = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    names = constants | {c.split(".")[0] for c in constants}
    chosen = {p for p in files if p.name.split(".")[0] in names}
    # The zoo may be asked for names that are made at run time, or by the package itself.
    everything = name == "zoo" and (not chosen or _computes_names(trees, name))
    return files if everything else chosen


def _computes_names(trees: list[ast.Module], name: str) -> bool:
    """Whether a call like `zoo.load(x)` has an argument that is not a plain string."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(f"{name}."):
                plain = node.args and isinstance(node.args[0], ast.Constant)
                if not plain:
                    return True
    return False


def _parse(source: str) -> ast.Module | None:
    """The tree of a cell, its IPython lines (`%magic`, `!shell`) left out; None when broken."""
    lines = [
        re.sub(r"\S.*", "pass", line) if line.lstrip().startswith(("%", "!", "?")) else line
        for line in source.splitlines()
    ]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:  # the run of the cell will say so in its own words
        return None


def _shell_modules(source: str, package: Path) -> set[str]:
    """`!python -m llmbook …` in a cell."""
    found = re.findall(rf"-m\s+({PACKAGE}[\w.]*)", source)
    modules = set()
    for name in found:
        modules |= _resolve(name, package)
        modules |= _resolve(f"{name}.__main__", package)
    return modules


@cache
def _modules_of_file(file: Path, digest: bytes) -> frozenset[str]:
    """The modules that a module of the package imports (`digest` keys the cache)."""
    package = next(p for p in file.parents if p.name == PACKAGE and p.parent.name == "code")
    inside = ".".join(file.parent.relative_to(package.parent).parts)
    tree = _parse(file.read_text(encoding="utf-8"))
    return frozenset(_modules(tree, package, inside)) if tree else frozenset()


def _modules(tree: ast.Module, package: Path, inside: str) -> set[str]:
    """Modules of the package that a tree imports, or reaches as attributes of an import."""
    modules: set[str] = set()
    bound: dict[str, str] = {}  # a name in the code -> the dotted name that it stands for
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    modules |= _resolve(alias.name, package)
                    bound[alias.asname or PACKAGE] = alias.name if alias.asname else PACKAGE
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, inside)
            if origin.split(".")[0] == PACKAGE:
                for alias in node.names:
                    name = origin if alias.name == "*" else f"{origin}.{alias.name}"
                    modules |= _resolve(name, package)
                    bound[alias.asname or alias.name] = name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in bound:
                modules |= _resolve(f"{bound[root]}.{rest}", package)
    return modules


def _origin(node: ast.ImportFrom, inside: str) -> str:
    """The absolute name that `from … import` starts from."""
    if not node.level:
        return node.module or ""
    parts = inside.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _resolve(dotted: str, package: Path) -> set[str]:
    """The module that a dotted name lies in, and the packages around it.

    `llmbook.ops.softmax` gives `{llmbook, llmbook.ops}`: importing a module runs its parents.
    """
    modules = set()
    parts = dotted.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        if _file(name, package) is None:
            break
        modules.add(name)
    return modules


def _dotted(file: Path, package: Path) -> str:
    """The module's name of a source file."""
    return ".".join(file.relative_to(package.parent).with_suffix("").parts)


def _file(module: str, package: Path) -> Path | None:
    """The source file of a dotted module name, or None where there is none."""
    path = package.parent.joinpath(*module.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _digest(file: Path) -> bytes:
    """A file's hash; line ends do not count (git may write its own on Windows)."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest()

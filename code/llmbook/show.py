"""A listing of the package's own source as a cell's output, so that no page holds a second copy.

    >>> show(ops.attention)
    >>> show(LSTM, methods=["forward"], docstring=False)

The output is Markdown with a fenced block: the site highlights it in the theme's own colours,
light and dark and with a copy button; Jupyter and Colab render it too. HTML made by Pygments
would bring one theme's colours along. The text depends on nothing but the source.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any


def show(obj: Any, *more: Any, methods: list[str] | None = None, docstring: bool = True) -> None:
    """Display the source of functions, methods, classes or modules, highlighted.

    Args:
        obj, more: what to list; each block opens with a comment naming its module.
        methods: for classes, only these methods (the class's head and fields stay).
        docstring: False leaves docstrings out.

    Raises TypeError for an object without Python source, AttributeError for an unknown method.
    """
    blocks = [listing(each, methods=methods, docstring=docstring) for each in (obj, *more)]
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print("\n\n".join(blocks))
        return
    fenced = "\n\n".join(fence(block) for block in blocks)
    display({"text/markdown": fenced, "text/plain": "\n\n".join(blocks)}, raw=True)


def fence(code: str) -> str:
    """The code in a Markdown fence that is longer than any fence inside it."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}python\n{code}\n{ticks}"


def listing(obj: Any, *, methods: list[str] | None = None, docstring: bool = True) -> str:
    """The source of one object, dedented, under a comment that names its module."""
    obj = inspect.unwrap(obj) if callable(obj) else obj
    obj = obj.fget if isinstance(obj, property) else obj
    try:
        source = textwrap.dedent(inspect.getsource(obj))
    except (TypeError, OSError):
        raise TypeError(
            f"show lists Python functions, methods, classes and modules; "
            f"{getattr(obj, '__qualname__', repr(obj)[:60])} has no Python source"
        ) from None
    if methods is not None and inspect.isclass(obj):
        source = _only_methods(source, obj.__name__, methods)
    if not docstring:
        source = _without_docstrings(source)
    return f"# {_home(obj)}\n{source.strip()}"


def _home(obj: Any) -> str:
    """The module (and the class, for a method) that an object is defined in."""
    if inspect.ismodule(obj):
        return obj.__name__
    *outer, _ = getattr(obj, "__qualname__", "_").split(".")
    return ".".join([obj.__module__, *(part for part in outer if part != "<locals>")])


def _only_methods(source: str, name: str, methods: list[str]) -> str:
    """The class with all but the named methods left out."""
    lines, tree = source.splitlines(), ast.parse(source).body[0]
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    missing = sorted(set(methods) - {f.name for f in functions})
    if missing:
        known = ", ".join(f.name for f in functions)
        raise AttributeError(f"{name} defines no {', '.join(missing)}; it defines: {known}")
    drop: set[int] = set()
    for function in functions:
        if function.name not in methods:
            drop.update(range(_first_line(function), function.end_lineno + 1))
    return _joined(lines, drop)


def _first_line(node: Any) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _without_docstrings(source: str) -> str:
    """The source without docstrings; a body that was nothing else keeps its own."""
    drop: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None and len(node.body) > 1:
            drop.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return _joined(source.splitlines(), drop)


def _joined(lines: list[str], drop: set[int]) -> str:
    """The lines (counted from 1) that are not dropped, without doubled or leading blank lines."""
    kept: list[str] = []
    for number, line in enumerate(lines, start=1):
        if number in drop:
            continue
        hole = number - 1 in drop and (not kept or kept[-1].endswith((":", ",")) or not kept[-1])
        if line.strip() or (kept and not hole):
            kept.append(line.rstrip())
    return "\n".join(kept)

"""The machinery behind ``check``: a register of exercises and one verdict for any candidate.

A chapter's checks read like this (``llmbook/check/<slug>.py``):

    from llmbook.check.core import exercise, expect, require

    @exercise("rnn.clip", asked="clip(g, limit) scales g down to norm limit, no further",
              hint="divide by the norm only where the norm is larger than the limit")
    def _(clip):
        expect(clip, torch.tensor([3.0, 4.0]), 1.0, gives=torch.tensor([0.6, 0.8]))
        expect(clip, torch.zeros(2), 1.0, gives=torch.zeros(2))

A check tries the candidate on several inputs, fixed and seeded, edge cases among them, and never
reads its source. Each check starts from the same random state and leaves the reader's untouched.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from llmbook.check.compare import Wrong, expect, expect_error, require, same, tries

__all__ = [
    "Verdict",
    "Wrong",
    "exercise",
    "expect",
    "expect_error",
    "names",
    "recording",
    "require",
    "same",
    "verdict",
]


@dataclass(frozen=True)
class Exercise:
    """One registered exercise; ``function(candidate)`` raises when the candidate is wrong."""

    name: str
    asked: str
    hint: str
    function: Callable[[object], str | None]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check; true when it passed, silent as a cell's last value."""

    name: str
    passed: bool
    text: str = field(compare=False)

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Show nothing: ``check`` has printed the verdict already."""


_EXERCISES: dict[str, Exercise] = {}
_RECORDERS: list[list[Verdict]] = []


def exercise(name: str, *, asked: str, hint: str) -> Callable[[Callable], Callable]:
    """Register the decorated function as the check of the exercise ``<slug>.<name>``.

    Args:
        name: the chapter's slug, a full stop, and the exercise's own name (``"rnn.clip"``).
        asked: one sentence that says what the candidate must do.
        hint: one sentence that helps without giving the answer away.

    The function gets the candidate. It passes when it returns (a returned string is told to the
    reader as what was found right) and fails when it raises.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", name):
        raise ValueError(f"an exercise is named <slug>.<name> in lower case, not {name!r}")
    if not asked.strip() or not hint.strip():
        raise ValueError(f"the exercise {name!r} needs a text for both asked and hint")

    def register(function: Callable) -> Callable:
        known = _EXERCISES.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(f"{name!r} is registered in {known.function.__module__} already")
        _EXERCISES[name] = Exercise(name, asked.strip(), hint.strip(), function)
        return function

    return register


def slugs() -> list[str]:
    """The chapters that have checks, sorted."""
    package = importlib.import_module("llmbook.check")
    found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return sorted(set(found) - {"core", "compare"})


def names(slug: str | None = None) -> list[str]:
    """The names of a chapter's exercises (of all chapters without a slug), sorted."""
    for chapter in slugs() if slug is None else [slug]:
        if chapter in slugs():
            importlib.import_module(f"llmbook.check.{chapter}")
    return sorted(n for n in _EXERCISES if slug is None or n.split(".")[0] == slug)


def _find(name: object) -> Exercise:
    """The exercise of that name; ``KeyError`` with the nearest names when there is none."""
    if not isinstance(name, str):
        raise KeyError(f"an exercise's name is a text such as 'rnn.clip', not {name!r:.60}")
    if name not in _EXERCISES:
        names(name.split(".")[0])
    if name not in _EXERCISES:
        every = names()
        near = difflib.get_close_matches(name, every, n=3, cutoff=0.4)
        same_chapter = [n for n in every if n.split(".")[0] == name.split(".")[0]]
        listed = near or same_chapter or [f"{slug}.…" for slug in slugs()]
        raise KeyError(f"no exercise is named {name!r}; the nearest: {', '.join(listed)}")
    return _EXERCISES[name]


@contextlib.contextmanager
def _same_random_state() -> Iterator[None]:
    """Run with fixed seeds, then put the reader's random state back."""
    import random

    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def verdict(name: str, candidate: object) -> Verdict:
    """Judge ``candidate`` and return the verdict without printing it; see ``check``."""
    try:
        result = _judge(name, candidate)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a reader's notebook runs on, whatever happened here
        result = Verdict(str(name), False, f"✘ {name}\n  came: {describe_error(error)}")
    for record in _RECORDERS:
        record.append(result)
    return result


def _judge(name: str, candidate: object) -> Verdict:
    """The verdict for a candidate, whose own faults are caught here and told."""
    try:
        found = _find(name)
    except KeyError as error:
        return Verdict(str(name), False, f"✘ {name}\n  {error.args[0]}")
    hint = found.hint
    with _same_random_state(), tries() as count:
        try:
            if candidate is None or candidate is Ellipsis:
                shown = "None" if candidate is None else "..."
                raise Wrong(f"{shown}: nothing is filled in yet")
            told = found.function(candidate)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit included: the notebook must run on
            came, hint = describe_error(error, candidate), getattr(error, "hint", None) or hint
        else:
            told = told or (f"right on all {len(count)} inputs" if len(count) > 1 else "right")
            return Verdict(name, True, f"✔ {name}: {told}")
    lines = [f"✘ {name}", *_field("asked", found.asked), *_field("came", came)]
    return Verdict(name, False, "\n".join([*lines, *_field("hint", hint)]))


def _field(label: str, text: str) -> list[str]:
    """``label: text`` as indented lines; further lines of the text stand below its first."""
    first, *more = text.splitlines() or [""]
    return [f"  {label}: {first}", *(" " * (len(label) + 4) + line for line in more)]


def describe_error(error: BaseException, candidate: object = None) -> str:
    """What came, in words: a wrong value, nothing yet, or an exception and its line."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be shown)"
    message = re.sub(r"0x[0-9a-fA-F]+", "0x…", message)  # addresses differ from run to run
    if isinstance(error, Wrong | AssertionError):
        return message.strip() or "a value that does not fit (assertion without a message)"
    if isinstance(error, NotImplementedError):
        return "nothing yet: NotImplementedError" + (f" ({message})" if message else "")
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    where = _own_line(error, candidate)
    return f"{text}\nin {where}" if where else text


def _own_line(error: BaseException, candidate: object) -> str:
    """The last line of the reader's own code that the error went through."""
    import traceback

    code = getattr(candidate, "__code__", None)
    if code is None:
        return ""
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
    return f"line {own[-1].lineno}: {own[-1].line}" if own and own[-1].line else ""


@contextlib.contextmanager
def recording() -> Iterator[list[Verdict]]:
    """Collect every verdict given inside the block (the tests of the chapters use it)."""
    record: list[Verdict] = []
    _RECORDERS.append(record)
    try:
        yield record
    finally:
        _RECORDERS.remove(record)

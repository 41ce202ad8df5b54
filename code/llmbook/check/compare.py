"""Comparisons for the checks, with messages that show the input, what came and what was expected.

``expect`` calls the candidate and compares, ``same`` compares a value that is already there,
``require`` states a condition, ``expect_error`` asks for an exception. All raise ``Wrong``.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

RTOL, ATOL = 1e-4, 1e-5  # for float32: looser than parity tests, far tighter than any mistake

_TRIES: ContextVar[list[str] | None] = ContextVar("tries", default=None)


class Wrong(Exception):  # noqa: N818 -- reads as a statement in the checks: raise Wrong("…")
    """The candidate does not do what was asked; the message says what came.

    Args:
        came: what came, in words.
        hint: a hint that fits this fault better than the exercise's own.
    """

    def __init__(self, came: str, hint: str | None = None):
        super().__init__(came)
        self.hint = hint


@contextlib.contextmanager
def tries() -> Iterator[list[str]]:
    """Count the comparisons made inside the block."""
    count: list[str] = []
    token = _TRIES.set(count)
    try:
        yield count
    finally:
        _TRIES.reset(token)


def _tried(what: str) -> None:
    count = _TRIES.get()
    if count is not None:
        count.append(what)


def shown(value: Any, limit: int = 160) -> str:
    """A short text of a value; tensors with 4 decimals, large ones by their shape."""
    if hasattr(value, "detach"):
        value = value.detach()
        if value.numel() > 16:
            return f"a tensor of shape {tuple(value.shape)}"
        if value.is_floating_point():
            value = (value.double() * 1e4).round() / 1e4
        text = str(value.tolist())
        return text if value.ndim == 0 else f"tensor({text})"
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text if any(c in text for c in ".eni") else f"{text}.0"
    if isinstance(value, tuple | list) and any(hasattr(v, "detach") for v in value):
        inner = ", ".join(shown(v) for v in value)
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _call_text(function: Any, args: Sequence, kwargs: Mapping) -> str:
    parts = [shown(a, 80) for a in args] + [f"{k}={shown(v, 80)}" for k, v in kwargs.items()]
    return f"{getattr(function, '__name__', 'the function')}({', '.join(parts)})"


def expect(
    function: Callable,
    *args: Any,
    gives: Any,
    rtol: float = RTOL,
    atol: float = ATOL,
    label: str | None = None,
    hint: str | None = None,
    **kwargs: Any,
) -> Any:
    """Call ``function(*args, **kwargs)`` on copies of the arguments and compare the result.

    Args:
        gives: the expected value: numbers, strings, tensors, arrays, or lists, tuples and dicts
            of them.
        label: words for the input when its values would say little ("a batch of 3 sequences").
        hint: a hint for this input alone.

    Returns what the function returned. Raises ``Wrong`` where it differs.
    """
    if not callable(function):
        raise Wrong(f"{shown(function)} of type {type(function).__name__}, not a function", hint)
    call = label or _call_text(function, args, kwargs)
    came = function(*copy.deepcopy(args), **copy.deepcopy(kwargs))
    same(came, gives, call, rtol=rtol, atol=atol, hint=hint)
    return came


def same(
    came: Any,
    expected: Any,
    what: str = "the value",
    *,
    rtol: float = RTOL,
    atol: float = ATOL,
    hint: str | None = None,
) -> None:
    """Raise ``Wrong`` unless ``came`` equals ``expected`` (numbers within the tolerances)."""
    _tried(what)
    fault = _difference(came, expected, rtol, atol)
    if fault:
        raise Wrong(f"{what} {fault}", hint)


def _difference(came: Any, expected: Any, rtol: float, atol: float) -> str:
    """Why two values differ, as the rest of a sentence; empty when they agree."""
    if came is None and expected is not None:
        return "gave None; does the function end with a return?"
    if came is Ellipsis:
        return "gave ...: nothing is filled in yet"
    if hasattr(expected, "detach") or hasattr(expected, "__array__"):
        return _tensor_difference(came, expected, rtol, atol)
    if isinstance(expected, bool | str | bytes) or expected is None:
        equal = type(came) is type(expected) and came == expected
        if isinstance(expected, bool) and getattr(came, "ndim", None) == 0:
            equal = bool(came) == expected
        return "" if equal else f"gave {shown(came)}, expected {shown(expected)}"
    if isinstance(expected, int | float):
        return _number_difference(came, expected, rtol, atol)
    if isinstance(expected, Mapping):
        return _mapping_difference(came, expected, rtol, atol)
    if isinstance(expected, list | tuple):
        return _sequence_difference(came, expected, rtol, atol)
    return "" if came == expected else f"gave {shown(came)}, expected {shown(expected)}"


def _number_difference(came: Any, expected: float, rtol: float, atol: float) -> str:
    try:
        number = float(came)
    except (TypeError, ValueError, RuntimeError):
        kind = type(came).__name__
        return f"gave {shown(came)} of type {kind}, expected the number {shown(expected)}"
    if math.isnan(expected) and math.isnan(number):
        return ""
    if isinstance(came, str) or not math.isclose(number, expected, rel_tol=rtol, abs_tol=atol):
        return f"gave {shown(came)}, expected {shown(expected)}"
    return ""


def _mapping_difference(came: Any, expected: Mapping, rtol: float, atol: float) -> str:
    if not isinstance(came, Mapping):
        return f"gave {shown(came)} of type {type(came).__name__}, expected a dict"
    for key in expected:
        if key not in came:
            return f"gave a dict without the key {key!r}"
        if fault := _difference(came[key], expected[key], rtol, atol):
            return f"[{key!r}] {fault}"
    extra = [key for key in came if key not in expected]
    return f"gave a dict with the key {extra[0]!r} too many" if extra else ""


def _sequence_difference(came: Any, expected: Sequence, rtol: float, atol: float) -> str:
    if hasattr(came, "tolist"):
        came = came.tolist()
    if not isinstance(came, list | tuple):
        kind = type(came).__name__
        return f"gave {shown(came)} of type {kind}, expected a {type(expected).__name__}"
    if len(came) != len(expected):
        what = f"gave {shown(came)} of length {len(came)}"
        return f"{what}, expected {shown(expected)} of length {len(expected)}"
    for i, (a, b) in enumerate(zip(came, expected, strict=True)):
        if fault := _difference(a, b, rtol, atol):
            return f"[{i}] {fault}"
    return ""


def _tensor_difference(came: Any, expected: Any, rtol: float, atol: float) -> str:
    import torch

    expected = torch.as_tensor(expected).detach()
    try:
        tensor = torch.as_tensor(came).detach()
    except (TypeError, ValueError, RuntimeError):
        return f"gave {shown(came)} of type {type(came).__name__}, expected a tensor"
    if tensor.shape != expected.shape:
        return f"gave the shape {tuple(tensor.shape)}, expected {tuple(expected.shape)}"
    tensor, expected = tensor.to("cpu", torch.float64), expected.to("cpu", torch.float64)
    close = torch.isclose(tensor, expected, rtol=rtol, atol=atol, equal_nan=True)
    if bool(close.all()):
        return ""
    if expected.numel() <= 16:
        return f"gave {shown(tensor)}, expected {shown(expected)}"
    index = tuple((~close).nonzero()[0].tolist())
    wrong = int((~close).sum())
    first = f"at {list(index)} it is {tensor[index].item():.4g}, expected {expected[index]:.4g}"
    return f"differs in {wrong} of {expected.numel()} entries: {first}"


def require(condition: Any, came: str, hint: str | None = None) -> None:
    """Raise ``Wrong(came, hint)`` unless the condition holds."""
    _tried(came)
    if not bool(condition):
        raise Wrong(came, hint)


def expect_error(
    function: Callable, *args: Any, error: type[BaseException] = ValueError, **kwargs: Any
) -> None:
    """Raise ``Wrong`` unless ``function(*args, **kwargs)`` raises ``error``."""
    call = _call_text(function, args, kwargs)
    _tried(call)
    try:
        came = function(*copy.deepcopy(args), **copy.deepcopy(kwargs))
    except NotImplementedError:
        raise  # a stub that is not written yet is told as such, whatever error was asked for
    except error:
        return
    raise Wrong(f"{call} gave {shown(came)}, expected {error.__name__} to be raised")

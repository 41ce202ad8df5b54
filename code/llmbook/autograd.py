"""Scalar automatic differentiation: a number that remembers how it was computed.

    >>> x, y = Value(2.0), Value(3.0)
    >>> z = x * y + x.tanh()
    >>> z.backward()
    >>> x.grad                                  # ∂z/∂x = y + 1 - tanh(x)²
    3.0706508248531644

Every operation makes a new ``Value`` that keeps its inputs and, for each of them, the local
derivative ∂out/∂input. ``backward`` walks from the result to the leaves and applies the chain
rule: an input receives (what its output received) × (the local derivative), summed over all its
uses. This is reverse-mode differentiation; torch does the same with tensors in place of numbers.
"""

from __future__ import annotations

import math

Number = int | float


def _lift(x: Value | Number) -> Value:
    return x if isinstance(x, Value) else Value(x)


class Value:
    """A scalar in a graph of operations. ``data`` is its value, ``grad`` is ∂(result)/∂(self)."""

    def __init__(self, data: Number, inputs: tuple[Value, ...] = (), slopes: tuple = ()):
        if isinstance(data, bool) or not isinstance(data, Number):
            raise TypeError(f"Value holds one number, got {data!r} of type {type(data).__name__}")
        self.data = float(data)
        self.grad = 0.0
        self._inputs = inputs  # the values that this one was computed from
        self._slopes = slopes  # ∂self/∂input for each of them

    def __repr__(self) -> str:
        return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"

    def __add__(self, other: Value | Number) -> Value:
        other = _lift(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | Number) -> Value:
        other = _lift(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: Number) -> Value:
        """self ** exponent, for a constant exponent; write (b.log() * a).exp() for b ** a."""
        if isinstance(exponent, bool) or not isinstance(exponent, Number):
            raise TypeError(f"the exponent must be a constant number, got {exponent!r}")
        if self.data < 0 and exponent % 1:
            raise ValueError(f"{self.data:g} ** {exponent} is not a real number")
        slope = exponent * self.data ** (exponent - 1) if exponent != 0 else 0.0
        return Value(self.data**exponent, (self,), (slope,))

    def exp(self) -> Value:
        out = math.exp(self.data)
        return Value(out, (self,), (out,))

    def log(self) -> Value:
        """The natural logarithm; ``ValueError`` unless the value is above 0."""
        if self.data <= 0:
            raise ValueError(f"the logarithm needs a number above 0, got {self.data:g}")
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self) -> Value:
        out = math.tanh(self.data)
        return Value(out, (self,), (1 - out**2,))

    def relu(self) -> Value:
        """max(0, self); at 0 the derivative is taken as 0, as torch does."""
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> Value:
        return self * -1

    def __sub__(self, other: Value | Number) -> Value:
        return self + (-_lift(other))

    def __truediv__(self, other: Value | Number) -> Value:
        return self * _lift(other) ** -1

    def __rsub__(self, other: Number) -> Value:
        return _lift(other) - self

    def __rtruediv__(self, other: Number) -> Value:
        return _lift(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def _ordered(self) -> list[Value]:
        """Every value that this one depends on, inputs first; no recursion, so any depth works."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, inputs_done = stack.pop()
            if inputs_done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((child, False) for child in node._inputs)
        return order

    def backward(self) -> None:
        """Add ∂self/∂v to ``v.grad`` for every leaf and every inner value v of the graph.

        As in torch, leaves add to what they hold: set their ``grad`` to 0 between steps.
        """
        order = self._ordered()
        for node in order:
            if node._inputs:  # inner values start anew, or a second call would count them twice
                node.grad = 0.0
        self.grad += 1.0  # ∂self/∂self
        for node in reversed(order):
            for child, slope in zip(node._inputs, node._slopes, strict=True):
                child.grad += node.grad * slope

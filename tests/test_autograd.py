"""``Value`` gives torch's derivatives on any graph."""

import inspect
import random

import pytest
import torch

from llmbook import autograd
from llmbook.autograd import Value

UNARY = {
    "exp": (Value.exp, torch.exp),
    "tanh": (Value.tanh, torch.tanh),
    "relu": (Value.relu, torch.relu),
    "neg": (lambda v: -v, lambda t: -t),
    "square": (lambda v: v**2, lambda t: t**2),
    "log": (lambda v: (v**2 + 1.0).log(), lambda t: (t**2 + 1.0).log()),
    "root": (lambda v: (v**2 + 1.0) ** 0.5, lambda t: (t**2 + 1.0) ** 0.5),
    "inverse": (lambda v: 2.0 / (v * v + 0.5), lambda t: 2.0 / (t * t + 0.5)),
    "squash": (lambda v: 1 - v.tanh(), lambda t: 1 - t.tanh()),
}
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b * b + 1),
    lambda a, b: a * 0.5 + b,
]


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_agree_with_torch(seed):
    """Nodes are drawn from all earlier ones, so they are used again and again."""
    draw = random.Random(seed)
    start = [draw.uniform(-1.5, 1.5) for _ in range(3)]
    mine = [Value(x) for x in start]
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in start]
    leaves = list(zip(mine, theirs, strict=True))
    for _ in range(12):
        if draw.random() < 0.4:
            f, g = UNARY[draw.choice(sorted(UNARY))]
            i = draw.randrange(len(mine))
            new = f(mine[i].tanh()), g(theirs[i].tanh())  # tanh keeps the numbers moderate
        else:
            f = draw.choice(BINARY)
            i, j = draw.randrange(len(mine)), draw.randrange(len(mine))
            new = f(mine[i], mine[j]), f(theirs[i], theirs[j])
        mine.append(new[0])
        theirs.append(new[1])
    total, reference = sum(mine), sum(theirs)  # every node takes part; sum() starts at 0
    total.backward()
    reference.backward()
    assert total.data == pytest.approx(reference.item(), rel=1e-12, abs=1e-12)
    for value, tensor in leaves:
        assert value.grad == pytest.approx(tensor.grad.item(), rel=1e-12, abs=1e-12)


def test_a_value_used_twice_gets_both_shares():
    x = Value(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0


def test_a_second_backward_adds_to_leaves_as_torch_does():
    x, t = Value(2.0), torch.tensor(2.0, requires_grad=True)
    y, u = (x * x).exp(), (t * t).exp()
    y.backward()
    y.backward()
    u.backward(retain_graph=True)
    u.backward()
    assert x.grad == pytest.approx(t.grad.item(), rel=1e-6)


def test_a_chain_deeper_than_the_recursion_limit():
    x = y = Value(1.0)
    for _ in range(20_000):
        y = y + 0.5
    y.backward()
    assert (y.data, x.grad) == (10_001.0, 1.0)


def test_a_leaf_differentiated_by_itself():
    x = Value(5)
    x.backward()
    assert x.grad == 1.0


def test_numbers_on_either_side():
    x = Value(4.0)
    y = 1 + 2 * x - 3 / x + (5 - x) + x / 2 + x - 1
    y.backward()
    assert y.data == 1 + 8 - 0.75 + 1 + 2 + 4 - 1
    assert x.grad == pytest.approx(2 + 3 / 16 - 1 + 0.5 + 1)


@pytest.mark.parametrize(("base", "exponent"), [(-2.0, 3), (-2.0, 2.0), (0.0, 1), (0.0, 0)])
def test_powers_at_the_edges_agree_with_torch(base, exponent):
    x, t = Value(base), torch.tensor(base, dtype=torch.float64, requires_grad=True)
    (x**exponent).backward()
    (t**exponent).backward()
    assert x.grad == t.grad.item()


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: Value("2"), TypeError, "'2'"),
        (lambda: Value(True), TypeError, "bool"),
        (lambda: Value(1.0) + "a", TypeError, "'a'"),
        (lambda: Value(0.0).log(), ValueError, "above 0, got 0"),
        (lambda: Value(-1.0) ** 0.5, ValueError, "not a real number"),
        (lambda: Value(2.0) ** Value(2.0), TypeError, "constant"),
        (lambda: 1 / Value(0.0), ZeroDivisionError, "negative power"),
    ],
)
def test_errors_name_what_was_given(attempt, error, message):
    with pytest.raises(error, match=message):
        attempt()


def test_it_stays_short():
    assert len(inspect.getsource(autograd).splitlines()) < 120

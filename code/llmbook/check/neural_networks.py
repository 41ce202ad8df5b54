"""Checks of the exercises in chapters/foundations/neural_networks.

Dimensions: N examples, I inputs, C neurons.
"""

import itertools
import math

import torch
from torch import nn

from llmbook.autograd import Value
from llmbook.check.core import exercise, expect, require, same


@exercise(
    "neural_networks.layer",
    asked="layer(x, W, b) gives tanh(W x + b) for every row of x [N, I]: a tensor [N, C]",
    hint="rows of x times columns of W.T gives [N, C]; b is added to every row by broadcasting",
)
def _(layer):
    one = torch.tensor([[1.0, -2.0]])
    W = torch.tensor([[0.5, -0.25], [1.0, 0.75], [0.0, 0.0]])
    b = torch.tensor([0.0, 0.5, -1.0])
    expect(layer, one, W, b, gives=torch.tanh(torch.tensor([[1.0, 0.0, -1.0]])))
    for N, I, C in ((1, 1, 1), (5, 3, 3), (4, 2, 7)):  # noqa: E741
        x, linear = torch.randn(N, I), nn.Linear(I, C)
        gives = torch.tanh(linear(x)).detach()
        label = f"layer(x [{N}, {I}], W [{C}, {I}], b [{C}])"
        expect(layer, x, linear.weight.detach(), linear.bias.detach(), gives=gives, label=label)


@exercise(
    "neural_networks.exactly_one",
    asked="exactly_one() gives W, b, v, c for which v · relu(W x + b) + c is 1 when exactly one of "
    "three inputs is 1, and 0 for the other five cases",
    hint="give every neuron the weights 1, 1, 1 and bend them at the sums 0, 1 and 2",
)
def _(exactly_one):
    W, b, v, c = exactly_one()
    W, b, v = (torch.as_tensor(part, dtype=torch.float64) for part in (W, b, v))
    shapes = [tuple(part.shape) for part in (W, b, v)]
    require(
        shapes == [(3, 3), (3,), (3,)],
        f"W, b and v of shapes {shapes}, expected [(3, 3), (3,), (3,)]",
    )
    for case in itertools.product((0, 1), repeat=3):
        answer = v @ torch.relu(W @ torch.tensor(case, dtype=torch.float64) + b) + float(c)
        same(answer, float(sum(case) == 1), f"the network at x = {case}")


@exercise(
    "neural_networks.layer_backward",
    asked="layer_backward(h_bar, h, x, W) gives x_bar [N, I], W_bar [C, I] and b_bar [C] for "
    "h = tanh(x W.T + b)",
    hint="s_bar = h_bar · (1 - h²) has the shape [N, C]; each result is s_bar times x, W or ones, "
    "and its shape says in which order",
)
def _(layer_backward):
    for N, I, C in ((1, 2, 2), (4, 3, 2), (6, 1, 5)):  # noqa: E741
        x = torch.randn(N, I, requires_grad=True)
        W, b = torch.randn(C, I, requires_grad=True), torch.randn(C, requires_grad=True)
        h, h_bar = torch.tanh(x @ W.T + b), torch.randn(N, C)
        gradients = torch.autograd.grad(h, (x, W, b), h_bar)
        came = layer_backward(h_bar, h.detach(), x.detach(), W.detach())
        require(
            isinstance(came, tuple | list) and len(came) == 3, f"{came!r:.60}, not three tensors"
        )
        for name, mine, theirs in zip(("x_bar", "W_bar", "b_bar"), came, gradients, strict=True):
            same(mine, theirs, f"{name} for x [{N}, {I}] and W [{C}, {I}]")


@exercise(
    "neural_networks.sigmoid",
    asked="sigmoid(s) takes a Value and gives the Value 1 / (1 + e^-s), whose backward gives the "
    "slope σ(s) (1 - σ(s)), for s from -1000 to 1000",
    hint="tanh(s) = 2 σ(2 s) - 1; Value has tanh, which never overflows",
)
def _(sigmoid):
    for s in (0.0, 1.5, -2.25, 20.0, -1000.0, 1000.0):
        x = Value(s)
        out = sigmoid(x)
        require(isinstance(out, Value), f"a {type(out).__name__} for s = {s:g}, expected a Value")
        true = 1 / (1 + math.exp(-s)) if s > -700 else 0.0
        same(out.data, true, f"sigmoid(Value({s:g})).data", atol=1e-9, rtol=1e-9)
        out.backward()
        same(x.grad, true * (1 - true), f"the slope at {s:g}", atol=1e-9, rtol=1e-7)


@exercise(
    "neural_networks.mlp_parameters",
    asked="mlp_parameters(vocab_size, embedding_size, hidden_size, window) gives the number of "
    "parameters of the model: table, hidden layer and output layer, biases included",
    hint="the table has V + 1 rows, for the word before the first; the hidden layer reads window · "
    "embedding_size numbers",
)
def _(mlp_parameters):
    from llmbook.models import MLPLM

    for sizes in ((11, 3, 5, 4), (84, 16, 128, 8), (2, 1, 1, 1), (100, 7, 30, 2)):
        expect(mlp_parameters, *sizes, gives=MLPLM(*sizes).num_params())


@exercise(
    "neural_networks.best_look",
    asked="best_look(losses, patience) gives the index of the best loss among those seen until the "
    "best is `patience` looks old",
    hint="keep the index of the best so far; stop when i - best reaches patience",
)
def _(best_look):
    expect(best_look, [3.0, 2.0, 1.0, 2.0, 3.0], 2, gives=2)
    expect(best_look, [3.0, 2.0, 2.5, 2.6, 1.0], 2, gives=1, hint="it stopped before the 1.0 came")
    expect(best_look, [3.0, 2.0, 2.5, 2.6, 1.0], 3, gives=4, hint="here the 1.0 comes in time")
    expect(best_look, [3.0, 2.0, 1.0], 5, gives=2)
    expect(best_look, [1.0, 1.0, 1.0, 0.5], 2, gives=0, hint="an equal loss is no better one")
    expect(best_look, [4.0], 1, gives=0)


@exercise(
    "neural_networks.dropout",
    asked="dropout(x, p) sets each number to 0 with probability p and multiplies the others by "
    "1 / (1 - p), leaving x itself unchanged",
    hint="torch.rand_like(x) >= p is true with probability 1 - p",
)
def _(dropout):
    for p in (0.5, 0.1, 0.8):
        x = torch.ones(200, 100)
        came = dropout(x, p)
        require(bool((x == 1).all()), "a function that changes its argument; multiply a new tensor")
        require(
            isinstance(came, torch.Tensor) and came.shape == x.shape,
            f"{type(came).__name__}, not a tensor of the shape {tuple(x.shape)}",
        )
        zero = (came == 0).double().mean().item()
        room = 5 * math.sqrt(p * (1 - p) / x.numel())  # five standard deviations of the share
        require(abs(zero - p) < room, f"{zero:.3f} of the numbers set to zero for p = {p}")
        kept = came[came != 0]
        same(kept, torch.full_like(kept, 1 / (1 - p)), f"what stays of a 1 for p = {p}")
    x = torch.randn(7, 3)
    expect(dropout, x, 0.0, gives=x, label="dropout(x, 0.0)")
    rows = dropout(torch.ones(200, 100), 0.5) == 0
    require(
        not bool((rows == rows[:1]).all()) and not bool((rows == rows[:, :1]).all()),
        "the same numbers dropped in every row or column; draw for each number anew",
    )

"""The exercises of the chapter *Recurrent neural networks*."""

import math

import torch

from llmbook import ops
from llmbook.check.core import exercise, expect, require, same


def _weights(E: int, C: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(*shape, generator=source) for shape in ((C, E), (C, C), (C,)))


@exercise(
    "rnn.step",
    asked="my_step(x_t, h, W_xh, W_hh, b_h) gives tanh(W_hh h + W_xh x_t + b_h) for a batch",
    hint="a batch keeps its vectors in rows, so W h is written h @ W.T",
)
def _(step):
    for seed, (B, E, C) in enumerate(((1, 1, 1), (3, 2, 4), (5, 4, 2))):
        W_xh, W_hh, b_h = _weights(E, C, seed)
        x, h = torch.randn(B, E), torch.randn(B, C)
        label = f"my_step for a batch of {B}, {E} inputs and {C} hidden units"
        expect(
            step,
            x,
            h,
            W_xh,
            W_hh,
            b_h,
            gives=torch.tanh(h @ W_hh.T + x @ W_xh.T + b_h),
            label=label,
        )


@exercise(
    "rnn.states",
    asked="my_states(x, W_xh, W_hh, b_h) gives the states after every word, [B, T, C]",
    hint="start from zeros of shape [B, C] and put each new state in its place along T",
)
def _(states):
    for seed, (B, T, E, C) in enumerate(((1, 1, 2, 3), (2, 5, 3, 4), (2, 0, 3, 4))):
        W_xh, W_hh, b_h = _weights(E, C, seed)
        x, h, all_h = torch.randn(B, T, E), torch.zeros(B, C), []
        for t in range(T):
            h = ops.rnn_step(x[:, t], h, W_xh, W_hh, b_h)
            all_h.append(h)
        expected = torch.stack(all_h, dim=1) if T else torch.zeros(B, 0, C)
        expect(states, x, W_xh, W_hh, b_h, gives=expected, label=f"my_states for x {list(x.shape)}")


@exercise(
    "rnn.jacobian",
    asked="my_jacobian(h_t, W_hh) gives the matrix of ∂h_t/∂h_{t−1}",
    hint="row i is the slope of tanh in unit i times row i of W_hh",
)
def _(jacobian):
    for seed, C in enumerate((1, 3, 5)):
        _, W_hh, b = _weights(1, C, seed)
        old = torch.randn(C)
        new = torch.tanh(W_hh @ old + b)
        exact = torch.autograd.functional.jacobian(
            lambda h, W=W_hh, b=b: torch.tanh(W @ h + b), old
        )
        expect(jacobian, new, W_hh, gives=exact, label=f"my_jacobian with {C} hidden units")


@exercise(
    "rnn.clip",
    asked="my_clip(gradients, limit) scales all tensors together down to norm limit, never up",
    hint="one norm over all tensors, and one common factor",
)
def _(clip):
    three_four = [torch.tensor([3.0]), torch.tensor([[4.0]])]
    expect(clip, three_four, 1.0, gives=[torch.tensor([0.6]), torch.tensor([[0.8]])])
    expect(clip, three_four, 5.0, gives=three_four)
    expect(clip, three_four, 50.0, gives=three_four, hint="a small gradient must not be scaled up")
    expect(clip, [torch.zeros(2)], 1.0, gives=[torch.zeros(2)], hint="0 / 0 is not a number")
    source = torch.Generator().manual_seed(0)
    many = [torch.randn(4, 3, generator=source), torch.randn(7, generator=source)]
    came = clip(many, 0.5)
    norm = math.sqrt(sum(float(g.square().sum()) for g in came))
    same(norm, 0.5, "the norm of all clipped gradients together")


@exercise(
    "rnn.truncated",
    asked="my_truncated(h, g, W_hh, k) gives ∂L/∂W_hh of at most k steps back",
    hint="each step: delta = g (1 − h_t²), add delta h_{t−1}ᵀ, then g becomes W_hhᵀ delta",
)
def _(truncated):
    T, C = 5, 3
    _, W, b = _weights(1, C, 0)
    for k in (0, 1, 3, 5, 9):
        leaf = W.clone().requires_grad_()
        h = [torch.zeros(C)]
        for t in range(T):
            past = h[-1].detach() if t == T - k else h[-1]
            matrix = leaf if t >= T - k else W
            h.append(torch.tanh(matrix @ past + b))
        g = torch.tensor([1.0, -2.0, 0.5])
        expected = torch.zeros(C, C)
        if k:
            (h[-1] * g).sum().backward()
            expected = leaf.grad
        states = torch.stack(h).detach()
        expect(
            truncated,
            states,
            g,
            W,
            k,
            gives=expected,
            label=f"my_truncated over {T} steps, k = {k}",
        )


@exercise(
    "rnn.memory",
    asked="my_weight(share, steps) gives the smallest w with w ** steps >= share",
    hint="solve w ** n = share for w",
)
def _(weight):
    for share, steps in ((0.5, 1), (0.1, 10), (0.01, 100), (0.9, 1000)):
        w = weight(share, steps)
        expect(weight, share, steps, gives=share ** (1 / steps), rtol=1e-9, atol=0.0)
        require(0 < w < 1, f"a weight of {w}")

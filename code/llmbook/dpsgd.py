"""Training whose result tells little of any one example: DP-SGD, and its account.

    fit_private(model, data, steps=200, rate=0.025, limit=1.0, noise=0.7)
    epsilon(rate=0.025, noise=0.7, steps=200, delta=1e-5)

The step is by Abadi et al. 2016, the account by Mironov et al. 2019.
tests/test_dpsgd.py holds both to opacus.

Dimensions: B batch (examples), T time.
"""

import contextlib
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.data import IGNORE, Stories, random_source

Gradients = dict[str, Tensor]  # name of a parameter -> [B, *its shape]


@contextlib.contextmanager
def _unchecked(model: nn.Module) -> Iterator[None]:
    """Inside, the model takes ids as they are: vmap cannot look at a single number."""
    model.checked = lambda ids, past=0: ids
    try:
        yield
    finally:
        del model.checked


def per_example_gradients(model: nn.Module, inputs: Tensor, targets: Tensor) -> Gradients:
    """The gradient of each example's mean loss alone; inputs and targets ``[B, T]``.

    Raises ValueError for ids that the model cannot read.
    """
    model.checked(inputs)
    parameters = {k: p.detach() for k, p in model.named_parameters() if p.requires_grad}
    if not len(inputs):
        return {k: p.new_zeros(0, *p.shape) for k, p in parameters.items()}

    def loss(weights: dict[str, Tensor], ids: Tensor, target: Tensor) -> Tensor:
        logits, _ = torch.func.functional_call(model, weights, (ids[None],))
        return F.cross_entropy(logits[0], target, ignore_index=IGNORE)

    with _unchecked(model), nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
        return each(parameters, inputs, targets)


def clipped_sum(gradients: Gradients, limit: float) -> tuple[Gradients, Tensor]:
    """Σ g_i · min(1, limit / ‖g_i‖), and the norms ‖g_i‖ ``[B]`` over all parameters together."""
    squares = [g.flatten(1).square().sum(1) for g in gradients.values()]
    norms = torch.stack(squares).sum(0).sqrt()
    factors = (limit / (norms + 1e-6)).clamp(max=1.0)
    return {k: torch.einsum("b,b...->...", factors, g) for k, g in gradients.items()}, norms


def private_gradient(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    limit: float,
    noise: float,
    expected: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Write DP-SGD's gradient into every parameter's ``grad``; returns the norms ``[B]``.

    (Σ clipped gradients + noise · limit · N(0, 1)) / expected, where ``expected`` is the *mean*
    size of a batch: the size of this one is a secret too (Abadi et al. 2016, algorithm 1).
    """
    total, norms = clipped_sum(per_example_gradients(model, inputs, targets), limit)
    for name, p in model.named_parameters():
        if name in total:
            drawn = torch.normal(0.0, 1.0, p.shape, generator=generator, dtype=p.dtype)
            p.grad = (total[name] + noise * limit * drawn) / expected
    return norms


def fit_private(
    model: nn.Module,
    data: Stories,
    *,
    steps: int,
    rate: float,
    limit: float,
    noise: float,
    lr: float = 3e-3,
    seed: int = 0,
) -> list[float]:
    """Train by DP-SGD with Adam; at each step every story takes part with probability ``rate``.

    Returns the mean norm of the examples' gradients at each step, for the author's eyes only:
    it is computed from the data without noise.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    spans = torch.stack([data.starts, data.lengths, torch.zeros_like(data.starts)], dim=1)
    source = random_source(seed, "noise", 0)
    norms = []
    model.train()
    for step in range(steps):
        drawn = torch.rand(len(data), generator=random_source(seed, "poisson", step)) < rate
        chosen = spans[drawn]  # nobody, now and then: then the step is noise alone
        inputs, targets, _ = data.gather(chosen if len(chosen) else spans[:1])
        inputs, targets = inputs[: len(chosen)], targets[: len(chosen)]
        for group in optimizer.param_groups:  # a straight way down to zero
            group["lr"] = lr * (1 - step / steps)
        found = private_gradient(
            model, inputs, targets, limit=limit, noise=noise, expected=rate * len(data),
            generator=source,
        )  # fmt: skip
        optimizer.step()
        norms.append(float(found.mean()) if len(found) else math.nan)
    model.eval()
    return norms


# --- The account -----------------------------------------------------------------------------

ORDERS = range(2, 128)


def sampled_gaussian_rdp(rate: float, noise: float, order: int) -> float:
    """Rényi divergence of one noisy step on a random sample (Mironov et al. 2019).

    Each example takes part with probability ``rate``; ``noise`` is the noise's standard deviation
    in units of the clipping limit; ``order`` is a whole number from 2 up.
    """
    if noise == 0:
        return math.inf
    if rate in (0, 1):
        return rate * order / (2 * noise**2)
    logs = [
        math.log(math.comb(order, k)) + k * math.log(rate) + (order - k) * math.log1p(-rate)
        + (k * k - k) / (2 * noise**2)
        for k in range(order + 1)
    ]  # fmt: skip
    return float(torch.tensor(logs, dtype=torch.float64).logsumexp(0)) / (order - 1)


def epsilon(*, rate: float, noise: float, steps: int, delta: float) -> float:
    """ε of ``steps`` steps of DP-SGD at this δ: the best over whole orders.

    From Rényi to (ε, δ) by Balle et al. 2020, theorem 21, as opacus does.
    """
    found = [
        steps * sampled_gaussian_rdp(rate, noise, a)
        + math.log1p(-1 / a) - (math.log(delta) + math.log(a)) / (a - 1)
        for a in ORDERS
    ]  # fmt: skip
    return max(0.0, min(found))


def gaussian_delta(eps: float, noise: float) -> float:
    """The smallest δ for which one Gaussian answer is (ε, δ)-private (Balle &
    Wang 2018).

    ``noise`` is the standard deviation divided by how far one example can move the answer.
    """
    normal = torch.distributions.Normal(0.0, 1.0)
    a, b = torch.tensor([0.5 / noise - eps * noise, -0.5 / noise - eps * noise]).double()
    return float(normal.cdf(a) - math.exp(eps) * normal.cdf(b))

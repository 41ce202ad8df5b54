"""DP-SGD: a loop's gradients, bounded influence, the noise that is said, and opacus' results."""

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from llmbook.data import IGNORE, Stories
from llmbook.dpsgd import (
    clipped_sum,
    epsilon,
    fit_private,
    gaussian_delta,
    per_example_gradients,
    private_gradient,
    sampled_gaussian_rdp,
)
from llmbook.models import GPT, MLPLM
from llmbook.models.gpt import GPTConfig

V = 12


def mlp() -> MLPLM:
    torch.manual_seed(0)
    return MLPLM(V, 4, 8, window=3).double()


def gpt(**more) -> GPT:
    torch.manual_seed(0)
    shape = {"context": 9, "hidden_size": 8, "num_heads": 2, "num_layers": 2}
    return GPT(GPTConfig(V, **shape, **more)).double()


MODELS = {"mlp": mlp, "gpt": gpt, "gpt-learned": lambda: gpt(positions="learned", tie=False)}


def batch(B: int = 5, T: int = 7):
    """Ids, and targets of which rows hold 7, 6, 5, … ones that count."""
    g = torch.Generator().manual_seed(1)
    ids, targets = torch.randint(V, (2, B, T), generator=g)
    padding = torch.arange(T) >= T - torch.arange(B)[:, None] % T
    return ids, targets.masked_fill(padding, IGNORE)


def one_by_one(model, inputs, targets):
    """Each example's gradients by a backward pass of its own."""
    rows = []
    for ids, target in zip(inputs, targets, strict=True):
        model.zero_grad()
        F.cross_entropy(model.logits(ids[None])[0][0], target, ignore_index=IGNORE).backward()
        rows.append({k: p.grad.clone() for k, p in model.named_parameters()})
    return {k: torch.stack([row[k] for row in rows]) for k in rows[0]}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_gradients_are_those_of_a_loop(make):
    model, (inputs, targets) = make(), batch()
    ours = per_example_gradients(model, inputs, targets)
    for name, reference in one_by_one(model, inputs, targets).items():
        torch.testing.assert_close(ours[name], reference, rtol=1e-10, atol=1e-12)


def test_ids_are_still_checked():
    model, (inputs, targets) = mlp(), batch()
    with pytest.raises(ValueError, match="outside the vocabulary"):
        per_example_gradients(model, inputs + V, targets)
    per_example_gradients(model, inputs, targets)
    with pytest.raises(ValueError, match="outside the vocabulary"):  # afterwards as before
        model.logits(inputs + V)


@pytest.mark.parametrize("limit", [1e-3, 0.5, 1e3])
def test_no_example_moves_the_sum_by_more_than_the_limit(limit):
    """Whatever the other examples are, leaving one out or making it huge stays within the limit."""
    torch.manual_seed(2)
    g = {"a": torch.randn(6, 3, 2), "b": torch.randn(6, 4)}
    g = {k: x * torch.tensor([0.0, 1e-3, 0.1, 1.0, 10.0, 1e6]).view(-1, *[1] * (x.dim() - 1))
         for k, x in g.items()}  # fmt: skip
    whole, norms = clipped_sum(g, limit)
    for i in range(6):
        rest, _ = clipped_sum({k: x[[j for j in range(6) if j != i]] for k, x in g.items()}, limit)
        moved = math.sqrt(sum(float((whole[k] - rest[k]).square().sum()) for k in g))
        assert moved <= limit * (1 + 1e-4)  # float32: the sum's last digits
        if norms[i] < 0.99 * limit and norms[i] > 1e-5:  # small ones pass as they are
            assert moved == pytest.approx(float(norms[i]), rel=0.1, abs=1e-4)


def test_without_noise_and_with_a_high_limit_it_is_the_plain_gradient():
    model, (inputs, targets) = mlp(), batch(B=4)
    private_gradient(model, inputs, targets, limit=1e9, noise=0.0, expected=4)
    ours = {k: p.grad for k, p in model.named_parameters()}
    plain = one_by_one(model, inputs, targets)
    for name, grad in ours.items():
        torch.testing.assert_close(grad, plain[name].mean(0), rtol=1e-6, atol=1e-9)


def test_the_noise_has_the_standard_deviation_that_it_says():
    model, (inputs, targets) = mlp(), batch()
    private_gradient(model, inputs, targets, limit=0.5, noise=0.0, expected=10)
    clean = torch.cat([p.grad.flatten() for p in model.parameters()])
    drawn = []
    source = torch.Generator().manual_seed(0)
    for _ in range(60):
        private_gradient(
            model, inputs, targets, limit=0.5, noise=3.0, expected=10, generator=source
        )
        drawn.append(torch.cat([p.grad.flatten() for p in model.parameters()]) - clean)
    noise = torch.stack(drawn)
    expected = 3.0 * 0.5 / 10
    n = noise.numel()
    assert abs(float(noise.std()) / expected - 1) < 5 / math.sqrt(2 * n)  # five standard errors
    assert abs(float(noise.mean())) < 5 * expected / math.sqrt(n)


def test_an_empty_batch_is_noise_alone():
    """Poisson sampling may draw nobody; the step must go on, or it would tell that nobody came."""
    model = mlp()
    none = torch.zeros(0, 4, dtype=torch.long)
    norms = private_gradient(model, none, none, limit=1.0, noise=1.0, expected=3)
    assert len(norms) == 0
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())
    data = Stories([[3, 4]], end=0)
    norms = fit_private(model.float(), data, steps=3, rate=1e-9, limit=1.0, noise=1.0)
    assert all(math.isnan(norm) for norm in norms)
    assert all(p.isfinite().all() for p in model.parameters())


def test_fit_private_learns_and_repeats_itself():
    data = Stories([[3, 4, 5, 6, 7, 8]] * 40, end=0)
    runs = []
    for _ in range(2):
        model = mlp().float()
        norms = fit_private(model, data, steps=25, rate=0.3, limit=1.0, noise=0.3, lr=0.05)
        runs.append(model.state_dict())
        assert len(norms) == 25
    assert all(torch.equal(runs[0][k], runs[1][k]) for k in runs[0])
    inputs, targets = data.batch(0, 1, 0)
    loss = F.cross_entropy(model.logits(inputs)[0][0], targets[0])
    assert loss < 0.5 < math.log(V)  # guessing evenly costs 2.48 nats


@pytest.mark.parametrize("noise", [0.0, 1.3])
def test_the_step_is_that_of_opacus(noise):
    pytest.importorskip("opacus")
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    ours, (inputs, targets) = mlp(), batch(B=6)
    theirs = GradSampleModule(copy.deepcopy(ours), loss_reduction="sum")
    optimizer = DPOptimizer(
        torch.optim.SGD(theirs.parameters(), lr=0.1), noise_multiplier=noise, max_grad_norm=0.4,
        expected_batch_size=8, generator=torch.Generator().manual_seed(5),
    )  # fmt: skip
    logits = theirs(inputs)[0]
    each = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORE, reduction="none")
    (each.sum(1) / (targets != IGNORE).sum(1)).sum().backward()
    optimizer.step()
    mine = torch.optim.SGD(ours.parameters(), lr=0.1)
    norms = private_gradient(
        ours, inputs, targets, limit=0.4, noise=noise, expected=8,
        generator=torch.Generator().manual_seed(5),
    )  # fmt: skip
    mine.step()
    assert (norms > 0.4).any()  # the limit has something to do
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)


# ---- the account ----


@pytest.mark.parametrize("order", [2, 5, 32])
@pytest.mark.parametrize("rate", [0.0, 0.001, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("noise", [0.5, 1.0, 4.0])
def test_the_divergence_is_that_of_opacus(rate, noise, order):
    analysis = pytest.importorskip("opacus.accountants.analysis.rdp")
    reference = analysis.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=[order])[0]
    ours = sampled_gaussian_rdp(rate, noise, order)
    assert ours == pytest.approx(reference, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("rate", "noise", "steps"), [(0.02, 1.0, 500), (0.1, 2.0, 50), (1, 8, 1)])
def test_epsilon_is_near_that_of_opacus(rate, noise, steps):
    """Opacus also tries orders between whole ones (a little below ours) and none above 63."""
    pytest.importorskip("opacus")
    from opacus.accountants import RDPAccountant

    accountant = RDPAccountant()
    accountant.history = [(noise, rate, steps)]
    theirs = accountant.get_epsilon(delta=1e-5)
    ours = epsilon(rate=rate, noise=noise, steps=steps, delta=1e-5)
    assert ours == pytest.approx(theirs, rel=0.02)


def test_epsilon_grows_with_steps_and_rate_and_falls_with_noise():
    base = {"rate": 0.02, "noise": 1.0, "steps": 100, "delta": 1e-5}
    e = epsilon(**base)
    assert epsilon(**base | {"steps": 200}) > e
    assert epsilon(**base | {"rate": 0.04}) > e
    assert epsilon(**base | {"noise": 2.0}) < e
    assert epsilon(**base | {"delta": 1e-3}) < e
    assert epsilon(**base | {"noise": 0.0}) == math.inf


@pytest.mark.parametrize(("eps", "noise"), [(0.0, 1.0), (1.0, 1.0), (0.5, 3.0), (3.0, 0.7)])
def test_the_gaussian_delta_is_the_integral_that_defines_it(eps, noise):
    """δ = ∫ max(0, p(x) − e^ε q(x)) dx for two normals that lie one apart."""
    x = torch.linspace(-30, 30, 2_000_001, dtype=torch.float64)
    p, q = (torch.distributions.Normal(m, torch.tensor(noise).double()) for m in (1.0, 0.0))
    gap = (p.log_prob(x).exp() - math.exp(eps) * q.log_prob(x).exp()).clamp(min=0)
    assert gaussian_delta(eps, noise) == pytest.approx(float(torch.trapezoid(gap, x)), abs=1e-7)


def test_the_exact_gaussian_beats_the_account_for_one_answer():
    eps = epsilon(rate=1, noise=4.0, steps=1, delta=1e-5)
    assert 0 < gaussian_delta(eps, 4.0) < 1e-5  # the account's ε is safe, not tight

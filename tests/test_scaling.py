"""What follows from a law of the loss: against scipy, gradients, and what papers say of it."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar

from llmbook import published
from llmbook.scaling import BESIROGLU, HOFFMANN, Law, parabola, total_flops
from llmbook.zoo import isoflop, ladder

LAWS = {"hoffmann": HOFFMANN, "besiroglu": BESIROGLU, "other": Law(0.5, 30.0, 900.0, 0.2, 0.5)}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("flops", [1e15, 5.76e23, 1e28])
def test_the_best_size_is_where_scipy_finds_it(law, flops):
    def loss(log_N):
        N = math.exp(log_N)
        return law.loss(N, flops / (6 * N))

    found = minimize_scalar(loss, bounds=(5, 60), method="bounded", options={"xatol": 1e-10})
    N, D = law.best(flops)
    assert pytest.approx(flops) == 6 * N * D
    assert math.log(N) == pytest.approx(found.x, abs=1e-5)
    assert law.loss(N, D) <= found.fun + 1e-12


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_the_slope_along_equal_flops_is_zero_at_the_best_size(law):
    N, _ = law.best(1e22)
    log_N = torch.tensor(math.log(N), dtype=torch.float64, requires_grad=True)
    law.loss(log_N.exp(), 1e22 / 6 / log_N.exp()).backward()
    assert abs(float(log_N.grad)) < 1e-12


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("served", [0.0, 1e9, 1e12, 1e15])
def test_the_lifetimes_best_size_is_where_scipy_finds_it(law, served):
    loss = law.loss(1e9, 3e10)

    def flops(log_D):
        D = math.exp(log_D)
        left = loss - law.E - law.B / D**law.beta
        return total_flops((law.A / left) ** (1 / law.alpha), D, served) if left > 0 else math.inf

    N, D = law.lifetime(loss, served)
    assert law.loss(N, D) == pytest.approx(loss, rel=1e-12)
    span = {"bounds": (math.log(D) - 2, math.log(D) + 2), "method": "bounded"}
    found = minimize_scalar(flops, **span, options={"xatol": 1e-10})
    assert math.log(D) == pytest.approx(found.x, abs=1e-5)
    assert total_flops(N, D, served) <= found.fun * (1 + 1e-12)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_without_serving_the_lifetime_is_the_best_training(law):
    N, D = law.best(1e23)
    assert law.lifetime(law.loss(N, D)) == pytest.approx((N, D), rel=1e-9)
    sizes = [law.lifetime(2.0 + law.E - 1, served)[0] for served in (0, 1e10, 1e12, 1e14)]
    assert sizes == sorted(sizes, reverse=True)  # the more it is used, the smaller


def test_chinchilla_as_the_two_fits_have_it():
    """Besiroglu and colleagues: their fit agrees with about 20 tokens a parameter, the first
    one's constants do not (they give about 60 to 90, depending on their digits)."""
    N, D = BESIROGLU.best(5.76e23)
    assert 60e9 < N < 80e9
    assert 15 < D / N < 25
    N, D = HOFFMANN.best(5.76e23)
    assert 30e9 < N < 50e9
    assert 50 < D / N < 100


def test_sardanas_example():
    """Sardana et al. 2024: who wants a 13B model's quality for 2e12 tokens of use saves 1.7e22
    FLOPs, 17 %, with 7B and more data (they use the first fit; its digits matter a little)."""
    a, b = HOFFMANN.alpha, HOFFMANN.beta
    D = (b * HOFFMANN.B / (a * HOFFMANN.A) * 13e9**a) ** (1 / b)
    assert HOFFMANN.best(6 * 13e9 * D) == pytest.approx((13e9, D))
    before = total_flops(13e9, D, 2e12)
    N, longer = HOFFMANN.lifetime(HOFFMANN.loss(13e9, D), 2e12)
    assert pytest.approx(7e9, rel=0.1) == N
    saved = before - total_flops(N, longer, 2e12)
    assert saved == pytest.approx(1.7e22, rel=0.1)
    assert saved / before == pytest.approx(0.17, abs=0.02)


def test_tokens_invert_the_loss():
    assert BESIROGLU.tokens(BESIROGLU.loss(7e9, 2e12), 7e9) == pytest.approx(2e12)
    assert BESIROGLU.tokens(1.9, 1e6) == math.inf  # too small for that loss, however long


def test_bad_arguments_are_refused():
    for law in LAWS.values():
        with pytest.raises(ValueError, match="flops is 0"):
            law.best(0)
        with pytest.raises(ValueError, match="lies above E"):
            law.lifetime(law.E)
        with pytest.raises(ValueError, match="served is -1"):
            law.lifetime(law.E + 1, -1)


def test_a_parabola_is_found_again():
    sizes = [100, 300, 700, 2000, 9000]
    losses = [2.0 + 0.1 * math.log(n / 1500) ** 2 for n in sizes]
    found = parabola(sizes, losses)
    assert found.best == pytest.approx(1500)
    assert found.lowest == pytest.approx(2.0)
    assert found.curvature == pytest.approx(0.1)
    assert found.inside
    assert not parabola(sizes[:3], losses[:3]).inside  # the same parabola, seen from one side
    hill = parabola(sizes, [-x for x in losses])
    assert math.isnan(hill.best)
    assert not hill.inside


def test_a_parabola_needs_three_sizes():
    for sizes, losses in (([1, 2], [1, 2]), ([1, 1, 2], [1, 2, 3]), ([1, 2, 3], [1, 2])):
        with pytest.raises(ValueError, match="three different sizes"):
            parabola(sizes, losses)


def test_the_isoflop_log_follows_its_plan():
    runs = isoflop.read()
    planned = {
        (budget, width, seed, ladder.rate(width))
        for budget, widths in isoflop.BUDGETS.items()
        for width in widths
        for seed in isoflop.SEEDS
    } | {
        (isoflop.FOLLOW_UP, width, seed, times * ladder.rate(width))
        for times, widths in isoflop.RATES.items()
        for width in widths
        for seed in isoflop.SEEDS
    }
    done = [(r["budget"], r["width"], r["seed"], r["lr"]) for r in runs]
    assert set(done) == planned
    assert len(done) == len(planned)
    for r in runs:
        assert r["flops"] == pytest.approx(r["budget"], rel=0.01)
        assert r["tokens"] == r["steps"] * ladder.BATCH * ladder.SHAPE["context"]
        assert 1 < r["nats"] < math.log(110)


def test_profiles_hold_each_width_once_at_the_rate_asked_for():
    runs = isoflop.read()
    for budget, profile in isoflop.profiles(runs).items():
        assert [p["width"] for p in profile] == sorted(isoflop.BUDGETS[budget])
        assert all(p["low"] <= p["nats"] <= p["high"] for p in profile)
    for times, widths in isoflop.RATES.items():
        found = isoflop.profiles(runs, times)
        assert list(found) == [isoflop.FOLLOW_UP]
        assert [p["width"] for p in found[isoflop.FOLLOW_UP]] == sorted(widths)


def test_one_short_run_of_the_isoflop_ladder():
    result = isoflop.run(8, 3e8, seed=0)
    assert result["steps"] == isoflop.plan(8, 3e8, 102)["steps"] or result["weights"] != 2352
    assert 2 < result["nats"] < 5


def test_models_are_named_once():
    names = [m.name for m in published.MODELS]
    assert len(set(names)) == len(names)
    assert all(m.D / m.N < 2000 for m in published.MODELS)

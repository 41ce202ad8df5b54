"""Energy, carbon and price: against published accounts, and the ranges against theory."""

import math
from dataclasses import replace

import pytest
import torch

from llmbook import cost, published
from llmbook.energy import QUANTITIES, Job, Range, bill

JOB = Job(flops=3.14e23, peak=125e12, utilisation=0.2, watts=330, pue=1.1, grams=429, per_hour=2.0)


def job_of(account: published.Account) -> Job:
    peak, _ = published.CHIPS[account.chip]
    achieved = account.achieved or account.flops / account.hours / 3600
    return Job(
        account.flops, peak, achieved / peak, account.watts, account.pue, account.grams or 429.0
    )


MEASURED = [a for a in published.ACCOUNTS if a.achieved]


@pytest.mark.parametrize("account", MEASURED, ids=lambda a: a.name)
def test_measured_speed_and_power_give_the_published_energy_and_emissions(account):
    job = job_of(account)  # the table's figures are rounded to two or three digits
    assert job.megawatt_hours() == pytest.approx(account.megawatt_hours, rel=0.01)
    assert job.tonnes() == pytest.approx(account.tonnes, rel=0.02)


def test_hours_and_data_sheet_give_blooms_account_and_deepseeks_price():
    job = job_of(published.account("BLOOM"))
    assert job.hours() == pytest.approx(1_082_990)
    assert job.megawatt_hours() == pytest.approx(433.196, rel=1e-5)
    assert job.tonnes() == pytest.approx(24.7, rel=0.005)
    assert sum(published.BLOOM_TONNES.values()) == pytest.approx(50.5)
    rent = published.DEEPSEEK_HOURS * published.DEEPSEEK_RENT
    assert rent == pytest.approx(published.DEEPSEEK_PRICE)


def test_the_table_of_accounts_is_consistent():
    for a in published.ACCOUNTS:
        assert (a.hours is None) != (a.achieved is None)
        assert 0 < job_of(a).utilisation < 0.6, a.name
        assert published.account(a.name) is a
        # 400 W and more an hour: an A100's year is 3.5 MWh; energy and hours must fit together
        if a.hours and a.megawatt_hours:
            assert a.megawatt_hours == pytest.approx(a.hours * a.watts / 1e6, rel=1e-3)
    with pytest.raises(ValueError, match="GPT-3"):
        published.account("GPT-5")


def test_published_flops_are_about_six_times_parameters_times_tokens():
    for name, flops in (("GPT-3", 3.14e23), ("Llama 3.1 405B", 3.8e25), ("PaLM", 2.56e24)):
        m = published.model(name)
        assert pytest.approx(flops, rel=0.02) == 6 * m.N * m.D


def test_each_quantity_is_its_product():
    hours = 3.14e23 / (125e12 * 0.2) / 3600
    assert JOB.hours() == pytest.approx(hours)
    assert JOB.megawatt_hours() == pytest.approx(hours * 330 * 1.1 / 1e6)
    assert JOB.tonnes() == pytest.approx(hours * 330 * 1.1 / 1e6 * 429 / 1000)
    assert JOB.price() == pytest.approx(2 * hours)
    assert JOB.hours() * 3600 == pytest.approx(cost.seconds(3.14e23, 125e12, 0.2))


def test_a_job_without_ranges_has_a_bill_without_width():
    for name, found in bill(JOB).items():
        exact = getattr(JOB, name)()
        assert found.low == pytest.approx(exact)
        assert found.high == pytest.approx(exact)


def test_draws_keep_to_their_ends_and_their_logarithm_has_the_triangular_law():
    source = torch.Generator().manual_seed(0)
    for low, middle, high in ((1, 2, 8), (1, 1, 8), (1, 8, 8), (0.2, 0.3, 0.31)):
        x = Range(low, middle, high).draws(100_000, source)
        assert x.min() >= low * (1 - 1e-12)
        assert x.max() <= high * (1 + 1e-12)
        a, c, b = math.log(low), math.log(middle), math.log(high)
        variance = (a * a + b * b + c * c - a * b - a * c - b * c) / 18
        error = math.sqrt(variance / len(x))
        assert float(x.log().mean()) == pytest.approx((a + b + c) / 3, abs=5 * error)
        assert float(x.log().var()) == pytest.approx(variance, rel=0.03)
    assert Range(3, 3, 3).draws(5, source).tolist() == [3.0] * 5


def test_a_bill_of_one_range_has_the_quantiles_of_that_range():
    """The 5 % point of a triangular law on [a, b] with its peak in the middle, in closed form."""
    wide = Range(100.0, 200.0, 400.0)
    found = bill(replace(JOB, watts=wide), draws=200_000)["megawatt_hours"]
    share = 2 ** (-1 + math.sqrt(2 * 0.05))  # half the log-width is ln 2
    for end, factor in ((found.low, share), (found.middle, 1), (found.high, 1 / share)):
        expected = replace(JOB, watts=200.0).megawatt_hours() * factor
        assert end == pytest.approx(expected, rel=0.01)


def test_a_bill_is_repeatable_and_within_the_worst_cases():
    job = replace(JOB, utilisation=Range(0.1, 0.3, 0.5), grams=Range(50, 400, 600))
    assert bill(job, seed=3) == bill(job, seed=3) != bill(job, seed=4)
    found = bill(job)["tonnes"]
    best = replace(job, utilisation=0.5, grams=50).tonnes()
    worst = replace(job, utilisation=0.1, grams=600).tonnes()
    assert best < found.low < found.middle < found.high < worst
    assert found.middle in found
    assert worst not in found


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"flops": 0}, "flops is 0"),
        ({"watts": -5.0}, "watts is -5.0"),
        ({"grams": math.inf}, "grams is inf"),
        ({"peak": math.nan}, "peak is nan"),
        ({"utilisation": 40}, "utilisation is 40; it is a part"),
        ({"utilisation": Range(0.5, 0.9, 1.2)}, "at most 1"),
        ({"pue": 0.9}, "pue is 0.9"),
    ],
)
def test_what_cannot_be_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        replace(JOB, **change)


def test_bad_ranges_and_arguments_are_refused():
    for ends in ((0, 1, 2), (2, 1, 3), (1, 2, math.inf), (1, math.nan, 2)):
        with pytest.raises(ValueError, match="rising order"):
            Range(*ends)
    with pytest.raises(ValueError, match="draws is 5"):
        bill(JOB, draws=5)
    assert set(QUANTITIES) == {"hours", "megawatt_hours", "tonnes", "price"}

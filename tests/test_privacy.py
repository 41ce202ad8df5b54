"""Exposure and membership: against brute force, against what chance gives, with ties."""

import math

import pytest
import torch

from llmbook.models import GPT, LSTMLM, MLPLM
from llmbook.models.gpt import GPTConfig
from llmbook.privacy import (
    attack_interval,
    auc,
    code_losses,
    expected_exposure,
    exposure,
    rank,
    tpr_at,
)
from llmbook.uncertainty import bootstrap

V = 14
MODELS = {
    "mlp": lambda: MLPLM(V, 4, 8, window=3),
    "lstm": lambda: LSTMLM(V, hidden_size=8, num_layers=2),
    "gpt": lambda: GPT(GPTConfig(V, context=12, hidden_size=16, num_heads=2, num_layers=2)),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize(("rows", "length"), [(1, 1), (3, 2), (9, 2)])
def test_code_losses_are_those_of_reading_every_code_whole(make, rows, length):
    torch.manual_seed(0)
    model = make().double()
    prefixes = torch.randint(V, (rows, 4))
    symbols = [7, 2, 11]
    ours = code_losses(model, prefixes, symbols, length)
    assert ours.shape == (rows, 3**length)
    for row, prefix in enumerate(prefixes):
        for number in range(3**length):
            places = [number // 3 ** (length - 1 - i) % 3 for i in range(length)]
            code = torch.tensor([symbols[i] for i in places])
            with torch.no_grad():
                logits, _ = model.logits(torch.cat([prefix, code])[None, :-1])
            logp = logits[0, 3:].log_softmax(-1).gather(1, code[:, None])
            torch.testing.assert_close(ours[row, number], -logp.sum(), rtol=1e-12, atol=1e-12)


def test_rank_counts_what_is_below_and_shares_ties():
    losses = torch.tensor([3.0, 1.0, 2.0, 2.0, 9.0])
    assert [rank(losses, i) for i in range(5)] == [4.0, 1.0, 2.5, 2.5, 5.0]


@pytest.mark.parametrize("R", [1, 2, 10, 10_000])
def test_exposure_has_its_ends(R):
    losses = torch.arange(R).double()
    assert exposure(losses, 0) == math.log2(R)
    assert exposure(losses, R - 1) == 0


@pytest.mark.parametrize("R", [1, 7, 1_000])
def test_a_model_that_finds_all_alike_exposes_nothing(R):
    """All tie: the middle rank, so one bit less what one more candidate takes; not log2 R."""
    assert exposure(torch.zeros(R), 0) == pytest.approx(math.log2(2 * R / (R + 1)))


def test_expected_exposure_is_the_mean_over_all_secrets():
    losses = torch.randperm(500).double()
    mean = sum(exposure(losses, secret) for secret in range(500)) / 500
    assert mean == pytest.approx(expected_exposure(500))
    assert expected_exposure(10**6) == pytest.approx(1 / math.log(2), abs=1e-4)


def test_exposure_of_an_untrained_model_is_what_chance_gives():
    torch.manual_seed(0)
    model = MODELS["mlp"]()
    losses = code_losses(model, torch.randint(V, (300, 5)), range(10), 2)
    secrets = torch.randint(100, (300,))
    found = bootstrap([exposure(row, int(s)) for row, s in zip(losses, secrets, strict=True)])
    assert abs(found.estimate - expected_exposure(100)) < 2 * found.width  # about 8 sigma


def test_auc_is_the_share_of_pairs():
    torch.manual_seed(0)
    a, b = torch.randint(6, (40,)).double(), torch.randint(5, (30,)).double()
    pairs = (a[:, None] > b).double() + 0.5 * (a[:, None] == b)
    assert auc(a, b) == pytest.approx(float(pairs.mean()))
    assert auc(a, b) + auc(b, a) == pytest.approx(1)
    assert auc(b + 10, b) == 1
    assert auc(torch.zeros(4), torch.zeros(9)) == 0.5


def test_auc_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(1)
    a, b = torch.randn(60) + 0.5, torch.randn(80)
    labels = [1] * 60 + [0] * 80
    assert auc(a, b) == pytest.approx(metrics.roc_auc_score(labels, torch.cat([a, b]).numpy()))


@pytest.mark.parametrize("fpr", [0.0, 0.01, 0.05, 0.5])
def test_tpr_accuses_no_more_of_the_others_than_allowed(fpr):
    torch.manual_seed(0)
    for others in (torch.randn(200), torch.randint(3, (200,)).double()):
        members = torch.cat([others, others + 3])
        assert tpr_at(others, others, fpr) <= fpr
        assert tpr_at(members, others, fpr) >= tpr_at(others, others, fpr)
    assert tpr_at(torch.ones(5), torch.zeros(200), fpr) == 1


def test_the_interval_holds_the_estimate_and_shrinks_with_more_texts():
    torch.manual_seed(0)
    a, b = torch.randn(1_600) + 0.3, torch.randn(1_600)
    large = attack_interval(auc, a, b, resamples=200)
    small = attack_interval(auc, a[:100], b[:100], resamples=200)
    assert large.estimate in large
    # The truth for two normals 0.3 apart is Φ(0.3 / √2) = 0.584; the standard error is 0.010.
    assert abs(large.estimate - 0.584) < 0.04
    assert 2.5 < small.width / large.width < 6.5  # √16 = 4, from 200 resamples

"""The formulas of a run's cost are what a count of a real one gives, and the ladder's log holds."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from llmbook import cost
from llmbook.models import GPT, GPTConfig
from llmbook.zoo import ladder

SIZES = {"context": 12, "hidden_size": 16, "num_heads": 2, "num_layers": 3}
CONFIGS = [
    GPTConfig.gpt2(11, **SIZES),
    GPTConfig.gpt2(11, tie=False, **SIZES),
    GPTConfig.modern(11, **SIZES),
    GPTConfig(11, norm="rms", **SIZES),
    GPTConfig(11, positions="sinusoidal", bias=False, **SIZES),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_parameters_are_the_models_own(config):
    assert cost.parameters(config) == GPT(config).num_params()


def test_the_published_size_of_gpt2_comes_out():
    sizes = {"context": 1024, "hidden_size": 768, "num_heads": 12, "num_layers": 12}
    assert cost.parameters(GPTConfig.gpt2(50_257, **sizes)) == 124_439_808


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("time", [1, 7, 12])
def test_flops_are_those_that_torch_counts(config, time):
    model = GPT(config)
    for block in model.blocks:
        block.attention.record_weights = True  # plain products, which the counter sees
    ids = torch.randint(11, (5, time))
    with FlopCounterMode(display=False) as counter:
        loss = F.cross_entropy(model.logits(ids)[0].flatten(0, 1), ids.flatten())
        forward = counter.get_total_flops()
        loss.backward()
    assert cost.forward_flops(config, ids.numel(), time) == forward
    assert cost.train_flops(config, ids.numel(), time) == counter.get_total_flops()


def test_state_is_sixteen_bytes_a_parameter_and_shards_divide_it():
    for precision in cost.BYTES_PER_PARAMETER:
        whole = cost.state_bytes(CONFIGS[0], precision)
        assert whole == 16 * cost.parameters(CONFIGS[0])
        assert cost.state_bytes(CONFIGS[0], precision, shards=4) == whole // 4
    with pytest.raises(ValueError, match="'fp8'; expected one of float32, mixed"):
        cost.state_bytes(CONFIGS[0], "fp8")


def test_seconds_are_flops_over_speed():
    assert cost.seconds(6e15, 1e15, 0.5) == pytest.approx(12)
    with pytest.raises(ValueError, match="utilisation is 0"):
        cost.seconds(1, 1, 0)


@pytest.mark.parametrize(("E", "A", "alpha"), [(1.0, 2.0, 0.3), (0.0, 3.0, 0.05), (0.5, 1.0, 1.2)])
def test_a_law_is_found_again(E, A, alpha):
    flops = [1e9 * 3**i for i in range(6)]
    nats = [E + A * (x / flops[0]) ** -alpha for x in flops]
    law = ladder.fit_law(flops, nats)
    assert law["alpha"] == pytest.approx(alpha, abs=1e-3)
    assert (law["E"], law["A"]) == (pytest.approx(E, abs=0.02), pytest.approx(A, abs=0.02))
    assert ladder.predict(law, 1e12) == pytest.approx(E + A * 1e3**-alpha, abs=1e-3)
    straight = ladder.fit_law(flops, nats, floor=False)
    assert straight["E"] == 0
    assert straight["error"] > law["error"] - 1e-12


def test_the_committed_forecast_is_that_of_the_committed_rungs():
    """Neither was touched after the other: the forecast follows from the log."""
    log = ladder.read()
    rungs = ladder.means(log["rungs"])
    assert {r["width"]: r["seed"] for r in log["rungs"]}.keys() == ladder.SEEDS.keys()
    again = ladder.forecast(rungs, log["forecast"]["flops"])
    assert again["nats"] == pytest.approx(log["forecast"]["nats"], rel=1e-6)
    assert again["range"] == pytest.approx(log["forecast"]["range"], rel=1e-6)
    for run in log["rungs"] + log.get("top", []):
        assert run["flops"] > 6 * run["weights"] * run["tokens"]  # attention comes on top

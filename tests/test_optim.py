"""Schedules are what their names say, and weight decay meets matrices alone."""

import pytest

from llmbook import models, optim

CONFIGS = {"mlp": {}, "rnn": {}, "lstm": {"num_layers": 2}, "gru": {}, "gpt": {"num_heads": 2}}


@pytest.mark.parametrize("schedule", optim.SCHEDULES.values())
@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (10, 0), (10, 3), (1000, 20), (5, 4)])
def test_schedules_rise_then_fall_and_are_never_zero(schedule, steps, warmup):
    factors = [schedule(step, steps, warmup) for step in range(steps)]
    assert all(0 < f <= 1 for f in factors)
    assert factors[:warmup] == pytest.approx([(i + 1) / warmup for i in range(warmup)])
    assert factors[max(0, warmup - 1) :] == sorted(factors[max(0, warmup - 1) :], reverse=True)
    assert max(factors) == 1


def test_schedules_end_where_they_say():
    for name, schedule in optim.SCHEDULES.items():
        for final in (0.0, 0.1):
            end = schedule(100, 100, 10, final)
            assert end == pytest.approx(1 if name == "constant" else final)
    assert optim.cosine(55, 100, 10) == pytest.approx(0.5)  # half-way after the warm-up
    assert optim.linear(55, 100, 10) == pytest.approx(0.5)


def test_decay_leaves_biases_norms_and_embeddings_alone():
    for name, config in CONFIGS.items():
        model = models.build(name, {"vocab_size": 11, "hidden_size": 8} | config)
        decays = {}
        for group in optim.parameter_groups(model, 0.1, 0.7):
            decays |= {id(p): group["weight_decay"] for p in group["params"]}
        for key, p in model.named_parameters():
            matrix = p.ndim >= 2 and "embedding" not in key
            assert decays.pop(id(p)) == (0.7 if matrix else 0.0), key
        assert not decays


def test_an_optimizer_is_made_from_a_name_a_function_or_itself():
    model = models.RNNLM(5, hidden_size=4)
    named = optim.make("sgd", model, 0.1, 0.0)
    made = optim.make(lambda m: optim.adamw(m, lr=0.2), model, 0.1, 0.0)
    assert type(named).__name__ == "SGD"
    assert [g["initial_lr"] for g in made.param_groups] == [0.2, 0.2]  # its own rate, not fit's
    assert optim.make(made, model, 0.1, 0.0) is made


@pytest.mark.parametrize("limit", [None, 1e-3, 1e6])
def test_clipping_scales_all_gradients_together(limit):
    model = models.RNNLM(5, hidden_size=4)
    for p in model.parameters():
        p.grad = p.detach().clone()
    norm = sum(float(p.detach().square().sum()) for p in model.parameters()) ** 0.5
    assert float(optim.clip_gradients(model.parameters(), limit)) == pytest.approx(norm)
    scale = min(1.0, limit / norm) if limit else 1.0
    for p in model.parameters():
        assert p.grad.flatten().tolist() == pytest.approx((p * scale).flatten().tolist(), rel=1e-4)

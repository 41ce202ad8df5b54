"""Schedules are what their names say, and weight decay meets matrices alone."""

import copy

import pytest
import torch
from torch import nn

from llmbook import checkpoint, models, ops, optim

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


def test_adamw_from_its_formula_equals_torchs_over_a_hundred_steps():
    torch.manual_seed(0)
    p = torch.randn(5, 3, dtype=torch.float64)
    theirs = nn.Parameter(p.clone())
    settings = {"lr": 0.02, "betas": (0.8, 0.97), "eps": 1e-6, "weight_decay": 0.3}
    optimizer = torch.optim.AdamW([theirs], **settings)
    m, v = torch.zeros_like(p), torch.zeros_like(p)
    for t in range(1, 101):
        g = torch.randn(5, 3, dtype=torch.float64) * 10 ** torch.randn(()).double()
        theirs.grad = g.clone()
        optimizer.step()
        p, m, v = ops.adamw_step(p, g, m, v, t, **settings)
        torch.testing.assert_close(p, theirs.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 9), (9, 4), (1, 5)])
def test_newton_schulz_keeps_the_directions_and_levels_the_singular_values(shape):
    torch.manual_seed(0)
    G = torch.randn(shape, dtype=torch.float64)
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    exact = ops.orthogonalise(G, steps=30, coefficients=(15 / 8, -10 / 8, 3 / 8))
    torch.testing.assert_close(exact, U @ Vh, rtol=1e-9, atol=1e-9)
    for scale in (1e-4, 1.0, 1e4):  # only the direction of G counts
        near = U.T @ ops.orthogonalise(scale * G) @ Vh.T
        assert (near - near.diag().diag()).abs().max() < 1e-9
        assert 0.3 < near.diag().min() <= near.diag().max() < 1.3
    assert ops.orthogonalise(torch.zeros(shape)).abs().max() == 0


@pytest.mark.parametrize("shape", [(6, 6), (4, 30), (30, 4), (1, 5)])
def test_the_short_way_to_muons_directions_is_newton_schulz(shape):
    torch.manual_seed(0)
    steep = torch.logspace(0, -6, shape[1], dtype=torch.float64)
    for G in (torch.randn(shape, dtype=torch.float64), torch.randn(shape).double() * steep):
        torch.testing.assert_close(
            optim.orthogonalise(G), ops.orthogonalise(G), rtol=1e-9, atol=1e-9
        )
        # float32 keeps 7 digits of A, whose smallest entries the steps multiply by 3.4 ** 10
        close32 = optim.orthogonalise(G.float()) - ops.orthogonalise(G.float())
        assert close32.abs().max() < 0.02
    assert optim.orthogonalise(torch.zeros(shape)).abs().max() == 0


def test_muon_moves_as_torchs_does_up_to_its_half_precision():
    torch.manual_seed(0)
    first = [torch.randn(shape) for shape in ((24, 16), (16, 16), (16, 48))]
    ours, theirs = ([nn.Parameter(p.clone()) for p in first] for _ in range(2))
    a = optim.Muon(ours, lr=0.01, weight_decay=0.1)
    b = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        for x, y in zip(ours, theirs, strict=True):
            x.grad = torch.randn_like(x)
            y.grad = x.grad.clone()
        a.step()
        b.step()
    for x, y, start in zip(ours, theirs, first, strict=True):
        # bfloat16 keeps 8 binary digits, an error of 1/256 a step that partly averages out
        assert (x - y).norm() < 0.02 * (y - start).norm()


def gpt(**changes):
    torch.manual_seed(0)
    return models.GPT(models.GPTConfig(11, 8, hidden_size=8, num_heads=2, **changes))


@pytest.mark.parametrize("tie", [True, False])
def test_muon_gets_the_hidden_matrices_and_adamw_all_else(tie):
    model = gpt(tie=tie, positions="learned", num_layers=2)
    optimizer = optim.muon(model, lr=0.1, weight_decay=0.7)
    names = {id(p): name for name, p in model.named_parameters()}
    kinds = {"muon": {}, "adamw": {}}
    for group in optimizer.param_groups:
        kind = kinds["muon" if "momentum" in group else "adamw"]
        kind |= {names[id(p)]: group["weight_decay"] for p in group["params"]}
    matrices = {n for n, p in model.named_parameters() if n.startswith("blocks") and p.ndim == 2}
    assert kinds["muon"] == dict.fromkeys(matrices, 0.7)
    assert kinds["muon"].keys() | kinds["adamw"].keys() == set(names.values())
    assert kinds["adamw"]["embedding.weight"] == 0
    assert kinds["adamw"].get("head.weight") == (None if tie else 0.7)


def test_muon_refuses_a_model_without_hidden_matrices():
    with pytest.raises(ValueError, match="no matrix between hidden layers"):
        optim.make("muon", nn.Embedding(5, 3), 0.1, 0.0)


def test_muons_state_survives_a_checkpoint_bit_for_bit(tmp_path):
    model = gpt(num_layers=1)
    optimizer = optim.make("muon", model, 0.05, 0.1)
    ids = torch.arange(8)[None]

    def update(model, optimizer):
        optimizer.zero_grad()
        model.logits(ids)[0].logsumexp(-1).mean().backward()
        optimizer.step()

    for _ in range(3):
        update(model, optimizer)
    checkpoint.save(tmp_path / "x.safetensors", model, optimizer)
    twin = copy.deepcopy(model)
    other = optim.make("muon", twin, 0.05, 0.1)
    other.load_state_dict(checkpoint.load(tmp_path / "x.safetensors").optimizer)
    for group in other.param_groups:
        group["lr"] = 0.02  # as a loop's schedule does: it must reach both parts
    for group in optimizer.param_groups:
        group["lr"] = 0.02
    for _ in range(3):
        update(model, optimizer)
        update(twin, other)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True)
    )

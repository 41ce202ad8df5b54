"""What holds for every model: pieces equal the whole, the start is near uniform, clear errors."""

import json
import math
import random

import pytest
import torch
from torch.nn import functional as F

from llmbook import models
from llmbook.models import GPT, GRULM, LSTMLM, MLPLM, RNNLM, GPTConfig, NGram
from parity import close, randn

V = 13
SMALL = {"hidden_size": 16, "num_heads": 2, "num_layers": 2, "context": 24}
MAKERS = {
    "ngram-1": lambda V: counted(NGram(V, order=1)),
    "ngram-4": lambda V: counted(NGram(V, order=4)),
    "mlp": lambda V: MLPLM(V, 5, 16, window=4),
    "mlp-1": lambda V: MLPLM(V, 5, 16, window=1),
    "rnn": lambda V: RNNLM(V, hidden_size=16),
    "lstm": lambda V: LSTMLM(V, 7, 16, num_layers=2, dropout=0.2),
    "gru": lambda V: GRULM(V, 7, 16, num_layers=3),
    "gpt": lambda V: GPT(GPTConfig(V, **SMALL)),
    "gpt-learned": lambda V: GPT(GPTConfig.gpt2(V, dropout=0.1, **SMALL)),
    "gpt-sinusoidal": lambda V: GPT(GPTConfig(V, positions="sinusoidal", **SMALL)),
    "gpt-modern": lambda V: GPT(GPTConfig.modern(V, **SMALL)),
}
every_model = pytest.mark.parametrize("name", list(MAKERS))


def counted(model):
    text = torch.randint(model.vocab_size, (4, 30), generator=torch.Generator().manual_seed(7))
    model.count(text[:, :-1], text[:, 1:])
    return model


def make(name, vocab_size=V):
    torch.manual_seed(0)
    return MAKERS[name](vocab_size).double().eval()


def ids(B, T, seed=0, vocab_size=V):
    return torch.randint(vocab_size, (B, T), generator=torch.Generator().manual_seed(seed))


@every_model
@pytest.mark.parametrize("grad", [True, False], ids=["grad", "no_grad"])
def test_reading_in_pieces_equals_reading_whole(name, grad):
    model, rng = make(name), random.Random(name)
    with torch.set_grad_enabled(grad):
        for trial in range(6):
            text = ids(rng.randint(1, 3), rng.randint(1, 24), seed=trial)
            whole, last = model.logits(text)
            cuts = sorted(rng.randint(0, text.shape[1]) for _ in range(rng.randint(0, 6)))
            state, pieces = None, []
            for start, stop in zip([0, *cuts], [*cuts, text.shape[1]], strict=True):
                logits, state = model.logits(text[:, start:stop], state)
                pieces.append(logits)
            close(torch.cat(pieces, dim=1), whole)
            if text.shape[1] < 24:  # what comes after depends on the state alone
                close(model.logits(text[:, :1], state)[0], model.logits(text[:, :1], last)[0])


@every_model
@torch.no_grad()
def test_a_state_can_be_continued_more_than_once(name):
    model, text = make(name), ids(2, 6)
    _, state = model.logits(text[:, :2])
    _, state = model.logits(text[:, 2:3], state)  # a GPT's cache has room behind by now
    for seed in (1, 2, 1):
        more = ids(2, 3, seed=seed)
        expected = model.logits(torch.cat([text[:, :3], more], dim=1))[0][:, 3:]
        close(model.logits(more, state)[0], expected)


@every_model
def test_nothing_is_seen_before_its_time(name):
    model, text = make(name), ids(1, 12)
    changed = text.clone()
    changed[0, 7] = (changed[0, 7] + 1) % V
    before, after = model.logits(text)[0], model.logits(changed)[0]
    assert torch.equal(before[:, :7], after[:, :7])
    if name not in ("ngram-1", "ngram-4", "gpt-modern"):  # an untrained modern GPT is constant
        assert not torch.equal(before[:, 7], after[:, 7])


@every_model
def test_rows_of_a_batch_do_not_meet(name):
    model, text = make(name), ids(4, 9)
    close(model.logits(text)[0][2:3], model.logits(text[2:3])[0])
    assert model.logits(text[:0])[0].shape == (0, 9, V)


@every_model
def test_config_and_state_dict_make_the_model_again(name):
    model = make(name)
    kind = model.name
    config = json.loads(json.dumps(model.config()))
    again = models.build(kind, config).double().eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.logits(ids(2, 9))[0], model.logits(ids(2, 9))[0])
    assert again.num_params() == model.num_params() > 0


@every_model
@pytest.mark.parametrize("vocab_size", [2, 65, 1000])
def test_the_first_loss_is_near_log_v(name, vocab_size):
    """Logits of variance s² cost about s²/2 nats above log V. The models begin with logits of
    standard deviation below 1, most far below: so at most half a nat, and never less than
    log V but by luck: the mean of 4,800 losses of spread below 1 strays by under 0.05."""
    torch.manual_seed(0)
    if name.startswith("ngram"):
        model = NGram(vocab_size, order=4)  # before it has counted
    else:
        model = MAKERS[name](vocab_size).eval()
    inputs, targets = ids(200, 24, 1, vocab_size), ids(200, 24, 2, vocab_size)
    loss = F.cross_entropy(model.logits(inputs)[0].flatten(0, 1), targets.flatten()).item()
    assert math.log(vocab_size) - 0.05 <= loss <= math.log(vocab_size) + 0.5
    if name == "gpt-modern" or name.startswith("ngram"):
        assert math.isclose(loss, math.log(vocab_size), rel_tol=1e-5)


@every_model
def test_every_parameter_learns(name):
    if name.startswith("ngram"):
        pytest.skip("nothing to differentiate")
    torch.manual_seed(0)
    model = MAKERS[name](V)
    for p in model.parameters():  # zeros (a modern GPT's outputs) would hide what stands behind
        torch.nn.init.normal_(p, std=0.3)
    text = ids(3, 20)
    F.cross_entropy(model(text)[0].flatten(0, 1), ids(3, 20, 1).flatten()).backward()
    for parameter, p in model.named_parameters():
        assert p.grad is not None, parameter
        assert p.grad.abs().max() > 0, parameter


@every_model
def test_ids_it_cannot_read_are_named(name):
    model = make(name)
    with pytest.raises(ValueError, match="token id 13 is outside the vocabulary of 13"):
        model.logits(torch.tensor([[0, 13]]))
    with pytest.raises(ValueError, match="token id -2 is outside"):
        model.logits(torch.tensor([[-2, 3]]))
    with pytest.raises(ValueError, match=r"shape \[3\].*\[batch, time\]"):
        model.logits(torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match=r"torch.float32.*whole numbers"):
        model.logits(torch.zeros(1, 2))


@pytest.mark.parametrize("name", [n for n in MAKERS if n.startswith("gpt")])
def test_a_text_longer_than_the_context_is_refused(name):
    model = make(name)
    with pytest.raises(ValueError, match=r"25 tokens long.*at most 24"):
        model.logits(ids(1, 25))
    _, state = model.logits(ids(1, 20))
    with pytest.raises(ValueError, match=r"25 tokens long.*at most 24"):
        model.logits(ids(1, 5), state)
    assert model.logits(ids(1, 4), state)[0].shape == (1, 4, V)


@every_model
def test_one_token_and_a_vocabulary_of_one(name):
    model = make(name, vocab_size=1)
    logits, state = model.logits(torch.zeros(1, 1, dtype=torch.long))
    close(F.softmax(logits.double(), dim=-1), torch.ones(1, 1, 1, dtype=torch.float64))
    assert model.logits(torch.zeros(1, 1, dtype=torch.long), state)[0].shape == (1, 1, 1)


def test_only_counting_models_count():
    with pytest.raises(TypeError, match=r"RNNLM learns by gradients; train it with train\.fit"):
        make("rnn").count(ids(1, 2), ids(1, 2))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'elman'; choose one of ngram, mlp"):
        models.build("elman", {})
    with pytest.raises(ValueError, match="positions is 'absolute'"):
        GPTConfig(V, positions="absolute")
    with pytest.raises(ValueError, match="norm is 'batch'"):
        GPTConfig(V, norm="batch")
    with pytest.raises(ValueError, match="window is 0"):
        MLPLM(V, window=0)


def test_num_params_of_a_gpt_by_hand():
    """Embedding V C (tied), positions n C, two norms and 12 C² + 9 C a layer, a last norm."""
    C, L, n = 16, 2, 24
    layer = 4 * C + (3 * C * C + 3 * C) + (C * C + C) + (4 * C * C + 4 * C) + (4 * C * C + C)
    assert make("gpt-learned").num_params() == V * C + n * C + L * layer + 2 * C


def test_the_mlp_sees_its_window_and_no_further():
    model, text = make("mlp"), ids(1, 10)
    changed = text.clone()
    changed[0, 2] = (changed[0, 2] + 1) % V
    difference = (model.logits(text)[0] - model.logits(changed)[0]).abs().amax((0, 2)) > 0
    assert difference.tolist() == [2 <= t < 6 for t in range(10)]


# --- Looking inside -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt", "gpt-learned", "gpt-modern"])
def test_attention_weights_are_laws_over_the_past(name):
    model = make(name)
    before = model.logits(ids(3, 7))[0]
    weights = model.attention_weights(ids(3, 7))
    assert weights.shape == (2, 3, 2, 7, 7)  # layers, B, H, T, T
    close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert (weights.triu(1) == 0).all()
    assert torch.equal(model.logits(ids(3, 7))[0], before)
    assert all(block.attention.last_weights is None for block in model.blocks)


def test_gates_are_the_lstms_own():
    torch.manual_seed(0)
    model = LSTMLM(V, hidden_size=16, num_layers=2).double()
    for layer in (0, 1):
        g = model.gates(ids(2, 9), layer)
        assert list(g) == ["i", "f", "g", "o", "c", "h"]
        assert all(x.shape == (2, 9, 16) for x in g.values())
        previous = torch.cat([torch.zeros(2, 1, 16), g["c"][:, :-1]], dim=1)
        close(g["c"], g["f"] * previous + g["i"] * g["g"])
        close(g["h"], g["o"] * torch.tanh(g["c"]))
    close(model.head(g["h"]), model.logits(ids(2, 9))[0])


@pytest.mark.parametrize("Model", [RNNLM, LSTMLM, GRULM])
def test_unrolled_states_show_how_one_depends_on_another(Model):
    """∂h_9/∂h_2 from the graph equals the product of the Jacobians of single steps."""
    torch.manual_seed(0)
    model = Model(V, hidden_size=6).double()
    text = ids(1, 10)
    logits, states = model.unroll(text)
    close(logits, model.logits(text)[0])
    if Model is LSTMLM:
        states = [s[0] for s in states]
        (gradient,) = torch.autograd.grad(states[9].sum(), states[2])
        assert gradient.abs().max() > 0
        return
    v = randn(1, 6, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((states[9] * v).sum(), states[2])
    x = model.embedding(text)
    for t in range(9, 2, -1):
        step = lambda h, t=t: model.layers[0].step(x[:, t], h)  # noqa: E731
        J = torch.autograd.functional.jacobian(step, states[t - 1].detach())[0, :, 0]  # [C, C]
        v = v @ J
    close(gradient, v)


def test_unroll_follows_one_layer():
    with pytest.raises(ValueError, match="one layer; this model has 2"):
        LSTMLM(V, num_layers=2).unroll(ids(1, 3))

"""Reading and changing a GPT's residual stream: exact where it must be, and never for good."""

import pytest
import torch

from llmbook import interpret, ops
from llmbook.generate import generate
from llmbook.models import BERT, BERTConfig
from parity import close
from test_models import MAKERS, V, ids, make

every_gpt = pytest.mark.parametrize("name", [n for n in MAKERS if n.startswith("gpt")])


def lively(name):
    """A model none of whose weights is zero: an untrained modern GPT would be the identity."""
    model = make(name)
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.2 * torch.randn(p.shape, generator=source, dtype=p.dtype)
    return model


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@every_gpt
def test_the_lens_at_the_last_stream_is_the_model(name):
    model, text = lively(name), ids(3, 9)
    laws = interpret.logit_lens(model, text)
    assert laws.shape == (3, 3, 9, V)
    close(laws[-1], model.logits(text)[0].log_softmax(-1).detach())
    close(laws.exp().sum(-1), torch.ones(3, 3, 9, dtype=torch.float64))


@every_gpt
def test_the_streams_are_what_goes_from_block_to_block(name):
    model, text = lively(name), ids(2, 7)
    streams = interpret.residuals(model, text)
    close(streams[0], model.embed(text, 0).detach())
    for s, block in enumerate(model.blocks):
        close(block(streams[s], causal=True)[0].detach(), streams[s + 1])


@every_gpt
def test_nothing_is_left_behind(name):
    model, text = lively(name).train(), ids(2, 6)
    before = {k: p.clone() for k, p in model.state_dict().items()}
    streams = interpret.residuals(model, text)
    interpret.logit_lens(model, text)
    interpret.patch(model, text, 1, streams[1], [2])
    interpret.prefix_matching(model, interpret.repeated(range(V), 5, 2), 5)
    with interpret.ablate(model, (0, 1), (1, 0)):
        assert hooks(model) == 2
    assert hooks(model) == 0
    assert model.training
    assert all(torch.equal(before[k], p) for k, p in model.state_dict().items())


@every_gpt
def test_hooks_go_even_after_an_error(name):
    model, text = lively(name).train(), ids(1, 5)
    wrong = ids(1, 5) + V  # outside the vocabulary
    with pytest.raises(ValueError, match="outside the vocabulary"):
        interpret.residuals(model, wrong)
    with pytest.raises(ValueError, match="outside the vocabulary"):
        interpret.patch(model, wrong, 0, torch.zeros(1, 5, 16))
    with pytest.raises(ZeroDivisionError), interpret.ablate(model, (0, 0)):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), interpret.edit(model, 1, lambda x: x / 0):
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="no head"), interpret.ablate(model, (0, 0), (0, 2)):
        pass  # the first hook was in by then
    assert hooks(model) == 0
    assert model.training
    close(model.eval().logits(text)[0], lively(name).logits(text)[0])


@every_gpt
def test_ablating_nothing_changes_nothing(name):
    model, text = lively(name), ids(2, 8)
    with interpret.ablate(model):
        again = model.logits(text)[0]
    assert torch.equal(again, model.logits(text)[0])


@every_gpt
def test_an_ablated_head_is_one_whose_output_weights_are_zero(name):
    model, text = lively(name), ids(2, 8)
    whole = model.logits(text)[0]
    with interpret.ablate(model, (1, 1)):
        came = model.logits(text)[0]
    with torch.no_grad():
        model.blocks[1].attention.out.weight[:, 8:] = 0.0
    close(came, model.logits(text)[0])
    assert (came - whole).abs().max() > 1e-3


@every_gpt
def test_generation_feels_an_ablation(name):
    model = lively(name)
    silent = [(layer, head) for layer in range(2) for head in range(2)]
    options = {"max_new_tokens": 4, "temperature": 0.0}
    text = ids(1, 6)
    with interpret.ablate(model, *silent):
        slow = generate(model, text, **options)
        step = model.reader()(text, None)[0]
        close(step, model.logits(text)[0])
    with torch.no_grad():
        for block in model.blocks:
            block.attention.out.weight.zero_()
    assert torch.equal(torch.as_tensor(slow), torch.as_tensor(generate(model, text, **options)))


@every_gpt
def test_patching_everything_gives_the_other_run(name):
    model, a, b = lively(name), ids(2, 8), ids(2, 8, seed=1)
    streams, clean = interpret.residuals(model, b), model.logits(b)[0].detach()
    for layer in range(3):
        close(interpret.patch(model, a, layer, streams[layer]), clean)
        close(interpret.patch(model, a, layer, streams[layer], []), model.logits(a)[0].detach())


@every_gpt
def test_a_patch_is_felt_from_its_position_on(name):
    model, a = lively(name), ids(1, 8)
    streams = interpret.residuals(model, ids(1, 8, seed=1))
    before = model.logits(a)[0].detach()
    for layer in range(3):
        after = interpret.patch(model, a, layer, streams[layer], [4])
        close(after[:, :4], before[:, :4])
        changed = (after - before).abs().amax(-1)[0] > 1e-9
        assert changed[4]
        assert bool(changed[5:].any()) == (layer < 2)


def test_one_word_is_carried_by_its_own_position_at_the_embedding():
    model, a = lively("gpt"), ids(1, 8)
    b = a.clone()
    b[0, 3] = (b[0, 3] + 1) % V
    streams = interpret.residuals(model, b)
    close(interpret.patch(model, a, 0, streams[0], [3]), model.logits(b)[0].detach())


def test_kl_agrees_with_its_sum_and_bears_impossible_words():
    p, q = torch.tensor([0.5, 0.5, 0.0]).log(), torch.tensor([0.25, 0.25, 0.5]).log()
    assert interpret.kl(p, q).item() == pytest.approx(torch.tensor(2.0).log().item())
    assert interpret.kl(p, p).item() == 0
    assert interpret.kl(q, p).isinf()


def test_a_perfect_induction_head_scores_one(monkeypatch):
    model, L = lively("gpt"), 5
    text = interpret.repeated(range(V), L, 4, start=0)
    T = text.shape[1]
    weights = torch.zeros(2, 4, 2, T, T)
    for t in range(1, T):
        weights[1, :, 0, t, max(0, t - (L - 1))] = 1.0  # looks at what came after the copy
        weights[0, :, 1, t, t - 1] = 1.0  # looks one back
    monkeypatch.setattr(model, "attention_weights", lambda _: weights)
    scores = interpret.prefix_matching(model, text, L)
    assert scores.tolist() == [[0, 0], [1, 0]]
    assert interpret.back(weights, 1)[0, :, 1].mean() == 1


def test_repeated_says_everything_twice():
    text = interpret.repeated(range(3, V), 6, 50, seed=2, start=1)
    assert text.shape == (50, 13)
    assert (text[:, 0] == 1).all()
    assert torch.equal(text[:, 1:7], text[:, 7:])
    assert all(len(set(row)) == 6 for row in text[:, 1:7].tolist())  # one earlier place each
    assert set(text[:, 1:].flatten().tolist()) == set(range(3, V))
    assert not torch.equal(text, interpret.repeated(range(3, V), 6, 50, seed=3, start=1))
    short = interpret.repeated([4, 5], 6, 3)  # fewer tokens than places: they must come again
    assert torch.equal(short[:, :6], short[:, 6:])
    assert set(short.flatten().tolist()) == {4, 5}


def test_a_probe_finds_what_is_there_and_nothing_where_nothing_is():
    source = torch.Generator().manual_seed(0)
    y = torch.randint(3, (600,), generator=source)
    noise = torch.randn(600, 8, generator=source)
    x = noise + 6 * torch.eye(8)[y] + 100  # far from the origin: centring must see to it
    found = interpret.probe(x[:400], y[:400], 3)
    assert found.accuracy(x[400:], y[400:]) > 0.97
    assert found(x).shape == (600, 3)
    empty = interpret.probe(noise[:400], y[:400], 3)
    assert empty.accuracy(noise[400:], y[400:]) < 0.45  # a third, and three standard errors


def test_a_probe_is_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    source = torch.Generator().manual_seed(3)
    x = torch.randn(200, 4, generator=source, dtype=torch.float64)
    y = (x @ torch.randn(4, 3, generator=source, dtype=torch.float64)).argmax(-1)
    y[::7] = 0
    x = (x - x.mean(0)) / (x - x.mean(0)).square().mean().sqrt()
    decay = 1e-2
    ours = interpret.probe(x, y, 3, decay=decay, steps=500)
    theirs = LogisticRegression(C=1 / (2 * decay * len(x)), tol=1e-10, max_iter=1000).fit(x, y)
    expected = torch.tensor(theirs.predict_log_proba(x))
    torch.testing.assert_close(
        ours(x.float()).double().log_softmax(-1), expected, rtol=1e-3, atol=1e-3
    )


def test_a_probe_does_not_mind_the_unit():
    source = torch.Generator().manual_seed(4)
    x, y = torch.randn(90, 5, generator=source), torch.arange(90) % 3
    small, large = interpret.probe(x, y, 3), interpret.probe(1000 * x, y, 3)
    torch.testing.assert_close(small(x), large(1000 * x), rtol=1e-3, atol=1e-3)


def test_errors_say_what_to_do():
    model, text = lively("gpt"), ids(2, 5)
    with pytest.raises(TypeError, match="give a GPT"):
        interpret.residuals(BERT(BERTConfig(V, hidden_size=16, num_heads=2, num_layers=1)), text)
    with pytest.raises(ValueError, match=r"stream 3 .* 0 to 2"):
        interpret.patch(model, text, 3, torch.zeros(2, 5, 16))
    with pytest.raises(ValueError, match="same number"):
        interpret.patch(model, text, 0, torch.zeros(2, 4, 16))
    with pytest.raises(ValueError, match="N > 0"):
        interpret.probe(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), 2)
    with pytest.raises(ValueError, match="0 to 1"):
        interpret.probe(torch.zeros(2, 3), torch.tensor([0, 2]), 2)


def test_the_equation_of_the_lens():
    """The last norm and the head, by the book's own equations, on a stream between two blocks."""
    model, text = lively("gpt"), ids(1, 4)
    x = interpret.residuals(model, text)[1]
    normed = ops.layer_norm(x, model.norm.weight, model.norm.bias, model.norm.eps)
    close(interpret.read(model, x), (normed @ model.head.weight.T).detach())

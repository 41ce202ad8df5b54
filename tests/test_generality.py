"""The parts of a loss add up, mean what they say, and adapting does what its log holds."""

import math

import pytest
import torch

from llmbook import generality as g
from llmbook import zoo
from llmbook.corpora import shifted
from llmbook.corpora.source import END, Source, Step
from llmbook.data import Stories
from llmbook.evaluate import perplexity
from llmbook.models import GPT, LSTMLM, GPTConfig
from llmbook.zoo import adapting


class Coins(Source):
    """Three tosses of a coin that may have a third side."""

    def __init__(self, law):
        self.law = law

    def story(self):
        for _ in range(3):
            yield Step(self.law, "toss")
        yield Step({END: 1.0}, "end")


def reader(law):
    return lambda words: [law] * 3 + [{END: 1.0}]


FAIR, BENT = {"h": 0.5, "t": 0.5}, {"h": 0.9, "t": 0.1}


def test_a_perfect_model_has_no_failure_and_pays_the_divergence():
    new = Coins(BENT)
    stories = new.sample(0, 4_000)
    ground = g.survey(new, reader(FAIR), stories)
    parts = ground.parts(-ground.old)  # the model is the old law itself
    assert parts.failure.abs().max() < 1e-12
    assert parts.surprise.abs().max() == 0
    tosses = torch.tensor([tag == "toss" for tag in parts.tags])
    expected = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    error = float(parts.price[tosses].std()) / math.sqrt(int(tosses.sum()))
    assert abs(float(parts.price[tosses].mean()) - expected) < 5 * error


def test_a_place_with_a_forbidden_word_is_surprise_whatever_came():
    new = Coins({"h": 0.5, "edge": 0.5})
    stories = [["h", "edge", "h"]]
    ground = g.survey(new, reader(FAIR), stories)
    assert ground.covered.tolist() == [False, False, False, True]
    losses = torch.tensor([1.0, 2.0, 3.0, 0.25])
    parts = ground.parts(losses)
    floor = math.log(2)
    assert parts.surprise.tolist() == pytest.approx([1 - floor, 2 - floor, 3 - floor, 0])
    assert parts.price.tolist() == [0, 0, 0, 0]
    assert parts.failure.tolist() == pytest.approx([0, 0, 0, 0.25])
    assert parts.loss.tolist() == pytest.approx(losses.tolist())
    assert parts.by_tag() == pytest.approx({"end": 0.25})  # no toss is covered


@pytest.mark.parametrize("name", list(shifted.SHIFTS))
def test_the_parts_add_up_to_the_loss_of_any_model(name):
    shift = shifted.SHIFTS[name]
    stories = shifted.stories(shift, "valid", 12)
    ground = g.survey(shift.source, shifted.READER.laws_along, stories)
    words = sorted({w for s in stories for w in s})
    ids = {w: i for i, w in enumerate([END, *words])}
    torch.manual_seed(0)
    model = LSTMLM(len(ids), hidden_size=8)
    data = Stories([[ids[w] for w in s] for s in stories], end=0)
    scored = perplexity(model, data, floor=shift.source.floor(stories).logprobs)
    parts = ground.parts(scored.losses)
    torch.testing.assert_close(parts.loss, scored.losses)
    assert parts.mean("loss") == pytest.approx(scored.nats)
    assert parts.mean("floor") == pytest.approx(scored.nats - scored.excess)
    assert parts.interval("failure", 100).estimate == pytest.approx(parts.mean("failure"))
    with pytest.raises(ValueError, match="same stories"):
        ground.parts(scored.losses[1:])


def test_prices_are_zero_where_nothing_but_words_changed():
    for name in ("swapped", "newcomers", "reversed"):
        shift = shifted.SHIFTS[name]
        ground = g.survey(
            shift.source, shifted.READER.laws_along, shifted.stories(shift, "valid", 30)
        )
        parts = ground.parts(-ground.new)
        assert parts.price.abs().max() < 1e-9
        assert not ground.covered.all()


def some_parts(tags, failure, covered=None):
    n = len(tags)
    covered = torch.ones(n, dtype=torch.bool) if covered is None else torch.tensor(covered)
    zero, failure = torch.zeros(n).double(), torch.tensor(failure).double()
    return g.Parts(zero, zero, zero, failure, covered, tags, torch.tensor([n // 2, n - n // 2]))


def test_the_gap_is_the_kitagawa_rest():
    home = some_parts(["a", "a", "a", "b"], [1.0, 3.0, 2.0, 0.0])  # rates 2 and 0
    away = some_parts(["a", "b", "b", "b", "new"], [2.0, 0.5, 0.0, 0.1, 4.0])
    mix = (2 * 1 + 0 * 3 + 0) / 5 - home.mean("failure")
    rest = g.gap(home, away, 50).estimate
    assert rest == pytest.approx(((2 - 2) + 0.6 + 4.0) / 5)
    assert mix + rest == pytest.approx(away.mean("failure") - home.mean("failure"))
    assert g.gap(home, home, 50).estimate == pytest.approx(0)


def test_what_is_not_covered_is_expected_to_have_no_failure():
    home = some_parts(["a", "a"], [1.0, 1.0])
    away = some_parts(["a", "a"], [0.0, 1.0], covered=[False, True])
    assert g.expected(home, away).tolist() == [0, 1]
    assert g.gap(home, away, 50).estimate == 0


MODELS = {
    "gpt": lambda: GPT(GPTConfig(9, context=16, hidden_size=8, num_heads=2, num_layers=1)),
    "untied": lambda: GPT(
        GPTConfig(9, context=16, hidden_size=8, num_heads=2, num_layers=1, tie=False)
    ),
    "lstm": lambda: LSTMLM(9, hidden_size=8),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_widened_model_says_of_old_words_what_it_said(make):
    torch.manual_seed(0)
    model = make()
    wide = g.widened(model, 4, seed=1)
    ids = torch.randint(9, (2, 6))
    old, new = model.logits(ids)[0], wide.logits(ids)[0]
    assert new.shape == (2, 6, 13)
    torch.testing.assert_close(new[..., :9], old)
    wide.logits(torch.tensor([[12]]))
    again = g.widened(model, 4, seed=1).state_dict()
    assert all(torch.equal(p, again[name]) for name, p in wide.state_dict().items())
    if make is MODELS["gpt"]:
        assert wide.head.weight is wide.embedding.weight


def test_the_cache_against_a_slow_count_and_against_the_formula():
    torch.manual_seed(0)
    words, states = torch.randint(4, (40,)), torch.randn(40, 5)
    counted = g.cache_prob(states, words, 0.0, 10)
    for t in range(40):
        past = words[max(0, t - 10) : t].tolist()
        share = past.count(int(words[t])) / len(past) if past else 0.0
        assert float(counted[t]) == pytest.approx(share)
    likened = g.cache_prob(states, words, 3.0, 10)
    t, h = 25, states.double() / states.double().norm(dim=1, keepdim=True)
    weights = [math.exp(3 * float(h[i] @ h[t])) for i in range(15, 25)]
    mine = sum(w for w, i in zip(weights, range(15, 25), strict=True) if words[i] == words[t])
    assert float(likened[t]) == pytest.approx(mine / sum(weights))


def test_the_cache_is_a_law():
    """Over all words that might come, its probabilities sum to one."""
    torch.manual_seed(0)
    words, states = torch.randint(4, (20,)), torch.randn(20, 5)
    total = 0.0
    for w in range(4):
        words[-1] = w
        total += float(g.cache_prob(states, words, 2.0, 8)[-1])
    assert total == pytest.approx(1)


def test_no_share_no_cache():
    logprobs = torch.tensor([-1.0, -2.0]).double()
    assert torch.equal(g.mixed(logprobs, torch.tensor([0.3, 0.0]).double(), 0.0).round(decimals=12),
                       -logprobs)  # fmt: skip
    assert g.mixed(logprobs, torch.tensor([1.0, 0.0]).double(), 0.5)[1] == pytest.approx(
        2 + math.log(2)
    )


def test_reading_along_gives_the_losses_of_perplexity():
    torch.manual_seed(0)
    model = MODELS["gpt"]().eval()
    data = Stories([[1, 2, 3], [4], [5, 6]], end=0)
    states, logprobs, words = g.read_along(model, data)
    assert states.shape == (9, 8)
    assert words.tolist() == [1, 2, 3, 0, 4, 0, 5, 6, 0]
    torch.testing.assert_close(-logprobs, perplexity(model, data).losses, rtol=1e-5, atol=1e-6)


def test_the_log_holds_every_run_of_the_plan():
    log = adapting.read()
    assert list(log) == [name for name, _ in adapting.jobs(log)]
    assert adapting.PREDICTED.keys() == shifted.SHIFTS.keys()
    for name in adapting.SHIFTED:
        for way, rates in adapting.RATES.items():
            best = adapting.rate(log, name, way)
            assert best in rates
            assert log[f"rate/{name}/{way}/{best:g}"]["new"] == min(
                log[f"rate/{name}/{way}/{r:g}"]["new"] for r in rates
            )
        mean, low, high = adapting.curve(log, name, "full", "new")[64]
        assert low <= mean <= high


@pytest.mark.parametrize("way", ["full", "lora", "embedding", "rows"])
def test_each_way_moves_what_it_says(way):
    model, ids = adapting.start("newcomers", way, 0)
    assert len(ids) == model.vocab_size
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    adapting.adapt(model, "newcomers", ids, 4, 1e-2, 0)
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    if way == "full":
        assert len(moved) > 20
    elif way == "lora":
        assert moved
        assert all(n.endswith((".A", ".B")) for n in moved)
    else:
        assert moved == {"embedding.weight"}
    if way == "rows":
        old = len(zoo.load("tales-gpt")[1])
        assert torch.equal(model.embedding.weight[:old], before["embedding.weight"][:old])


def test_a_logged_run_comes_out_again_where_nothing_is_trained():
    log = adapting.read()
    came = adapting.run("reversed", "none", 0, 0.0, 0)
    assert came == pytest.approx(log["reversed/none/0/0"], abs=2e-3)

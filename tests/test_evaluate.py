"""Perplexity is a property of model and text: not of batches, padding or order."""

import math
import random
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from llmbook import models
from llmbook.corpora import tales
from llmbook.data import Stories, Stream
from llmbook.evaluate import perplexity, token_nats

V = 13
EXACT = {"rel": 1e-12, "abs": 0}
STORIES = [[(7 * i + j * j) % (V - 1) + 1 for j in range(i * 5 % 17)] for i in range(23)]
TAGS = [[f"tag {j % 3}" for j in range(len(story) + 1)] for story in STORIES]
FLOOR = [[-0.01 * (j + 1) for j in range(len(story) + 1)] for story in STORIES]
CONFIGS = {
    "mlp": {"embedding_size": 4, "hidden_size": 8, "window": 3},
    "rnn": {"hidden_size": 8},
    "lstm": {"hidden_size": 8, "num_layers": 2},
    "gru": {"hidden_size": 8},
    "gpt": {"context": 20, "hidden_size": 8, "num_heads": 2, "num_layers": 2, "dropout": 0.5},
}


class Law(nn.Module):
    """A language model from any function of the ids before: its logits are log-probabilities."""

    def __init__(self, vocab_size, law):
        super().__init__()
        self.vocab_size, self.context, self.law = vocab_size, None, law

    def logits(self, ids, state=None):
        return torch.stack([self.law(row) for row in ids.tolist()]), None


def build(name):
    torch.manual_seed(1)
    model = models.build(name, {"vocab_size": V} | CONFIGS[name]).double()
    with torch.no_grad():  # laws far from uniform, so that a lost or doubled token shows
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
    return model


def by_hand(model, stories, end=0):
    """Every story alone, no padding, summed by math.fsum."""
    losses = []
    for story in stories:
        ids = torch.tensor([[end, *story, end]])
        with torch.no_grad():
            law = model.eval().logits(ids[:, :-1])[0].log_softmax(-1)
        losses += (-law[0].gather(1, ids[0, 1:, None])).flatten().tolist()
    return losses


@pytest.mark.parametrize("name", CONFIGS)
def test_no_batch_size_padding_or_order_changes_the_result(name):
    model = build(name)
    losses = by_hand(model, STORIES)
    expected = math.fsum(losses) / len(losses)
    shuffled = random.Random(0).sample(STORIES, len(STORIES))
    for stories in (STORIES, shuffled, STORIES[::-1]):
        for batch_size in (1, 2, 7, 100):
            found = perplexity(model, Stories(stories, end=0), batch_size=batch_size)
            assert found.nats == pytest.approx(expected, **EXACT)
            assert found.perplexity == pytest.approx(math.exp(expected), **EXACT)
            assert found.tokens == len(losses)


@pytest.mark.parametrize("name", CONFIGS)
def test_losses_stand_in_the_order_of_the_data(name):
    model = build(name)
    found = perplexity(model, Stories(STORIES, end=0), batch_size=4).losses
    torch.testing.assert_close(found, torch.tensor(by_hand(model, STORIES), dtype=torch.double))


def test_tokens_weigh_the_same_however_long_their_story():
    """The fault of averaging averages: one surprising short text beside a long, sure one."""
    law = torch.tensor([0.5, 0.25, 0.25]).log()
    model = Law(3, lambda row: law.expand(len(row), -1))
    found = perplexity(model, Stories([[], [1] * 99], end=0), batch_size=1)
    assert found.nats == pytest.approx((2 * math.log(2) + 99 * math.log(4)) / 101)


@pytest.mark.parametrize("vocab_size", [1, 2, 3, 10, 84, 1000, 50257])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_uniform_models_perplexity_is_the_size_of_its_vocabulary(vocab_size, dtype):
    flat = torch.full((vocab_size,), 0.7, dtype=dtype)
    model = Law(vocab_size, lambda row: flat.expand(len(row), -1))
    data = Stream([i % vocab_size for i in range(100)], context=9)
    for batch_size in (1, 8):
        assert perplexity(model, data, batch_size=batch_size).perplexity == pytest.approx(
            vocab_size, **EXACT
        )


def test_the_sources_own_law_gives_the_floor():
    ids = {word: i for i, word in enumerate(tales.WORDS)}
    stories = tales.sample(seed=5, n=40)
    floor = tales.floor(stories)

    def law(row):
        """The source's law after each id of a row that begins with the end; beyond a story's
        end (the padding) there is none, and nothing is asked."""
        words = [tales.WORDS[i] for i in row[1:]]
        while words and words[-1] == tales.END:
            words.pop()
        table = torch.full((len(row), len(ids)), -math.inf, dtype=torch.float64)
        for place, step in enumerate(tales.laws(words)):
            for word, chance in step.law.items():
                table[place, ids[word]] = math.log(chance)
        table[len(words) + 1 :] = 0.0
        return table

    data = Stories([[ids[w] for w in story] for story in stories], end=ids[tales.END])
    for batch_size in (1, 16):
        found = perplexity(
            Law(len(ids), law), data, batch_size=batch_size, floor=floor.logprobs, tags=floor.tags
        )
        assert found.nats == pytest.approx(floor.nats, **EXACT)
        assert found.perplexity == pytest.approx(floor.perplexity, **EXACT)
        assert found.excess == pytest.approx(0, abs=1e-12)
        assert {t: (r.nats, r.tokens) for t, r in found.by_tag.items()} == {
            tag: (pytest.approx(nats, rel=1e-12, abs=1e-15), tokens)
            for tag, (nats, tokens) in floor.by_tag.items()
        }


def test_tags_part_the_tokens_and_excess_adds_up():
    model = build("gpt")
    found = perplexity(model, Stories(STORIES, end=0), floor=FLOOR, tags=TAGS)
    losses, flat = by_hand(model, STORIES), [t for tags in TAGS for t in tags]
    for tag, result in found.by_tag.items():
        mine = [x for x, t in zip(losses, flat, strict=True) if t == tag]
        assert result.tokens == len(mine)
        assert result.nats == pytest.approx(math.fsum(mine) / len(mine), **EXACT)
    assert sum(r.tokens for r in found.by_tag.values()) == found.tokens
    total = math.fsum(r.excess * r.tokens for r in found.by_tag.values())
    assert total / found.tokens == pytest.approx(found.excess, **EXACT)
    floors = [x for story in FLOOR for x in story]
    assert found.excess == pytest.approx(found.nats + math.fsum(floors) / len(floors), **EXACT)


@pytest.mark.parametrize("stride", [None, 1, 3, 8])
@pytest.mark.parametrize("n", [9, 10, 30, 33])
def test_windows_of_a_stream_against_a_loop_over_them(n, stride):
    model, context = build("gpt"), 8
    ids = torch.tensor([(i * i + 3) % V for i in range(n)])
    step, losses = stride or context, {}
    with torch.no_grad():
        for start in range(0, n - 1, step):
            piece = ids[start : start + context + 1]
            law = model.eval().logits(piece[None, :-1])[0][0].log_softmax(-1)
            for place, target in enumerate(piece[1:].tolist()):
                losses.setdefault(start + place, -float(law[place, target]))
    expected = [losses[i] for i in range(n - 1)]
    for batch_size in (1, 3, 50):
        found = perplexity(model, Stream(ids, context), batch_size=batch_size, stride=stride)
        assert found.tokens == n - 1
        torch.testing.assert_close(found.losses, torch.tensor(expected, dtype=torch.double))


def test_a_state_makes_the_window_no_longer_matter():
    """With an unlimited context one window is the whole text, and any model can be so scored."""
    model, ids = build("lstm"), torch.tensor([(i * i + 3) % V for i in range(40)])
    whole = perplexity(model, Stream(ids, context=39)).nats
    law = model.logits(ids[None, :-1])[0][0].log_softmax(-1)
    assert whole == pytest.approx(-law.gather(1, ids[1:, None]).mean().item(), **EXACT)


def test_a_look_at_some_batches_spreads_them_over_the_text():
    model = Law(2, lambda row: torch.tensor([[0.0, 1.0]]).expand(len(row), -1))
    data = Stream(torch.tensor([0] * 51 + [1] * 50), context=10)  # the text changes half-way
    whole = perplexity(model, data, batch_size=1)
    look = perplexity(model, data, batch_size=1, max_batches=2)
    assert look.tokens == 20
    assert look.nats == pytest.approx(whole.nats)
    assert perplexity(model, data, batch_size=1, max_batches=99) == whole


def test_the_model_is_left_as_it_was():
    model = build("gpt")
    for training in (True, False):
        model.train(training)
        before = torch.get_rng_state()
        first, second = (perplexity(model, Stories(STORIES, 0)).nats for _ in range(2))
        assert first == second  # no dropout while scoring
        assert model.training is training
        assert torch.equal(before, torch.get_rng_state())
        assert all(p.grad is None for p in model.parameters())


def test_impossible_and_broken_are_told_apart():
    law = torch.tensor([0.0, -math.inf])
    impossible = Law(2, lambda row: law.expand(len(row), -1))
    found = perplexity(impossible, Stream([0, 1, 0], 2))
    assert found.nats == found.perplexity == math.inf
    broken = Law(2, lambda row: torch.full((len(row), 2), math.nan))
    assert math.isnan(perplexity(broken, Stream([0, 1, 0], 2)).nats)
    sure = Law(2, lambda row: torch.tensor([[0.0, -800.0]]).expand(len(row), -1))
    assert perplexity(sure, Stream([1, 1], 1)).perplexity == math.inf


def test_large_vocabularies_go_in_slices():
    logits = torch.randn(50, 100_000, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(50)
    whole = nn.functional.cross_entropy(logits.double(), targets, reduction="none")
    assert torch.equal(token_nats(logits, targets), whole)
    assert len(token_nats(logits[:0], targets[:0])) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"floor": FLOOR[1:]}, "floor holds"),
        ({"tags": [tags[1:] for tags in TAGS]}, "for every token of every story and one"),
        ({"max_batches": 0}, "max_batches is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"stride": 2}, "stride is for a Stream"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        perplexity(build("gpt"), Stories(STORIES, end=0), **arguments)


def test_a_text_too_long_for_the_model_is_named():
    model = SimpleNamespace(context=5)
    with pytest.raises(ValueError, match="inputs of 7 tokens; the model's context is 5"):
        perplexity(model, Stream(range(10), 7))

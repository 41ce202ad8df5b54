"""Writing with a model: greedy, sampled, cut, stopped, beyond the context."""

import math

import pytest
import torch

from llmbook.generate import choose, generate, keep_top_k, keep_top_p, next_word
from llmbook.models.base import LanguageModel
from test_models import MAKERS, V, every_model, ids, make


class Cycle(LanguageModel):
    """After token t comes t + 1, with logit ``sure`` above the rest."""

    name = "cycle"

    def __init__(self, vocab_size=5, sure=50.0):
        super().__init__()
        self.vocab_size = vocab_size
        self.register_buffer("table", sure * torch.eye(vocab_size).roll(1, dims=1))

    def logits(self, ids, state=None):
        return self.table[self.checked(ids)], None


@every_model
@pytest.mark.parametrize("options", [{"temperature": 0}, {"seed": 3}, {"seed": 3, "top_k": 4}])
def test_the_cache_changes_nothing(name, options):
    model = make(name)
    for new in (5, 40):  # 40 goes beyond the context of 24
        cached = generate(model, ids(2, 4), new, use_cache=True, **options)
        plain = generate(model, ids(2, 4), new, use_cache=False, **options)
        assert cached == plain
        assert [len(row) for row in cached] == [new, new]


@pytest.mark.parametrize("name", ["lstm", "gpt", "ngram-4"])
def test_a_seed_repeats_and_leaves_the_global_generator_alone(name):
    model = make(name)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = generate(model, [1, 2], 20, seed=7)
    assert torch.equal(torch.rand(1), expected)
    assert generate(model, [1, 2], 20, seed=7) == first
    assert any(generate(model, [1, 2], 20, seed=s) != first for s in range(3))


def test_lists_give_lists_and_batches_give_batches():
    model = Cycle()
    assert generate(model, [0], 6, temperature=0) == [1, 2, 3, 4, 0, 1]
    assert generate(model, torch.tensor([0, 3]), 3, temperature=0) == [4, 0, 1]
    assert generate(model, torch.tensor([[0], [2]]), 2, temperature=0) == [[1, 2], [3, 4]]
    assert generate(model, [0], 0) == []


def test_stop_is_left_out_and_ends_each_row_for_itself():
    model = Cycle()
    assert generate(model, [0], 9, temperature=0, stop=3) == [1, 2]
    assert generate(model, [2], 9, temperature=0, stop=3) == []
    assert generate(model, [3], 2, temperature=0, stop=3) == [4, 0]
    rows = generate(model, torch.tensor([[0], [2], [3]]), 9, temperature=0, stop=3)
    assert rows == [[1, 2], [], [4, 0, 1, 2]]


def test_draws_follow_the_law():
    """Chi-square over 20,000 draws of five words: 23.5 is exceeded once in 10,000 times."""
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0, 0.5]).expand(20_000, 5)
    for temperature in (1.0, 2.0, 0.5):
        g = torch.Generator().manual_seed(0)
        drawn = choose(logits, temperature, generator=g).bincount(minlength=5)
        expected = 20_000 * (logits[0] / temperature).softmax(-1)
        assert ((drawn - expected) ** 2 / expected).sum() < 23.5


def test_temperature_goes_from_greedy_to_uniform():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    assert choose(logits, 0).tolist() == [1]
    g = torch.Generator().manual_seed(0)
    assert set(choose(logits.expand(300, 3), 1e-4, generator=g).tolist()) == {1}
    drawn = choose(logits.expand(30_000, 3), math.inf, generator=g).bincount(minlength=3)
    assert (drawn > 9_500).all()


def test_top_k_and_top_p_keep_the_likeliest():
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.15, 0.25], [0.97, 0.01, 0.01, 0.01]]))

    def kept(x):
        return [row.isfinite().nonzero().flatten().tolist() for row in x]

    assert kept(keep_top_k(logits, 1)) == [[1], [0]]
    assert kept(keep_top_k(logits, 2))[0] == [1, 3]
    assert kept(keep_top_k(logits, 99)) == [[0, 1, 2, 3]] * 2
    assert kept(keep_top_p(logits, 0.5)) == [[1], [0]]
    assert kept(keep_top_p(logits, 0.6)) == [[1, 3], [0]]
    assert kept(keep_top_p(logits, 0.76))[0] == [1, 2, 3]
    assert kept(keep_top_p(logits, 1.0)) == [[0, 1, 2, 3]] * 2
    assert kept(keep_top_p(logits, 1e-9)) == [[1], [0]]


def test_ties_at_the_edge_of_top_k_still_leave_k():
    assert keep_top_k(torch.zeros(1, 6), 2).isfinite().sum() == 2


@every_model
def test_next_word_is_the_law_after_the_text(name):
    model = make(name)
    law = next_word(model, [1, 2, 3])
    assert law.shape == (V,)
    assert math.isclose(law.sum(), 1, rel_tol=1e-9)
    assert torch.allclose(law, model.logits(torch.tensor([[1, 2, 3]]))[0][0, -1].softmax(-1))


def test_next_word_of_a_text_beyond_the_context_reads_its_end():
    model, text = make("gpt"), ids(1, 60)
    assert torch.equal(next_word(model, text[0]), next_word(model, text[0, -24:]))


def test_training_mode_comes_back_even_after_an_error():
    model = MAKERS["lstm"](V).train()
    generate(model, [1], 2)
    assert model.training
    with pytest.raises(ValueError, match="outside the vocabulary"):
        generate(model, [V], 2)
    assert model.training
    with pytest.raises(ValueError, match="outside the vocabulary"):
        next_word(model, [V])
    assert model.training
    assert next_word(model.eval(), [1]) is not None
    assert not model.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature is -1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0}, "top_p is 0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"max_new_tokens": -1}, "max_new_tokens is -1"),
    ],
)
def test_options_that_make_no_sense_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        generate(Cycle(), [0], **{"max_new_tokens": 3, **options})


@pytest.mark.parametrize(
    ("prompt", "message"),
    [([], "at least one token"), ([[1], [1, 2]], "different lengths"), ("ab", "list of ids")],
)
def test_prompts_that_make_no_sense_are_named(prompt, message):
    with pytest.raises(ValueError, match=message):
        generate(Cycle(), prompt, 3)

"""Hiding words: how many, which, what stands in their place; and that (seed, step) decide it."""

import pytest
import torch

from llmbook.data import IGNORE, Stories, Stream
from llmbook.masking import Masked, hide

V, PAD, END, MASK = 40, 0, 2, 3
IS_WORD = torch.arange(V) > MASK


def texts(B=64, T=100):
    return torch.randint(4, V, (B, T), generator=torch.Generator().manual_seed(0))


def stories(n=10):
    return [list(range(4, 6 + i)) for i in range(n)]


def masked(data=None, **changes):
    return Masked(data or Stories(stories(), END), MASK, V, **{"specials": (1, END)} | changes)


def test_fifteen_percent_are_hidden_and_treated_80_10_10():
    text = texts()
    inputs, targets = hide(text, MASK, IS_WORD, step=0, seed=0)
    hidden = targets != IGNORE
    assert (hidden.sum(1) == 15).all()  # of a hundred in each row, exactly
    assert torch.equal(targets[hidden], text[hidden])
    assert torch.equal(inputs[~hidden], text[~hidden])  # nothing else is touched
    n = hidden.sum().item()
    as_mask = (inputs == MASK)[hidden].sum().item() / n
    as_is = (inputs == text)[hidden].sum().item() / n
    # 960 hidden words: standard errors 0.013 and 0.010; a word drawn may be the same (1 in 36)
    assert as_mask == pytest.approx(0.8, abs=0.05)
    assert as_is == pytest.approx(0.1 + 0.1 / 36, abs=0.04)


@pytest.mark.parametrize(
    ("rule", "same", "mask"), [((1, 0, 0), 0, 1), ((0, 0, 1), 1, 0), ((0, 1, 0), 1 / 36, 0)]
)
def test_the_rule_is_followed(rule, same, mask):
    text = texts()
    inputs, targets = hide(text, MASK, IS_WORD, step=0, seed=0, rule=rule)
    hidden = targets != IGNORE
    assert (inputs == text)[hidden].float().mean().item() == pytest.approx(same, abs=0.03)
    assert (inputs == MASK)[hidden].float().mean().item() == mask


def test_specials_are_never_hidden_nor_drawn():
    text = texts(8, 20)
    text[:, ::2] = END
    text[:, -5:] = PAD
    inputs, targets = hide(text, MASK, IS_WORD, step=3, seed=1, share=1.0, rule=(0, 1, 0))
    assert torch.equal(targets != IGNORE, IS_WORD[text])
    assert torch.equal(inputs[~IS_WORD[text]], text[~IS_WORD[text]])
    assert IS_WORD[inputs[IS_WORD[text]]].all()


def test_a_row_with_one_word_has_it_hidden_and_one_without_has_none():
    text = torch.tensor([[END, 7, END], [END, END, PAD]])
    _, targets = hide(text, MASK, IS_WORD, step=0, seed=0)
    assert targets.tolist() == [[IGNORE, 7, IGNORE], [IGNORE] * 3]


def test_seed_and_step_decide_and_nothing_else():
    text = texts(4, 50)
    first = hide(text, MASK, IS_WORD, step=5, seed=2)
    torch.rand(100)  # the global random state plays no part
    again = hide(text, MASK, IS_WORD, step=5, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in ({"step": 6, "seed": 2}, {"step": 5, "seed": 3}):
        assert not torch.equal(hide(text, MASK, IS_WORD, **other)[1], first[1])


@pytest.mark.parametrize("data", [Stories(stories(), END), Stream(list(range(4, 40)) * 3, 10)])
def test_a_batch_holds_the_whole_text(data):
    """The words around a hidden one are the data's own, from the token before to the last."""
    inner, outer = data.batch(2, 4, seed=1), masked(data).batch(2, 4, seed=1)
    assert outer[0].shape == (inner[0].shape[0], inner[0].shape[1] + 1)
    assert outer[0].shape[1] <= masked(data).longest
    text = torch.where(outer[1] != IGNORE, outer[1], outer[0])
    assert torch.equal(text[:, 0], inner[0][:, 0])
    real = inner[1] != IGNORE
    assert torch.equal(text[:, 1:][real], inner[1][real])
    assert (text[:, 1:][~real] == PAD).all()
    again = masked(data).batch(2, 4, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(outer, again, strict=True))


@pytest.mark.parametrize("data", [Stories(stories(30), END), Stream(list(range(4, 40)) * 9, 10)])
def test_what_is_scored_depends_on_no_batch_size(data):
    data, found = masked(data), []
    for size in (1, 3, 8):
        hidden = {}
        for spans in data.plan(size):
            inputs, targets, at = data.gather(spans)
            assert torch.equal(inputs == MASK, targets != IGNORE)
            assert torch.equal(at >= 0, targets != IGNORE)
            hidden |= dict(zip(at[at >= 0].tolist(), targets[at >= 0].tolist(), strict=True))
        found.append(hidden)
    assert found[0] == found[1] == found[2]
    assert all(data.data.ids[place + 1] == word for place, word in found[0].items())
    assert len(found[0]) / data.num_tokens == pytest.approx(0.15, abs=0.06)


def test_another_way_of_hiding_has_another_fingerprint():
    data = Stories(stories(), END)
    prints = [masked(data, **c).fingerprint() for c in ({}, {"share": 0.3}, {"rule": (1, 0, 0)})]
    assert len({*prints, data.fingerprint()}) == 4
    assert masked(data).fingerprint() == prints[0]


@pytest.mark.parametrize(
    "wrong",
    [{"share": 0}, {"share": 1.5}, {"rule": (0.5, 0.5)}, {"rule": (0.8, 0.1, 0.2)},
     {"rule": (1.2, -0.2, 0)}, {"specials": (V,)}],
)  # fmt: skip
def test_bad_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=r"share|vocabulary"):
        masked(**wrong)


def test_data_without_words_are_refused():
    with pytest.raises(ValueError, match="no word to hide"):
        masked(Stories([[], []], END))
    with pytest.raises(ValueError, match="stride"):
        masked().plan(2, stride=3)
    some = masked(Stories([[], [4, 5]], END))
    with pytest.raises(ValueError, match="no word that may be hidden"):
        [some.batch(step, 1, seed=0) for step in range(2)]

"""Beam search: against greedy search, against trying everything, and against transformers."""

import itertools
import math

import pytest
import torch

from llmbook.beam import Hypothesis, beam_search, language_model_step
from llmbook.generate import generate
from llmbook.models import GPT, LSTMLM, GPTConfig

END = 0


def table_step(seed: int, V: int = 4, sharp: float = 1.5):
    """A law that depends on the whole prefix, deterministic, and its calls' sizes."""
    sizes = []

    def step(prefixes):
        sizes.append(len(prefixes))
        rows = []
        for prefix in prefixes:
            number = sum((token + 1) * 7**place for place, token in enumerate(prefix))
            source = torch.Generator().manual_seed(seed * 1_000_003 + number)
            rows.append(sharp * torch.randn(V, generator=source, dtype=torch.float64))
        return torch.stack(rows).log_softmax(-1)

    return step, sizes


def everything(step, first, V, max_length, penalty):
    """Every text of up to ``max_length`` tokens, ended or cut, by score."""
    found = []
    for length in range(1, max_length + 1):
        for tokens in itertools.product(range(V), repeat=length):
            if END in tokens[:-1] or (tokens[-1] != END and length < max_length):
                continue
            logprob = 0.0
            for place, token in enumerate(tokens):
                logprob += float(step([[*first, *tokens[:place]]])[0, token])
            ended = tokens[-1] == END
            text = list(tokens[:-1] if ended else tokens)
            found.append(Hypothesis(text, logprob, logprob / length**penalty, ended))
    return sorted(found, key=lambda h: -h.score)


@pytest.mark.parametrize("penalty", [-0.5, 0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_is_exhaustive_search(seed, penalty):
    step, _ = table_step(seed, V=3)
    expected = everything(step, [1], 3, 4, penalty)
    found = beam_search(step, [1], 3**4, 4, END, penalty)
    assert [h.tokens for h in found] == [h.tokens for h in expected]
    assert [h.finished for h in found] == [h.finished for h in expected]
    for a, b in zip(found, expected, strict=True):
        assert math.isclose(a.score, b.score, rel_tol=1e-12)
        assert math.isclose(a.logprob, b.logprob, rel_tol=1e-12)


@pytest.mark.parametrize("penalty", [0.0, 1.0, 3.0])
def test_a_beam_of_one_is_greedy(penalty):
    torch.manual_seed(0)
    ended = 0
    for seed in range(6):
        torch.manual_seed(seed)
        model = LSTMLM(7, hidden_size=8).eval()
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(3)
        (best,) = beam_search(language_model_step(model), [3], 1, 12, END, penalty)
        assert best.tokens == generate(model, [3], 12, temperature=0, stop=END)
        ended += best.finished
    step, _ = table_step(1)
    assert beam_search(step, [1], 1, 9, END, penalty)[0].tokens == greedy(step, [1], 9)


def greedy(step, first, most):
    tokens = []
    while len(tokens) < most and (new := int(step([[*first, *tokens]])[0].argmax())) != END:
        tokens.append(new)
    return tokens


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0, -1.0])
def test_it_finds_what_transformers_finds(width, penalty):
    finished = set()
    for seed in range(3):
        torch.manual_seed(seed)
        model = GPT(GPTConfig.gpt2(11, context=16, hidden_size=16, num_heads=2, num_layers=2))
        with torch.no_grad():
            for p in model.parameters():
                p.normal_(std=0.4)
        theirs = model.eval().to_transformers(end_id=END)
        out = theirs.generate(
            torch.tensor([[3, 5]]), attention_mask=torch.ones(1, 2, dtype=torch.long),
            num_beams=width, num_return_sequences=width, max_new_tokens=9, do_sample=False,
            length_penalty=penalty, early_stopping="never", eos_token_id=END, pad_token_id=END,
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        ours = beam_search(language_model_step(model), [3, 5], width, 9, END, penalty)
        rows = [[t for t in row if t != END] for row in out.sequences[:, 2:].tolist()]
        assert [h.tokens for h in ours] == rows
        scores = torch.tensor([h.score for h in ours])
        torch.testing.assert_close(scores, out.sequences_scores, rtol=1e-5, atol=1e-5)
        finished |= {h.finished for h in ours}
    assert True in finished  # the comparison met texts that end before they are cut


def test_a_wider_beam_can_only_help_here_and_is_never_wider_than_asked():
    """On a law where greedy takes the bait: 1 first, though 2 leads to the likelier text."""

    def step(prefixes):
        laws = {(): [0.0, 0.6, 0.4], (1,): [0.4, 0.3, 0.3], (2,): [1.0, 0.0, 0.0]}
        rows = [laws.get(tuple(p[1:]), [1.0, 0.0, 0.0]) for p in prefixes]
        assert len(rows) <= 2
        return torch.tensor(rows).log()

    assert beam_search(step, [9], 1, 5, END, 0.0)[0].tokens == [1]
    best, second = beam_search(step, [9], 2, 5, END, 0.0)
    assert best.tokens == [2]
    assert math.isclose(best.logprob, math.log(0.4), rel_tol=1e-6)
    assert second.tokens == [1]


def test_probability_alone_favours_short_texts_and_a_penalty_long_ones():
    def step(prefixes):  # a steady hum: 0.5 for the token 1, 0.3 for 2, 0.2 for the end
        return torch.tensor([[0.2, 0.5, 0.3]]).log().expand(len(prefixes), 3)

    lengths = [len(beam_search(step, [1], 8, 10, END, p)[0].tokens) for p in (0.0, 1.0)]
    assert lengths == [0, 10]


def test_it_stops_when_nothing_can_overtake():
    sizes = []

    def quick(prefixes):
        row = torch.tensor([math.log(0.97), *[math.log(0.01)] * 3])
        sizes.append(len(prefixes))
        return row.expand(len(prefixes), 4)

    beam_search(quick, [1], 2, 500, END, 0.0)
    assert len(sizes) < 10


def test_forbidden_tokens_never_come_and_no_way_on_is_an_empty_list():
    def only_two(prefixes):
        rows = torch.full((len(prefixes), 4), -math.inf)
        rows[:, 2] = 0.0
        return rows

    (found,) = beam_search(only_two, [1], 5, 6, END)
    assert found == Hypothesis([2] * 6, 0.0, 0.0, False)
    assert beam_search(lambda p: torch.full((len(p), 4), -math.inf), [1], 3, 6, END) == []


def test_without_an_end_every_text_is_cut():
    step, _ = table_step(2)
    for h in beam_search(step, [1], 3, 5, None):
        assert len(h.tokens) == 5
        assert not h.finished


def test_it_goes_beyond_the_context_and_repeats():
    torch.manual_seed(0)
    model = GPT(GPTConfig(9, context=6, hidden_size=8, num_heads=2, num_layers=1))
    found = beam_search(language_model_step(model), [3], 3, 15, None)
    assert [len(h.tokens) for h in found] == [15] * 3
    assert found == beam_search(language_model_step(model), [3], 3, 15, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": []}, "at least one token"),
        ({"width": 0}, "width is 0"),
        ({"max_length": 0}, "max_length is 0"),
        ({"step": lambda p: torch.zeros(len(p), 3, 4)}, "step returned the shape"),
        ({"step": lambda p: torch.full((len(p), 4), math.nan)}, "NaN"),
    ],
)
def test_arguments_that_make_no_sense_are_named(change, message):
    step, _ = table_step(0)
    given = {"step": step, "first": [1], "width": 2, "max_length": 4, "end_id": END} | change
    with pytest.raises(ValueError, match=message):
        beam_search(**given)

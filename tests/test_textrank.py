"""TextRank: PageRank as a linear system solves it, similarity by hand, extremes."""

import math

import pytest
import torch

from llmbook.metrics import rouge_n
from llmbook.textrank import (
    best_sentence,
    lead,
    links,
    pagerank,
    similarity,
    split_sentences,
    textrank,
    words,
)


def exactly(W, d):
    """p = (1 - d)/N + d Pᵀ p as a linear system, solved."""
    N = len(W)
    P = torch.stack([row / row.sum() if row.sum() else torch.full_like(row, 1 / N) for row in W])
    eye = torch.eye(N, dtype=W.dtype)
    return torch.linalg.solve(eye - d * P.T, torch.full((N,), (1 - d) / N, dtype=W.dtype))


@pytest.mark.parametrize("n", [1, 2, 5, 30])
@pytest.mark.parametrize("damping", [0.0, 0.5, 0.85])
def test_power_iteration_finds_what_the_linear_system_says(n, damping):
    torch.manual_seed(n)
    W = torch.rand(n, n, dtype=torch.float64) * (torch.rand(n, n) < 0.4)  # rows without links too
    p = pagerank(W, damping)
    torch.testing.assert_close(p, exactly(W, damping), rtol=1e-9, atol=1e-11)
    assert abs(float(p.sum()) - 1) < 1e-11


def test_it_is_the_main_eigenvector():
    torch.manual_seed(0)
    W = torch.rand(6, 6, dtype=torch.float64)
    step = 0.85 * (W / W.sum(1, keepdim=True)) + 0.15 / 6
    values, vectors = torch.linalg.eig(step.T)
    top = vectors[:, values.abs().argmax()].real
    torch.testing.assert_close(pagerank(W), top / top.sum(), rtol=1e-9, atol=1e-11)


def test_scaling_all_weights_changes_nothing_and_bad_weights_are_refused():
    W = torch.rand(4, 4, dtype=torch.float64)
    torch.testing.assert_close(pagerank(W), pagerank(7 * W))
    for bad in (torch.zeros(2, 3), torch.zeros(0, 0), -torch.ones(2, 2), torch.ones(3)):
        with pytest.raises(ValueError, match="square matrix"):
            pagerank(bad)


def test_similarity_by_hand():
    a, b = words("The owl hunts at night."), words("At night the owl sees.")
    assert similarity(a, b) == 4 / (math.log(5) + math.log(5))
    assert similarity(a, ["mouse"]) == 0
    assert similarity(["owl"], ["owl"]) == 0  # two logarithms of 1
    assert similarity([], ["owl"]) == 0
    W = links([a, b, ["mouse"]])
    assert torch.equal(W, W.T)
    assert (W.diag() == 0).all()


def test_the_most_central_sentence_is_taken():
    text = ["The owl sleeps by day.", "It hunts at night.", "At night the owl sees well."]
    assert textrank(text) == text[2]
    assert textrank(list(reversed(text))) == text[2]
    assert textrank(["Alone here."]) == "Alone here."
    assert textrank([]) == lead([]) == best_sentence([], "x") == ""
    assert textrank(["One two.", "Three four."]) == "One two."  # no links: the first
    assert lead(text, 2) == "The owl sleeps by day. It hunts at night."


def test_no_sentence_beats_the_best():
    text = split_sentences("Anna won. It rained in Oslo! Was it Monday? Yes.")
    assert text == ["Anna won.", "It rained in Oslo!", "Was it Monday?", "Yes."]
    assert split_sentences(" ") == []
    for reference in ("It was Monday", "Anna won in Oslo", "nothing at all"):
        best = best_sentence(text, reference)

        def f1(sentence, true=reference):
            return rouge_n(words(sentence), words(true), 1).f1

        assert f1(best) == max(map(f1, text))
    assert best_sentence(text, "x", score=lambda s, _: len(s)) == "It rained in Oslo!"

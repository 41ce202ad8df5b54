"""Classifiers of texts: Naive Bayes is scikit-learn's, a network's answer depends on its text."""

import math

import pytest
import torch

from llmbook import models, sentiment
from llmbook.corpora import reviews
from llmbook.labelled import Labelled
from llmbook.sentiment import (
    NaiveBayes,
    TextClassifier,
    WordList,
    confusion,
    hits,
    strong_baseline,
    words,
)
from llmbook.text import WordVocab
from llmbook.train import fit

ROWS = reviews.sample(seed=0, n=300)
TEXTS, LABELS = [r.text for r in ROWS], [r.label for r in ROWS]
HAND = [r.text for r in reviews.by_hand()]


@pytest.mark.parametrize("alpha", [1.0, 0.1, 7.0])
def test_naive_bayes_equals_scikit_learns(alpha):
    feature_extraction = pytest.importorskip("sklearn.feature_extraction.text")
    from sklearn.naive_bayes import MultinomialNB

    labels = [*LABELS[:-40], *["other"] * 40]  # three classes, not balanced
    counter = feature_extraction.CountVectorizer(tokenizer=words, token_pattern=None)
    theirs = MultinomialNB(alpha=alpha).fit(counter.fit_transform(TEXTS), labels)
    ours = NaiveBayes(alpha).fit(TEXTS, labels)
    assert ours.classes == theirs.classes_.tolist()
    expected = torch.from_numpy(theirs.predict_proba(counter.transform(HAND)))
    torch.testing.assert_close(ours.probabilities(HAND), expected, rtol=1e-10, atol=1e-12)


def test_naive_bayes_passes_over_what_it_never_saw():
    ours = NaiveBayes().fit(["a good one", "a bad one", "bad"], ["p", "n", "n"])
    assert ours.probabilities(["zebra", ""]).tolist() == [
        pytest.approx([2 / 3, 1 / 3]), pytest.approx([2 / 3, 1 / 3])
    ]  # fmt: skip
    shares = [math.exp(ours.log_likelihood(w, "n")) for w in ours.vocabulary]
    assert sum(shares) == pytest.approx(1)


def test_the_word_list_counts():
    model = WordList(frozenset({"good"}), frozenset({"bad", "ugly"}))
    assert model.probabilities(["Good, bad, UGLY!"])[0].tolist() == pytest.approx([0.6, 0.4])
    assert model.probabilities(["", "not"]).tolist() == [[0.5, 0.5]] * 2
    assert hits(model, ["good", "bad", "none"], ["positive", "positive", "negative"]) == [1, 0, 1]


def test_words_are_those_of_people():
    assert words("Don't buy it: it ISN’T good!") == ["don't", "buy", "it", "it", "isn’t", "good"]
    assert words("…!") == []


def test_the_strong_baseline_tells_order_in_pairs_and_nothing_wider():
    pytest.importorskip("sklearn")
    texts, labels = ["not good", "good"] * 9, ["n", "p"] * 9
    model = strong_baseline().fit(texts, labels)
    assert hits(model, ["not good", "good"], ["n", "p"]) == [1, 1]
    assert model.weights()["not good"] < 0 < model.weights()["good"]
    same = model.probabilities(["a good b", "b good a"])  # unknown words are passed over
    torch.testing.assert_close(same[0], same[1])


def test_characters_tell_what_no_space_separates():
    pytest.importorskip("sklearn")
    texts, labels = ["这个很好", "这个不好"] * 5, ["p", "n"] * 5
    model = strong_baseline(characters=True, ngrams=3).fit(texts, labels)
    assert hits(model, ["很好", "不好"], ["p", "n"]) == [1, 1]


@pytest.mark.parametrize(
    ("texts", "labels", "says"),
    [([], [], "0 texts"), (["a"], [], "1 texts and 0 labels")],
)
def test_texts_without_labels_are_refused(texts, labels, says):
    with pytest.raises(ValueError, match=says):
        NaiveBayes().fit(texts, labels)
    with pytest.raises(ValueError, match=says):
        Labelled([[1]] * len(texts), labels, pad_id=0)


def test_one_label_alone_is_refused():
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match="every text has the label 'p'"):
        strong_baseline().fit(["a", "b"], ["p", "p"])


def network(kind):
    torch.manual_seed(0)
    vocab = WordVocab.from_text(" ".join(TEXTS))
    if kind == "lstm":
        body = models.LSTMLM(len(vocab), embedding_size=16, hidden_size=24)
    else:
        body = models.GPT(
            models.GPTConfig(len(vocab), context=40, hidden_size=16, num_heads=2, num_layers=1)
        )
    return TextClassifier(body, vocab, reviews.LABELS)


@pytest.mark.parametrize("kind", ["lstm", "gpt"])
def test_a_networks_answer_depends_on_no_company(kind):
    """The same text alone and in a batch of longer ones; read at its own end."""
    model = network(kind).double()
    alone = torch.cat([model.probabilities([text]) for text in TEXTS[:7]])
    together = model.probabilities(TEXTS[:7], batch_size=7)
    torch.testing.assert_close(alone, together, rtol=1e-10, atol=1e-12)
    assert alone.sum(dim=1).tolist() == pytest.approx([1.0] * 7)


def test_an_epoch_holds_every_text_once_and_cuts_the_long():
    model = network("gpt")
    texts = ["good", "bad food", " ".join(["food"] * 99)]
    data = model.data(texts, ["positive", "negative", "positive"])
    seen = []
    for step in range(2):
        ids, labels = data.batch(step, 2, seed=0)
        seen += list(zip(ids.tolist(), labels[:, 0].tolist(), strict=True))
    assert all(row[-1] == model.end for row, _ in seen)  # closed by the end, and filled up with it
    stripped = sorted(([i for i in row if i != model.end], label) for row, label in seen)
    assert stripped == sorted(
        (model.vocab.encode(text)[:39], label) for text, label in zip(texts, [1, 0, 1], strict=True)
    )
    assert data.longest == model.context == 40
    assert data.fingerprint() != model.data(texts[:1], ["positive"]).fingerprint()


@pytest.mark.parametrize("kind", ["lstm", "gpt"])
def test_the_one_loop_trains_it(kind):
    model = network(kind)
    texts, labels = ["The food is good.", "The food is bad."], ["positive", "negative"]
    history = fit(model, model.data(texts, labels), steps=30, batch_size=2, lr=1e-2, progress=False)
    assert history.loss[-1] < 0.1 < history.loss[0]
    assert hits(model, texts, labels) == [1, 1]
    assert model.config()["classes"] == ["negative", "positive"]


def test_confusion_counts_truth_by_row():
    table = confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b"])
    assert table.tolist() == [[1, 1], [0, 1]]


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-learn"):
        sentiment.strong_baseline()

"""Interpolated Kneser–Ney against the formula written out once more, and against nltk's."""

import math
from collections import Counter, defaultdict

import pytest
import torch

from llmbook.models import NGram

V = 6
BEGIN = -1


def stories(n=40, seed=0, vocab_size=V):
    """Texts of uneven frequencies and lengths, some empty but for their end."""
    g = torch.Generator().manual_seed(seed)
    weights = torch.arange(1.0, vocab_size + 1) ** 2
    lengths = torch.randint(1, 9, (n,), generator=g).tolist()
    return [torch.multinomial(weights, k, True, generator=g).tolist() for k in lengths]


def batch(texts):
    """Inputs and targets of texts as they stand; inputs padded by 0, targets by −100."""
    T = max(len(t) for t in texts) - 1
    inputs = torch.zeros(len(texts), T, dtype=torch.long)
    targets = torch.full((len(texts), T), -100)
    for row, text in enumerate(texts):
        inputs[row, : len(text) - 1] = torch.tensor(text[:-1])
        targets[row, : len(text) - 1] = torch.tensor(text[1:])
    return inputs, targets


def texts():
    return [t for t in stories() if len(t) > 1]


def train(order, discount=None, **kwargs):
    model = NGram(V, order=order, discount=discount)
    model.count(*batch(texts()))
    return model


def ngrams(texts, order):
    """Every n-gram (a tuple) that ends in a target; what precedes the first input is BEGIN."""
    for text in texts:
        padded = [BEGIN] * (order - 1) + text
        for t in range(1, len(text)):
            yield tuple(padded[t : t + order])


class Formula:
    """Chen & Goodman 1999, equation 24, straight from a Counter; as slow as it is plain."""

    def __init__(self, texts, order, discount):
        self.order, self.discount = order, discount
        self.c = {order: Counter(ngrams(texts, order))}
        for n in range(order - 1, 0, -1):
            self.c[n] = Counter(gram[1:] for gram in self.c[n + 1])  # |{v : v h w seen}|
        if discount is None:
            self.D = {n: self.estimate(c) for n, c in self.c.items()}
        else:
            self.D = dict.fromkeys(self.c, discount)

    @staticmethod
    def estimate(counts):
        values = list(counts.values())
        n1, n2 = values.count(1), values.count(2)
        return n1 / (n1 + 2 * n2) if n1 else 0.5

    def p(self, word, context):
        if len(context) + 1 > self.order:
            context = context[len(context) + 1 - self.order :]
        n, D = len(context) + 1, self.D[len(context) + 1]
        lower = 1 / V if n == 1 else self.p(word, context[1:])
        seen = {g: k for g, k in self.c[n].items() if g[:-1] == context}
        if not seen:
            return lower
        total = sum(seen.values())
        return max(seen.get((*context, word), 0) - D, 0) / total + D * len(seen) / total * lower


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("discount", [None, 0.75, 1.0, 0.0])
def test_equals_the_formula(order, discount):
    model, formula = train(order, discount), Formula(texts(), order, discount)
    fresh = torch.tensor(stories(3, seed=9)[0] + [0, 5, 5, 0, 1, 2, 3, 4, 5])[None]
    for text in [*(torch.tensor(t)[None] for t in texts()[:8]), fresh]:
        law = model.logits(text)[0][0].exp()
        for t in range(text.shape[1]):
            context = tuple([BEGIN] * (order - 1) + text[0, : t + 1].tolist())
            context = context[len(context) - (order - 1) :]
            expected = [formula.p(w, context) for w in range(V)]
            expected = torch.tensor(expected, dtype=torch.float64)
            assert torch.allclose(law[t], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_equals_nltk_where_the_conventions_coincide(order):
    """nltk uses one discount, and no uniform law under the unigram: our D there is 0.

    nltk's own padding also counts the begin marks as words to be predicted; so both are given
    the same n-grams.
    """
    from nltk.lm import KneserNeyInterpolated

    D = 0.6
    theirs = KneserNeyInterpolated(order, discount=D)
    grams = [g[-n:] for g in ngrams(texts(), order) for n in range(1, order + 1)]
    theirs.fit([[tuple(map(str, g)) for g in grams]], vocabulary_text=map(str, range(V)))
    ours = train(order, [0.0] + [D] * (order - 1))
    for text in texts()[:5]:
        law = ours.logits(torch.tensor(text)[None])[0][0].exp()
        for t in range(len(text)):
            context = ([BEGIN] * order + text[: t + 1])[-(order - 1) :]
            for w in range(V):
                expected = theirs.score(str(w), [str(x) for x in context])
                assert math.isclose(law[t, w], expected, rel_tol=1e-12, abs_tol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("counted", [True, False])
def test_every_law_sums_to_one_and_leaves_no_word_out(order, counted):
    model = train(order) if counted else NGram(V, order=order)
    g = torch.Generator().manual_seed(3)
    law = model.logits(torch.randint(V, (5, 40), generator=g))[0].exp()
    assert law.dtype == torch.float64
    torch.testing.assert_close(law.sum(-1), torch.ones(5, 40).double(), rtol=0, atol=1e-12)
    assert (law > 0).all()


def test_before_counting_every_word_is_as_likely():
    logits, _ = NGram(V).logits(torch.tensor([[1, 2, 3]]))
    assert torch.allclose(logits, torch.full((1, 3, V), -math.log(V)).double())


def test_an_unseen_context_has_the_law_of_the_shorter_one():
    model = NGram(4, order=3, discount=0.75)
    model.count(torch.tensor([[0, 1, 2]]), torch.tensor([[1, 2, 0]]))
    after_known = model.logits(torch.tensor([[0, 1]]))[0][0, -1]
    unseen = model.logits(torch.tensor([[2, 1]]))[0][0, -1]  # "2 1" never came, "1" did
    bigram = NGram(4, order=2, discount=0.75)
    bigram.count(torch.tensor([[0, 1, 2]]), torch.tensor([[1, 2, 0]]))
    assert torch.allclose(unseen, bigram.logits(torch.tensor([[2, 1]]))[0][0, -1])
    assert not torch.allclose(unseen, after_known)


def test_continuations_not_frequency_decide_below_the_highest_order():
    """The textbook case: “Francisco” is frequent, yet comes after “San” alone."""
    san, francisco, glasses, a, b = range(5)
    text = [san, francisco] * 10 + [a, glasses, b, glasses]
    model = NGram(6, order=2)
    model.count(torch.tensor([text[:-1]]), torch.tensor([text[1:]]))
    after_unseen = model.logits(torch.tensor([[5]]))[0][0, 0]
    assert after_unseen[glasses] > after_unseen[francisco]


@pytest.mark.parametrize("split", [1, 3, 40])
def test_batches_padding_and_order_do_not_matter(split):
    whole, model = train(3), NGram(V, order=3)
    parts = [texts()[i::split] for i in range(split)]
    for part in reversed([p for p in parts if p]):
        model.count(*batch(part))
        model.num_params()  # merges what has come so far; more may follow
    text = torch.tensor(texts()[0])[None]
    assert torch.equal(model.logits(text)[0], whole.logits(text)[0])
    assert model.num_params() == whole.num_params()


def test_num_params_counts_what_is_stored():
    formula = Formula(texts(), 3, None)
    assert train(3).num_params() == sum(len(c) for c in formula.c.values())


def test_saved_and_loaded_before_or_after_merging():
    model = train(3)
    again = NGram(**model.config())
    again.load_state_dict(model.state_dict())
    text = torch.tensor(texts()[0])[None]
    assert torch.equal(again.logits(text)[0], model.logits(text)[0])
    more = batch([*stories(5, seed=4), [1, 2]])
    again.count(*more), model.count(*more)  # counting goes on from there
    assert torch.equal(again.logits(text)[0], model.logits(text)[0])
    empty = NGram(V, order=3)
    again.load_state_dict(empty.state_dict())  # loading forgets
    assert torch.equal(again.logits(text)[0], empty.logits(text)[0])


def test_keeps_counting_apart_from_memory_it_was_given():
    model = train(2)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    again = NGram(V, order=2)
    again.load_state_dict(state)
    state["counts"].zero_()
    assert again.counts.sum() > 0


def test_a_large_vocabulary_and_order_do_not_overflow():
    model = NGram(100_000, order=7, discount=0.75)
    text = torch.randint(100_000, (1, 300), generator=torch.Generator().manual_seed(0))
    model.count(text[:, :-1], text[:, 1:])
    logits, _ = model.logits(text[:, 100:107])
    assert (logits.argmax(-1) == text[:, 101:108]).all()  # seen once, so the likeliest next


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"order": 0}, "order is 0"),
        ({"discount": 1.5}, "discount is 1.5; give a number from 0 to 1"),
        ({"discount": [0.5, 0.5]}, "or 3 of them"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        NGram(V, **kwargs)


def test_a_target_outside_the_vocabulary_is_named():
    with pytest.raises(ValueError, match="token id 9 is outside"):
        NGram(V).count(torch.tensor([[1]]), torch.tensor([[9]]))


def test_contexts_count_apart():
    """The tables against a dictionary: how often each word followed each pair."""
    model, follow = train(3, discount=0.0), defaultdict(Counter)
    for *context, word in ngrams(texts(), 3):
        follow[tuple(context)][word] += 1
    for context, words in list(follow.items()):
        law = model.law(torch.tensor([context]))[0]
        assert {w for w in range(V) if law[w] > 0} == set(words)
        assert math.isclose(law[max(words, key=words.get)], max(words.values()) / words.total())

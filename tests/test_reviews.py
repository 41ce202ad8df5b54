"""Generated reviews: balanced, held-out compositions held out, labels that a second rule finds."""

from collections import Counter

import pytest

from llmbook.corpora import opinion_words, reviews, reviews_by_hand, reviews_rule

PARTS = reviews.splits(seed=3)


def test_the_second_rule_agrees_with_every_label():
    for name, rows in PARTS.items():
        unlike = [r for r in rows if reviews_rule.judge(r.text) != r.label]
        assert not unlike, (name, unlike[:3])
    other = reviews.sample(seed=99, n=5000)
    assert all(reviews_rule.judge(r.text) == r.label for r in other)


def test_the_rule_reads_the_text_and_not_a_habit_of_the_generator():
    """It turns with the words: the same frame, the other meaning."""
    judge = reviews_rule.judge
    assert judge("The sound is lovely, but the screen is ugly.") == "negative"
    assert judge("The screen is ugly, but the sound is lovely.") == "positive"
    assert judge("Although the sound is lovely, the screen is ugly.") == "negative"
    assert judge("The screen is ugly. However, the sound is lovely.") == "positive"
    assert judge("The sound is not lovely.") == judge("There is nothing lovely here.") == "negative"
    assert judge("Nobody can say that the sound is not lovely.") == "positive"
    assert judge("It is slightly ugly and extremely useful.") == "positive"
    assert judge("It is extremely ugly and slightly useful.") == "negative"
    assert judge("Great, it broke after two days.") == "negative"


def test_neither_list_nor_rule_shares_words_by_accident():
    lists = opinion_words.POSITIVE, opinion_words.NEGATIVE
    assert not lists[0] & lists[1]
    assert not (lists[0] | lists[1]) & opinion_words.NEGATIONS
    assert not opinion_words.WEAK & opinion_words.STRONG
    # The generator's words are known to the list, so a list that fails fails at combining them.
    assert set(reviews.GOOD) <= lists[0]
    assert set(reviews.BAD) <= lists[1]
    assert all(word.islower() for word in lists[0] | lists[1])


def test_labels_are_balanced_within_every_phenomenon():
    """So that no phenomenon gives its label away."""
    for name, rows in PARTS.items():
        counts = Counter((r.phenomenon, r.label) for r in rows)
        for phenomenon in {p for p, _ in counts}:
            assert counts[phenomenon, "positive"] == counts[phenomenon, "negative"], name
    assert {r.phenomenon for r in PARTS["train"]} == set(reviews.PHENOMENA)


def test_no_held_out_item_is_among_those_to_learn_from():
    cores = {name: {r.core for r in rows} for name, rows in PARTS.items()}
    texts = {name: {r.text for r in rows} for name, rows in PARTS.items()}
    by_hand = {r.text for r in reviews.by_hand()}
    for name in PARTS:
        assert texts[name].isdisjoint(by_hand)
        for other in PARTS:
            if other != name:
                assert cores[name].isdisjoint(cores[other])
                assert texts[name].isdisjoint(texts[other])


def test_a_held_out_composition_never_comes_in_training_but_its_parts_do():
    trained = {pair for r in PARTS["train"] for pair in r.pairs}
    assert not any(map(reviews.is_held_out, trained))
    words, uses = {w for w, _ in trained}, {u for _, u in trained}
    for review in PARTS["compositions"]:
        held = [pair for pair in review.pairs if reviews.is_held_out(pair)]
        assert held
        assert all(word in words and use in uses for word, use in held)
    for name in ("valid", "test"):
        assert not any(reviews.is_held_out(pair) for r in PARTS[name] for pair in r.pairs)


def test_every_use_has_words_of_both_signs_on_both_sides():
    """Otherwise a use would tell its label, or could not be learned at all."""
    for use in set(reviews.USES) - {"plain", "praised", "blamed"}:
        for words in (reviews.GOOD, reviews.BAD):
            held = [reviews.is_held_out((word, use)) for word in words]
            assert any(held)
            assert sum(held) < len(held) / 2


def test_the_frames_of_irony_come_with_both_labels():
    rows = [r for r in reviews.sample(seed=1, n=20_000) if r.phenomenon == "irony"]
    for frame in (*reviews.PRAISE, *reviews.BLAME):
        start = frame.partition("{f}")[0].capitalize().replace("i ", "I ")
        labels = Counter(r.label for r in rows if r.core.lower().startswith(start.lower()))
        assert min(labels.values()) > 0.3 * sum(labels.values()), frame


def test_the_same_seed_gives_the_same_reviews_and_a_longer_draw_begins_alike():
    assert reviews.splits(seed=3) == PARTS
    assert reviews.sample(seed=5, n=40)[:20] == reviews.sample(seed=5, n=20)
    assert reviews.sample(seed=5, n=20) != reviews.sample(seed=6, n=20)
    assert reviews.sample(seed=5, n=0) == []


def test_texts_are_fit_to_be_read():
    for review in reviews.sample(seed=2, n=2000):
        assert review.core in review.text
        assert review.text[0].isupper()
        assert review.text.endswith(".")
        assert not set("{}") & set(review.text)
        assert "  " not in review.text


def test_more_than_the_frames_yield_is_refused(monkeypatch):
    for name in ("NUMBERS", "PRAISE", "BLAME"):
        monkeypatch.setattr(reviews, name, getattr(reviews, name)[:1])
    with pytest.raises(ValueError, match="ask for fewer"):
        reviews.splits(train=100, valid=1, test=2_000, compositions=10)


def test_the_hundred_are_a_hundred_balanced_and_different():
    rows = reviews.by_hand()
    assert len(rows) == len({r.text for r in rows}) == 100
    counts = Counter((r.phenomenon, r.label) for r in rows)
    assert {p for p, _ in counts} == set(reviews.PHENOMENA) | {"implied"}
    for phenomenon in reviews_by_hand.ROWS:
        assert counts[phenomenon, "positive"] == counts[phenomenon, "negative"] >= 7
    implied = [r for r in rows if r.phenomenon == "implied"]
    plainly = [r.text for r in implied if set(r.text.lower().split()) & {"good", "bad", "great"}]
    assert not plainly

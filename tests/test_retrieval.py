"""Searching: BM25 against its equation, vectors against exact ones, fusion, measures, reading."""

import math
import sys

import pytest
import torch

from llmbook.retrieval import (
    BM25,
    LSA,
    Encoder,
    Library,
    Passage,
    bm25,
    contrast,
    dense,
    fusion,
    measure,
    read,
    terms,
)

TEXTS = [
    "A cat sat on the mat. The cat purred (e.g. loudly).",
    "Dogs run. They like running in the park.",
    "The car has an engine. An engine turns the wheels.",
    "An automobile needs an engine and fuel. It rolls on wheels.",
    "Milk comes from cows. Cats like milk.",
]


# ---- terms and BM25 ----


def test_terms_fold_case_and_cut_stems():
    assert terms("Cats SIT, __init__ x2") == ["cat", "sit", "__init__", "x2"]
    assert terms("Cats", stems=False) == ["cats"]
    assert terms("") == terms("…!?") == []


def test_chinese_is_cut_into_pairs():
    assert terms("GPT学习语言") == ["gpt", "学习", "习语", "语言"]
    assert terms("我，你") == ["我", "你"]


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.75), (1.5, 0.4), (2.0, 0.0), (0.5, 1.0)])
def test_bm25s_computes_the_equation(k1, b):
    index = BM25(TEXTS, k1, b)
    cut = [terms(t) for t in TEXTS]
    for query in ("cats and milk", "engine", "cat cat", "unicorn engine", "the the wheels"):
        ours = torch.tensor(bm25.scores_by_hand(terms(query), cut, k1, b)).double()
        torch.testing.assert_close(index.scores(query), ours, rtol=1e-5, atol=1e-6)


def test_a_query_without_a_known_term_scores_nothing():
    for query in ("", "unicorn", "…"):
        assert torch.equal(BM25(TEXTS).scores(query), torch.zeros(5, dtype=torch.float64))


def test_rarity_falls_with_every_passage_and_stays_positive():
    weights = [bm25.rarity(50, n) for n in range(51)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0


def test_repetition_levels_off_and_length_is_held_back():
    scores = BM25(["a", "a a", "a a a a", "a x x x x x x x", "y"]).scores("a")
    one, two, four, long, none = scores.tolist()
    assert four > two > one > long > none == 0
    assert two - one > four - two


@pytest.mark.parametrize("passages", [[], [""], ["…", "!"]])
def test_nothing_to_index_is_named(passages):
    with pytest.raises(ValueError, match="hold no word"):
        BM25(passages)


def test_without_bm25s_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(ModuleNotFoundError, match="pip install bm25s"):
        BM25(TEXTS)


# ---- vectors ----


def test_rows_have_length_one_or_zero():
    rows = dense.Weighing(TEXTS, least=1)([*TEXTS, "unicorn", ""]).to_dense()
    lengths = torch.linalg.norm(rows, dim=1)
    torch.testing.assert_close(lengths, torch.tensor([1.0] * 5 + [0.0] * 2))


def test_the_axes_are_those_of_the_full_decomposition():
    X = dense.Weighing(TEXTS, least=1)(TEXTS)
    W, S = dense.directions(X, 4)
    torch.testing.assert_close(W.T @ W, torch.eye(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(S, torch.linalg.svdvals(X.to_dense())[:4], rtol=1e-4, atol=1e-5)


def test_all_axes_give_the_cosine_of_tfidf():
    """Nothing is lost when no axis is: then LSA is TF-IDF on the indexed texts."""
    weigh = dense.Weighing(TEXTS, least=1)
    lsa = LSA(TEXTS, size=99, least=1).index(TEXTS)
    X = weigh(TEXTS).to_dense()
    torch.testing.assert_close(lsa.vectors @ lsa.vectors.T, X @ X.T, atol=1e-4, rtol=0)


def test_few_axes_find_what_shares_no_word():
    texts = ["car engine", "car engine wheel", "automobile engine", "car wheel", "cat milk"]
    texts += ["cat milk mouse"]
    scores = LSA(texts, size=2, least=1).index(texts).scores("automobile")
    assert scores[3] > 0.5
    assert abs(scores[4]) < 0.01
    assert BM25(texts).scores("automobile")[3] == 0


def test_too_little_text_is_named():
    with pytest.raises(ValueError, match="no word stands in 2 of the 2 texts"):
        LSA(["a b", "c d"])


def test_the_encoder_begins_as_lsa_and_learns_its_pairs():
    texts = [f"Word{i} and other{i} stand here. Here word{i} comes again." for i in range(20)]
    lsa = LSA(texts, size=8)
    encoder = Encoder(lsa.weigh, lsa.axes)
    torch.testing.assert_close(encoder.encode(texts), lsa.encode(texts), atol=1e-5, rtol=0)
    torch.manual_seed(0)
    losses = contrast.train(encoder, contrast.Pairs(texts), 30, batch_size=20, lr=1e-2, drop=0.0)
    assert len(losses) == 30
    assert losses[-1] < 0.5 * losses[0]


def test_the_contrastive_loss_at_its_ends():
    eye = torch.eye(4)
    assert dense.contrastive_loss(eye, eye, 1e3) < 1e-6
    same = torch.ones(4, 4) / 2
    assert dense.contrastive_loss(same, same, 7.0).item() == pytest.approx(math.log(4))


def test_thinning_hides_a_share_of_the_terms():
    rows = dense.Weighing(TEXTS, least=1)(TEXTS)
    source = torch.Generator().manual_seed(0)
    kept = contrast.thin(rows, 0.5, source).to_dense()
    full = rows.to_dense()
    assert ((kept == 0) | (kept == full)).all()
    assert 0.2 < (kept != 0).sum() / (full != 0).sum() < 0.8


def test_pairs_are_a_sentence_and_the_rest_of_its_paragraph():
    pairs = contrast.Pairs([*TEXTS, "One sentence only."], seed=3)
    assert len(pairs) == 5
    whole = {" ".join(sorted(t.split())) for t in TEXTS}
    for query, rest in zip(*pairs.draw(128), strict=True):
        assert " ".join(sorted(f"{query} {rest}".split())) in whole
    with pytest.raises(ValueError, match="at least 2 are needed"):
        contrast.Pairs(["One. Two."])


# ---- fusion and measures ----


def test_equal_scores_share_their_place():
    places = fusion.places(torch.tensor([3.0, 1.0, 3.0, 0.0, 1.0]))
    assert places.tolist() == [1.5, 3.5, 1.5, 5.0, 3.5]


def test_fusing_a_list_with_itself_keeps_its_order():
    scores = torch.randn(30, generator=torch.Generator().manual_seed(0))
    order = scores.argsort()
    assert torch.equal(fusion.reciprocal_ranks([scores, scores]).argsort(), order)
    assert torch.equal(fusion.weighted([scores, 5 * scores + 2], [0.3, 0.7]).argsort(), order)


def test_a_search_that_tells_nothing_apart_changes_no_order():
    scores, flat = torch.randn(30), torch.full((30,), 2.0)
    for fused in (
        fusion.reciprocal_ranks([scores, flat]),
        fusion.weighted([scores, flat], [0.5, 0.5]),
    ):
        assert torch.equal(fused.argsort(), scores.argsort())
        assert not fused.isnan().any()


def test_ranks():
    scores = torch.tensor([0.5, 0.9, 0.5, 0.1])
    assert [measure.rank(scores, {i}) for i in range(4)] == [2.5, 1, 2.5, 4]
    assert measure.rank(scores, {0, 3}) == 2.5
    with pytest.raises(ValueError, match="no passage is accepted"):
        measure.rank(scores, set())
    found = measure.summary(torch.tensor([1.0, 2.0, 10.0]))
    assert found["recall@1"] == pytest.approx(1 / 3)
    assert found["recall@5"] == pytest.approx(2 / 3)
    assert found["MRR"] == pytest.approx((1 + 0.5 + 0.1) / 3)


# ---- reading ----


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("One", ["One"]),
        ("It is. So it is.", ["It is.", "So it is."]),
        ("Some (e.g. These) stay. Yes!", ["Some (e.g. These) stay.", "Yes!"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("See J. Smith. He knows?", ["See J. Smith.", "He knows?"]),
        ("version 3.11 is out. it is", ["version 3.11 is out. it is"]),
        ("猫在睡觉。狗在跑。", ["猫在睡觉。", "狗在跑。"]),
    ],
)
def test_sentences(text, cut):
    assert read.sentences(text) == cut


def test_sentences_lose_nothing():
    from llmbook.corpora import pydocs

    for paragraph in pydocs.paragraphs("valid"):
        assert " ".join(read.sentences(paragraph.text)) == paragraph.text


def test_the_reader_takes_what_is_shared_and_the_first_of_equals():
    passage = "Dogs bark. Cats purr. Cows give milk."
    weight = dict.fromkeys(terms("cats cows dogs milk"), 1.0).get
    assert read.read(terms("milk of cows"), passage, weight) == "Cows give milk."
    assert read.read(terms("whales"), passage, weight) == "Dogs bark."
    assert read.read(terms("cats"), passage, weight, first=2.0) == "Dogs bark."


# ---- all together ----


@pytest.fixture(scope="module")
def library():
    """A few texts, with the manual to tell which words of a question are common."""
    from llmbook.corpora import pydocs

    background = [p.text for p in pydocs.paragraphs()]
    passages = [Passage(text, f"text {i}") for i, text in enumerate(TEXTS)]
    return Library(passages, background=background)


def test_an_answer_stands_in_its_source(library):
    found = library.ask("Where does milk come from?")
    assert found.text == "Milk comes from cows."
    assert found.source == "text 4"
    assert found.text in found.passages[0].text
    assert len(found.passages) == 3


def test_what_nothing_knows_is_not_answered(library):
    found = library.ask("Who was the emperor of Byzantium?")
    assert found.text is None
    assert found.confidence < library.threshold
    assert found.passages


def test_confidence_is_a_share(library):
    assert library.confidence("milk cows", "Milk comes from cows.") == pytest.approx(1)
    assert library.confidence("unicorns fly", TEXTS[0]) == 0
    assert library.confidence("!?", TEXTS[0]) == 0
    half = library.confidence("milk", "Dogs run.")
    assert half == pytest.approx(0.5)  # known here, but not in this passage


def test_an_empty_question_is_refused(library):
    with pytest.raises(ValueError, match="question is empty"):
        library.ask(" \n")


def test_one_short_passage_is_enough():
    assert Library([Passage("Cats purr.", "a")]).ask("cats purr", k=9).text == "Cats purr."


def test_common_words_of_a_question_are_learned_from_the_background(library):
    alone = Library(library.passages)
    question = "Where does the milk come from?"
    assert alone.weight(terms("where")[0]) == alone.weight("unicorn")  # in five texts, both unseen
    assert library.weight(terms("where")[0]) < library.weight("unicorn")
    assert library.confidence(question, TEXTS[4]) > alone.confidence(question, TEXTS[4])


@pytest.mark.slow
def test_on_the_manual_words_find_about_a_third():
    from llmbook.corpora import pydocs, questions_more

    texts = [p.text for p in pydocs.paragraphs()]
    library = Library([Passage(text, "") for text in texts])
    found = questions_more.answerable(texts, questions_more.half("development"))
    ranks = torch.tensor([measure.rank(library.scores(q.text), p) for q, p in found])
    assert measure.reciprocal(ranks).mean() > 0.2  # 0.36 on Python 3.11

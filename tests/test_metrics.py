"""BLEU, ROUGE, exact match and F1, overlap, bootstrap and calibration against their references."""

import math
import random
import sys

import pytest
import torch

from llmbook import metrics
from llmbook.data import Stories, Stream
from llmbook.evaluate import Evaluation, bits_per_byte, nats_by_story, perplexity
from llmbook.metrics import (
    common_subsequence,
    corpus_bleu,
    exact_match,
    ngram_overlap,
    normalize_answer,
    rouge,
    rouge_l,
    rouge_n,
    sacre_bleu,
    token_f1,
)
from llmbook.models import NGram
from llmbook.uncertainty import (
    Interval,
    bootstrap,
    bootstrap_difference,
    percentile_interval,
    reliability,
    resample,
)

WORDS = ["the", "owl", "that", "fox", "sees", "sings", "a", "mill", "by", "x1"]


def sentences(seed, n, longest=12, shortest=0):
    dice = random.Random(seed)
    return [dice.choices(WORDS, k=dice.randint(shortest, longest)) for _ in range(n)]


def corpus(seed, n):
    """Hypotheses that share much with one to three references each."""
    dice, hypotheses, references = random.Random(seed), [], []
    for reference in sentences(seed, n, shortest=5):
        several = [reference]
        for _ in range(dice.randint(0, 2)):
            several.append([w if dice.random() < 0.8 else dice.choice(WORDS) for w in reference])
        changed = [w for w in reference if dice.random() < 0.9]
        hypotheses.append([w if dice.random() < 0.85 else dice.choice(WORDS) for w in changed])
        references.append(several)
    return hypotheses, references


@pytest.mark.parametrize("seed", range(8))
def test_bleu_is_sacrebleus(seed):
    pytest.importorskip("sacrebleu")
    hypotheses, references = corpus(seed, 1 + 7 * seed)
    ours = corpus_bleu(hypotheses, references)
    theirs, signature = sacre_bleu(
        [" ".join(h) for h in hypotheses],
        [[" ".join(r) for r in several] for several in references],
        tokenize="none",
        smooth="none",
    )
    assert ours.score == pytest.approx(theirs.score, rel=1e-9)
    assert ours.precisions == pytest.approx(theirs.precisions, rel=1e-9)
    assert ours[2:] == pytest.approx(theirs[2:], rel=1e-12)
    assert "tok:none" in signature
    assert "smooth:none" in signature


@pytest.mark.parametrize("seed", range(20))
def test_rouge_is_rouge_scores(seed):
    pytest.importorskip("rouge_score")
    a, b = sentences(seed, 2)
    theirs = rouge(" ".join(a), " ".join(b), ("rouge1", "rouge2", "rouge3", "rougeL"))
    ours = {f"rouge{n}": rouge_n(a, b, n) for n in (1, 2, 3)} | {"rougeL": rouge_l(a, b)}
    for kind, score in ours.items():
        assert score == pytest.approx(theirs[kind], rel=1e-12)


def test_bleu_of_itself_is_100_and_of_nothing_shared_0():
    texts = sentences(1, 5, shortest=4)
    assert corpus_bleu(texts, [[t] for t in texts]).score == pytest.approx(100)
    assert corpus_bleu([["x"] * 5], [[["y"] * 5]]).score == 0
    assert corpus_bleu([[]], [[["y"]]]) == (0, (0, 0, 0, 0), 0, 0, 1)


def test_repeating_a_word_is_clipped_and_brevity_is_paid():
    the = corpus_bleu([["the"] * 7], [[["the", "owl", "the", "fox"], ["the"]]], max_order=1)
    assert the.precisions == (2 / 7,)  # Papineni's example: at most as often as in one reference
    short = corpus_bleu([["a", "b"]], [[["a", "b", "c", "d"]]], max_order=1)
    assert short.score == pytest.approx(100 * math.exp(1 - 4 / 2))
    assert corpus_bleu([["a"] * 4], [[["a"] * 3, ["a"] * 5]], 1).reference_length == 3  # a tie


def test_corpus_bleu_is_no_mean_of_sentences_but_the_order_of_them_is_the_same():
    hypotheses, references = corpus(3, 30)
    whole = corpus_bleu(hypotheses, references)
    each = [corpus_bleu([h], [r]).score for h, r in zip(hypotheses, references, strict=True)]
    assert abs(whole.score - sum(each) / len(each)) > 1
    assert corpus_bleu(hypotheses[::-1], references[::-1]) == whole


@pytest.mark.parametrize("seed", range(10))
def test_common_subsequence_against_all_subsequences(seed):
    a, b = sentences(seed + 50, 2, longest=8)

    def subsequences(words):
        found = {()}
        for word in words:
            found |= {(*s, word) for s in found}
        return found

    expected = max(map(len, subsequences(a) & subsequences(b)))
    assert common_subsequence(a, b) == common_subsequence(b, a) == expected


def test_squads_normal_form_and_scores():
    assert normalize_answer("  The  owl's, an A-b ") == "owls ab"
    assert normalize_answer("theory an answer") == "theory answer"
    assert exact_match("The Mill!", ["by a river", "mill"]) == 1
    assert exact_match("the old mill", ["mill"]) == 0
    assert token_f1("the old mill", ["mill"]) == pytest.approx(2 / 3)
    assert token_f1("mill mill", ["mill"]) == pytest.approx(2 / 3)  # clipped, as in SQuAD's script
    assert token_f1("x", ["a b c", "x y"]) == pytest.approx(2 / 3)  # the best answer counts
    assert token_f1("the", [""]) == token_f1("", [""]) == exact_match("the", [""]) == 1
    assert token_f1("mill", [""]) == token_f1("", ["mill"]) == 0


@pytest.mark.parametrize("seed", range(20))
def test_f1_lies_between_exact_match_and_one(seed):
    a, b = (" ".join(words) for words in sentences(seed, 2, longest=4))
    assert exact_match(a, [b]) <= token_f1(a, [b]) <= 1
    assert token_f1(a, [b]) == pytest.approx(token_f1(b, [a]))


def test_overlap_finds_copies_and_says_when_it_cannot_tell():
    texts = [list("abcdef"), list("abcxyz"), list("uvwxyz"), list("ab")]
    found = ngram_overlap(texts, (list(t) for t in ("zzabcdefzz", "bc", "")), n=3)
    assert found[:3] == [1.0, 0.25, 0.0]
    assert math.isnan(found[3])
    assert ngram_overlap([list("aaaa")], [list("aaa")], n=3) == [1.0]
    # documents are not glued together: no n-gram crosses from one to the next
    assert ngram_overlap([list("abcd")], [list("ab"), list("cd")], n=3) == [0.0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: corpus_bleu([], []), "at least one hypothesis"),
        (lambda: corpus_bleu([["a"]], [["a"], ["b"]]), "1 hypotheses and 2"),
        (lambda: sacre_bleu(["a"], ["a"]), "a single reference is a list of one"),
        (lambda: corpus_bleu([["a"]], [[]]), "at least one"),
        (lambda: exact_match("a", "a"), "expected a list of texts"),
        (lambda: token_f1("a", []), "expected a list of texts"),
        (lambda: ngram_overlap([], [], 0), "n is 0"),
        (lambda: bootstrap([1.0]), "at least 2"),
        (lambda: bootstrap([]), "at least one number"),
        (lambda: bootstrap([1, 2], [1]), "2 values and 1 weights"),
        (lambda: bootstrap([1, 2], [1, 0]), "above 0"),
        (lambda: bootstrap([1, 2], level=95), "level is 95"),
        (lambda: reliability([0.5], [1, 0]), "1 predictions and 2 outcomes"),
        (lambda: reliability([1.5], [1]), "predicted must hold probabilities"),
        (lambda: reliability([0.5], [math.nan]), "happened must hold probabilities"),
        (lambda: bits_per_byte(Evaluation(1.0, math.e, 3), ""), "the text is empty"),
        (lambda: nats_by_story(Evaluation(1.0, math.e, 3), Stories([[1]], 0)), "0 losses"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    ("name", "call"),
    [("sacrebleu", lambda: sacre_bleu(["a"], [["a"]])), ("rouge-score", lambda: rouge("a", "a"))],
)
def test_without_the_optional_group_it_says_what_to_install(name, call, monkeypatch):
    for module in ("sacrebleu", "sacrebleu.metrics", "rouge_score", "rouge_score.rouge_scorer"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=f"pip install {name}"):
        call()


# ---- bits per byte, sums by story ----


def test_bits_per_byte_of_a_uniform_model_and_of_other_letters():
    text = "aé龙" * 5  # 1 + 2 + 3 bytes
    result = Evaluation(math.log(8), 8.0, len(text))
    assert bits_per_byte(result, text) == pytest.approx(3 / 2)  # three bits a sign, two bytes


def test_sums_by_story_are_the_losses_of_each_story():
    stories = Stories([[1, 2, 1], [], [2, 2]], end=0)
    model = NGram(3, order=2)
    for inputs, targets in stories.epoch(2):
        model.count(inputs, targets)
    result = perplexity(model, stories, batch_size=2)
    alone = [perplexity(model, Stories([s], end=0)) for s in ([1, 2, 1], [], [2, 2])]
    expected = torch.tensor([r.nats * r.tokens for r in alone], dtype=torch.float64)
    torch.testing.assert_close(nats_by_story(result, stories), expected)
    with pytest.raises(ValueError, match="score all"):
        nats_by_story(perplexity(model, Stream([0, 1, 2], 2)), stories)


# ---- bootstrap ----


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    x = torch.randn(400, generator=torch.Generator().manual_seed(1)).double()
    found = bootstrap(x, resamples=20_000)
    half = 1.96 * float(x.std(correction=0)) / 20
    assert found.estimate == pytest.approx(float(x.mean()))
    # With 20,000 resamples an end wobbles by about 1 % of the width; 6 % leaves room.
    assert found.low == pytest.approx(found.estimate - half, abs=0.12 * half)
    assert found.high == pytest.approx(found.estimate + half, abs=0.12 * half)
    assert found.estimate in found
    assert found.high + 1 not in found


def test_weights_are_the_denominator():
    sums, tokens = torch.tensor([10.0, 1.0, 4.0]), torch.tensor([5.0, 1.0, 1.0])
    assert bootstrap(sums, tokens).estimate == pytest.approx(15 / 7)
    same = bootstrap(3 * tokens, tokens)  # every story has 3 nats a token: nothing is uncertain
    assert same[:3] == pytest.approx((3, 3, 3))


def test_pairing_cancels_what_both_find_hard():
    source = torch.Generator().manual_seed(0)
    hard = torch.randn(200, generator=source)
    a, b = hard + 0.1, hard + 0.01 * torch.randn(200, generator=source)
    paired = bootstrap_difference(a, b)
    unpaired = bootstrap_difference(a, b, paired=False)
    assert paired.estimate == pytest.approx(unpaired.estimate)
    assert paired.width < unpaired.width / 20
    assert 0 not in paired
    assert 0 in unpaired
    assert bootstrap_difference(a, b, seed=3) == pytest.approx(bootstrap(a - b, seed=3))


def test_the_same_seed_gives_the_same_interval_and_a_wider_level_a_wider_one():
    x = torch.arange(30.0)
    assert bootstrap(x, seed=4) == bootstrap(x, seed=4) != bootstrap(x, seed=5)
    widths = [bootstrap(x, level=level).width for level in (0.5, 0.9, 0.99)]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]
    assert int(resample(3, 1000, 0).max()) == 2
    assert percentile_interval(0.0, torch.arange(101.0), 0.9)[1:3] == pytest.approx((5, 95))
    assert str(Interval(1, 0.5, 1.5)) == "1.0000 [0.5000, 1.5000]"


def test_coverage_is_near_the_level():
    """200 test sets of 60 skewed items: the 90 % interval holds the truth about so often."""
    source = torch.Generator().manual_seed(2)
    hits = sum(
        1.0 in bootstrap(torch.empty(60).exponential_(generator=source), level=0.9, resamples=400)
        for _ in range(200)
    )
    # Binomial: ±2.1 % is one standard error; a skewed law and n = 60 take a few per cent away.
    assert 0.80 < hits / 200 < 0.96


# ---- calibration ----


def test_reliability_against_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration")
    source = torch.Generator().manual_seed(0)
    p = torch.rand(5000, generator=source).double() ** 2
    y = (torch.rand(5000, generator=source) < p).double()
    happened, predicted = calibration.calibration_curve(y.numpy(), p.numpy(), n_bins=10)
    found = reliability(p, y)
    torch.testing.assert_close(found.happened, torch.from_numpy(happened))
    torch.testing.assert_close(found.predicted, torch.from_numpy(predicted))
    assert int(found.count.sum()) == 5000


def test_a_calibrated_model_has_no_error_and_a_bold_one_has():
    p = torch.tensor([0.25] * 4 + [0.75] * 4)
    y = torch.tensor([1.0, 0, 0, 0, 1, 1, 1, 0])
    assert reliability(p, y).ece == 0
    assert reliability((p > 0.5).double(), y).ece == pytest.approx(0.25)
    assert reliability(p, p).ece == 0  # against the true probability


def test_edges_may_be_given_and_0_and_1_are_inside():
    found = reliability([0.0, 0.001, 0.5, 1.0], [0, 0, 1, 1], bins=[0.0, 0.01, 0.6, 1.0])
    assert found.count.tolist() == [2, 1, 1]
    assert found.predicted.tolist() == [0.0005, 0.5, 1.0]


def test_scores_with_intervals_are_sacrebleus():
    pytest.importorskip("sacrebleu")
    said = ["他踢足球。", "我看书。", "他们在跑步。"] * 20
    true = ["他踢足球。", "我看报纸。", "他们正在跑步。"] * 20
    found = metrics.sacre_interval(said, true, tokenize="zh")
    plain, _ = metrics.sacre_bleu(said, [[r] for r in true], tokenize="zh")
    assert found.score == pytest.approx(plain.score)
    assert "tok:zh" in found.signature
    assert "bs:1000" in found.signature
    few = metrics.sacre_interval(said[:6], true[:6], tokenize="zh")
    assert 0 < found.margin < few.margin  # more sentences, surer
    assert metrics.sacre_interval(true, true, "chrf").score == pytest.approx(100)
    assert metrics.sacre_interval(said, true, "chrf").score < 100
    with pytest.raises(ValueError, match="choose one of"):
        metrics.sacre_interval(said, true, "meteor")
    with pytest.raises(ValueError, match="references"):
        metrics.sacre_interval(said, true[:2])

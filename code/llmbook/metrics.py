"""Scores for texts that a model wrote, and the check whether a test text stood in the training.

    corpus_bleu([["the", "owl", "sings"]], [[["the", "owl", "sleeps"]]]).precisions[0]   # 2/3
    rouge_l("the owl sings".split(), "the owl sleeps".split()).f1                        # 2/3
    token_f1("The owl!", ["an owl"])                                                     # 1.0

`corpus_bleu`, `rouge_n` and `rouge_l` are the papers' formulas over lists of tokens. What the
field reports comes from two programs that also fix how a text becomes tokens: `sacre_bleu` and
`rouge` call them (packages sacrebleu and rouge-score, in the optional group ``practice``).
"""

import json
import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Tokens = Sequence[str]


class Bleu(NamedTuple):
    """A corpus's BLEU from 0 to 100, and what it is made of."""

    score: float
    precisions: tuple[float, ...]  # clipped n-gram precisions from 0 to 1, for n = 1, 2, …
    brevity: float  # the penalty for being shorter than the references, at most 1
    length: int  # tokens in the hypotheses
    reference_length: int  # tokens in the references that are nearest in length


class Rouge(NamedTuple):
    """Precision, recall and their harmonic mean, each from 0 to 1."""

    precision: float
    recall: float
    f1: float


def ngrams(tokens: Tokens, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of ``n`` tokens occurs."""
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def corpus_bleu(
    hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]], max_order: int = 4
) -> Bleu:
    """BLEU of a whole corpus, without smoothing (Papineni et al. 2002, section 2.3).

    references: for each hypothesis its references, one or more. Matches and lengths are summed
    over the corpus before anything is divided: it is not a mean of sentences' scores. An order
    without a match makes the score 0. Raises ValueError where the two lists do not fit.
    """
    check_pairs(hypotheses, references)
    matches, totals, length, nearest = [0] * max_order, [0] * max_order, 0, 0
    for hypothesis, several in zip(hypotheses, references, strict=True):
        length += len(hypothesis)
        nearest += min((abs(len(r) - len(hypothesis)), len(r)) for r in several)[1]
        for n in range(1, max_order + 1):
            mine, most = ngrams(hypothesis, n), Counter()
            for reference in several:
                most |= ngrams(reference, n)  # the largest count in any one reference
            matches[n - 1] += (mine & most).total()  # clipped: at most as often as there
            totals[n - 1] += mine.total()
    precisions = tuple(m / t if t else 0.0 for m, t in zip(matches, totals, strict=True))
    brevity = math.exp(min(0.0, 1 - nearest / length)) if length else 0.0
    mean_log = sum(map(math.log, precisions)) / max_order if all(precisions) else -math.inf
    return Bleu(100 * brevity * math.exp(mean_log), precisions, brevity, length, nearest)


def sacre_bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    tokenize: str = "13a",
    smooth: str = "exp",
) -> tuple[Bleu, str]:
    """BLEU of whole texts as sacrebleu computes it, and the signature to report beside it.

    references: for each hypothesis its references, whose number may differ. ``tokenize`` and
    ``smooth`` are sacrebleu's own options ("none" takes what spaces part; no smoothing).
    Raises ModuleNotFoundError where sacrebleu is not installed.
    """
    check_pairs(hypotheses, references)
    try:
        from sacrebleu.metrics import BLEU
    except ModuleNotFoundError:
        raise _missing("sacrebleu") from None
    most = max(map(len, references))
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(most)]
    # "force" is no option of the score: it silences a warning about texts that look tokenized.
    metric = BLEU(tokenize=tokenize, smooth_method=smooth, force=True)
    s = metric.corpus_score(list(hypotheses), streams)
    parts = tuple(p / 100 for p in s.precisions)
    return Bleu(s.score, parts, s.bp, s.sys_len, s.ref_len), str(metric.get_signature())


class Scored(NamedTuple):
    """A corpus's score from 0 to 100, how sure it is, and what to report beside it."""

    score: float
    margin: float  # half the width of the 95 % interval; nan where none was asked for
    signature: str

    def __str__(self) -> str:
        return f"{self.score:.1f} ± {self.margin:.1f}"


def sacre_interval(
    hypotheses: Sequence[str],
    references: Sequence[str],
    metric: str = "bleu",
    *,
    resamples: int = 1000,
    **options: object,
) -> Scored:
    """BLEU or chrF of whole texts with one reference each, and its bootstrap interval.

    metric: "bleu" or "chrf" (Popović 2015: F-score of character n-grams). Whole sentences are
    resampled, with sacrebleu's own fixed seed. options: sacrebleu's, such as ``tokenize="zh"``,
    which takes Chinese by characters. Raises ModuleNotFoundError where sacrebleu is not installed.
    """
    check_pairs(hypotheses, [[r] for r in references])
    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ModuleNotFoundError:
        raise _missing("sacrebleu") from None
    kinds = {"bleu": BLEU, "chrf": CHRF}
    if metric not in kinds:
        raise ValueError(f"metric is {metric!r}; choose one of {', '.join(kinds)}")
    scorer = kinds[metric](**options)
    found = scorer.corpus_score(list(hypotheses), [list(references)], n_bootstrap=resamples)
    told = json.loads(found.format(signature=str(scorer.get_signature()), is_json=True, width=3))
    return Scored(found.score, told.get("confidence_var", math.nan), told["signature"])


def rouge_n(hypothesis: Tokens, reference: Tokens, n: int) -> Rouge:
    """Shared n-grams, each at most as often as in both (Lin 2004, section 2)."""
    mine, theirs = ngrams(hypothesis, n), ngrams(reference, n)
    return _rouge((mine & theirs).total(), mine.total(), theirs.total())


def rouge_l(hypothesis: Tokens, reference: Tokens) -> Rouge:
    """The longest common subsequence: the same order, gaps allowed (Lin 2004, section 3.1)."""
    return _rouge(common_subsequence(hypothesis, reference), len(hypothesis), len(reference))


def common_subsequence(a: Tokens, b: Tokens) -> int:
    """The length of the longest sequence that both contain in order, gaps allowed."""
    best = [0] * (len(b) + 1)  # best[j]: of the a read so far and b[:j]
    for word in a:
        before = best.copy()
        for j, other in enumerate(b):
            best[j + 1] = before[j] + 1 if word == other else max(before[j + 1], best[j])
    return best[-1]


def _rouge(common: int, mine: int, theirs: int) -> Rouge:
    precision, recall = common / mine if mine else 0.0, common / theirs if theirs else 0.0
    f1 = 2 * precision * recall / (precision + recall) if common else 0.0
    return Rouge(precision, recall, f1)


def rouge(
    hypothesis: str,
    reference: str,
    kinds: Sequence[str] = ("rouge1", "rouge2", "rougeL"),
    *,
    stem: bool = False,
) -> dict[str, Rouge]:
    """ROUGE of a text as rouge-score computes it: lower case, runs of a-z and 0-9 as tokens.

    What is not a Latin letter or digit is dropped, so a Chinese text scores 0 against itself.
    Raises ModuleNotFoundError where rouge-score is not installed.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ModuleNotFoundError:
        raise _missing("rouge-score") from None
    scorer = RougeScorer(list(kinds), stem)
    return {kind: Rouge(*score) for kind, score in scorer.score(reference, hypothesis).items()}


def normalize_answer(text: str) -> str:
    """SQuAD's normal form: lower case, no ASCII punctuation, no articles, single spaces."""
    text = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction's normal form is that of any answer, else 0.0 (Rajpurkar et al. 2016).

    Raises ValueError when there is no answer; a question without one has the answer "".
    """
    _check_answers(answers)
    return float(normalize_answer(prediction) in map(normalize_answer, answers))


def token_f1(prediction: str, answers: Sequence[str]) -> float:
    """The best F1 between the words of the prediction and of an answer, in SQuAD's normal form.

    Where either has no word left, it is 1.0 if both have none, else 0.0 (SQuAD 2.0's script).
    """
    _check_answers(answers)
    mine = normalize_answer(prediction).split()
    scores = []
    for answer in answers:
        theirs = normalize_answer(answer).split()
        both = bool(mine and theirs)
        scores.append(rouge_n(mine, theirs, 1).f1 if both else float(mine == theirs))
    return max(scores)


def ngram_overlap(texts: Sequence[Tokens], corpus: Iterable[Tokens], n: int = 13) -> list[float]:
    """For each text, the share of its ``n``-grams that occur anywhere in ``corpus``.

    The corpus is read once and never held. A text shorter than ``n`` gives nan: it cannot be
    judged. GPT-3's authors looked for up to 13 words (Brown et al. 2020, appendix C).
    """
    if n < 1:
        raise ValueError(f"n is {n}; an n-gram has at least one token")
    grams = [list(ngrams(text, n).elements()) for text in texts]
    wanted, found = {gram for several in grams for gram in several}, set()
    for document in corpus:
        found.update(wanted.intersection(zip(*(document[i:] for i in range(n)), strict=False)))
    return [sum(g in found for g in several) / len(several) if several else math.nan
            for several in grams]  # fmt: skip


def check_pairs(hypotheses: Sequence, references: Sequence) -> None:
    """ValueError unless there is at least one hypothesis and a list of references for each."""
    if not len(hypotheses) or len(hypotheses) != len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses and {len(references)} lists of references were given; "
            "expected at least one hypothesis, and for each a list of its references."
        )
    for place, several in enumerate(references):
        if isinstance(several, str) or not len(several):
            raise ValueError(
                f"the references of hypothesis {place} are {several!r:.60}; expected a list of at "
                "least one: a single reference is a list of one."
            )


def _check_answers(answers: Sequence[str]) -> None:
    if isinstance(answers, str) or not len(answers):
        raise ValueError(
            f'answers is {answers!r:.60}; expected a list of texts, [""] for a question that has '
            "no answer."
        )


def _missing(package: str) -> ModuleNotFoundError:
    """What to say where a package of the optional group is not installed."""
    return ModuleNotFoundError(
        f"this needs the package {package}: pip install {package}, or the book's optional group "
        "practice. corpus_bleu, rouge_n and rouge_l need none."
    )

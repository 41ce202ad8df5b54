"""Summaries made of a text's own sentences: the first, the most central, the best there is.

    text = split_sentences("The owl sleeps by day. It hunts at night. At night the owl sees well.")
    lead(text)                # 'The owl sleeps by day.'
    textrank(text)            # 'At night the owl sees well.'
    best_sentence(text, "Owls see well at night.")   # the ceiling of all methods that extract

TextRank (Mihalcea and Tarau 2004) takes sentences for pages and shared words for links, and ranks
them as PageRank (Brin and Page 1998) ranks pages.

Dimensions: N sentences.
"""

import math
import re
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from llmbook.metrics import rouge_n

DAMPING = 0.85
_WORD = re.compile(r"\w+")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, parted where blanks follow ``.``, ``!`` or ``?``."""
    return [s for s in re.split(r"(?<=[.!?])\s+", text.strip()) if s]


def words(sentence: str) -> list[str]:
    """A sentence's words in lower case, without its signs."""
    return _WORD.findall(sentence.lower())


def similarity(a: Sequence[str], b: Sequence[str]) -> float:
    """The number of words that both hold, over ln(length of a) + ln(length of b).

    Mihalcea and Tarau 2004, section 4.1. Where the denominator is not above 0 (two sentences of a
    word each) it is 0.
    """
    scale = math.log(len(a)) + math.log(len(b)) if a and b else 0.0
    return len(set(a) & set(b)) / scale if scale > 0 else 0.0


def links(sentences: Sequence[Sequence[str]]) -> Tensor:
    """``W [N, N]``, the similarity of every two sentences, 0 of each with itself."""
    N = len(sentences)
    W = torch.zeros(N, N, dtype=torch.float64)
    for i in range(N):
        for j in range(i):
            W[i, j] = W[j, i] = similarity(sentences[i], sentences[j])
    return W


def pagerank(
    W: Tensor, damping: float = DAMPING, tolerance: float = 1e-12, most: int = 1000
) -> Tensor:
    """Where a walker is found: ``p [N]`` with p = (1 - d) / N + d Pᵀ p, P the rows of W over their
    sums.

    With probability ``damping`` the walker follows a link in proportion to its weight, else he
    jumps anywhere; from a row without links he always jumps. Power iteration: begin anywhere and
    step until nothing moves by more than ``tolerance`` (in sum). Raises ValueError for weights
    below 0 or a matrix that is not square.
    """
    if W.dim() != 2 or W.shape[0] != W.shape[1] or not len(W) or (W < 0).any():
        raise ValueError(
            f"W has shape {list(W.shape)}; expected a square matrix of weights, none below 0"
        )
    N, out = len(W), W.sum(1, keepdim=True)
    P = torch.where(out > 0, W / out.clamp_min(1e-300), torch.full_like(W, 1 / N))
    p = torch.full((N,), 1 / N, dtype=W.dtype)
    for _ in range(most):
        before, p = p, (1 - damping) / N + damping * (p @ P)
        if (p - before).abs().sum() < tolerance:
            break
    return p


def lead(sentences: Sequence[str], k: int = 1) -> str:
    """The first ``k`` sentences."""
    return " ".join(sentences[:k])


def textrank(sentences: Sequence[str]) -> str:
    """The sentence of the highest rank; of equals, the first. Of no sentence, nothing."""
    if not sentences:
        return ""
    p = pagerank(links([words(s) for s in sentences]))
    best = (p > p.max() - 1e-9).nonzero()[0]
    return sentences[int(best)]


def best_sentence(
    sentences: Sequence[str],
    reference: str,
    score: Callable[[str, str], float] | None = None,
) -> str:
    """The sentence that scores highest against the reference (ROUGE-1 without a ``score``).

    It looks at the answer, so it is no method but a ceiling: nothing that takes one sentence out of
    the text can score higher. Of equals it is the first; of no sentence, nothing.
    """

    def rouge_1(sentence: str, true: str) -> float:
        return rouge_n(words(sentence), words(true), 1).f1

    score = score or rouge_1
    return max(sentences, key=lambda s: score(s, reference), default="")

"""How varied generated texts are: repetition within a text, variety over many.

    repetition("the cat the cat the cat".split(), n=2)    # 0.6: three of five pairs came before
    distinct([["a", "b"], ["a", "b"]], n=1)                # 0.5
    self_bleu([["a", "b", "c", "d"]] * 2)                  # 100.0: each is like the others

None of them knows whether a text is any good: random words score as most varied. Read them
beside a measure of quality.
"""

from collections.abc import Sequence
from itertools import chain

from llmbook.metrics import corpus_bleu, ngrams

Tokens = Sequence[str] | Sequence[int]


def repetition(tokens: Tokens, n: int) -> float:
    """rep-n: the share, from 0 to 1, of a text's runs of ``n`` tokens that stood there before.

    It is 1 − different runs / runs (Welleck et al. 2020, section 6; they call it seq-rep-n).
    A text of fewer than ``n`` tokens repeats nothing: 0.0.
    """
    counts = _ngrams(tokens, n)
    return 1 - len(counts) / counts.total() if counts else 0.0


def distinct(texts: Sequence[Tokens], n: int) -> float:
    """distinct-n: different runs of ``n`` tokens over all texts, divided by all runs (Li et al.
    2016, section 5). It falls as texts grow, so compare equal amounts of text only.

    Raises ValueError when no text has ``n`` tokens.
    """
    counts = [_ngrams(text, n) for text in texts]
    total = sum(count.total() for count in counts)
    if not total:
        raise ValueError(f"no text has {n} tokens; give longer texts, or a smaller n than {n}")
    return len(set(chain.from_iterable(counts))) / total


def self_bleu(texts: Sequence[Tokens], max_order: int = 4) -> float:
    """The mean BLEU, 0 to 100, of each text with all the others as references (Zhu et al. 2018).

    High means alike. The cost grows with the square of the number of texts.
    Raises ValueError for fewer than two texts.
    """
    if len(texts) < 2:
        raise ValueError(f"got {len(texts)} texts; one alone cannot be like the others")
    words = [[str(token) for token in text] for text in texts]
    scores = [
        corpus_bleu([text], [words[:i] + words[i + 1 :]], max_order).score
        for i, text in enumerate(words)
    ]
    return sum(scores) / len(scores)


def _ngrams(tokens: Tokens, n: int):
    if n < 1:
        raise ValueError(f"n is {n}; a run has at least 1 token")
    if isinstance(tokens, str):
        raise TypeError("got one text as a str; give a list of tokens, such as text.split()")
    return ngrams(tokens, n)

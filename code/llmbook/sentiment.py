"""Labels for texts, from counting listed words to a fine-tuned network, behind one interface.

    model = NaiveBayes().fit(texts, labels)
    model.probabilities(["Not bad at all."])     # [[0.83, 0.17]]: a column for each of its classes
    model.classes                                 # ["negative", "positive"]

`strong_baseline` is what one should beat before trusting a network: TF-IDF over single words and
pairs, and a logistic regression (scikit-learn). `TextClassifier` puts a linear layer on any of the
book's causal models; `Labelled` lets the one loop, `llmbook.train.fit`, train it.

Dimensions: N texts, K classes, B batch, T time, C hidden size.

Chapter: applications/sentiment.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from llmbook.labelled import Labelled, predict
from llmbook.models import TokenModel

_WORD = re.compile(r"\w+(?:['’]\w+)?")


def words(text: str) -> list[str]:
    """The words of a text in lower case; "don't" is one word, punctuation is none."""
    return _WORD.findall(text.lower())


class WordList:
    """Counts the words of two lists. It learns nothing.

    The probability of "positive" is (p + 1) / (p + n + 2) for p words of praise and n of blame: a
    half where there are none. Where the two are equally likely the answer is the first class.
    """

    classes = ("negative", "positive")

    def __init__(self, positive: frozenset[str], negative: frozenset[str]):
        self.positive, self.negative = positive, negative

    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """[N, 2]."""
        rows = []
        for text in texts:
            p = sum(word in self.positive for word in words(text))
            n = sum(word in self.negative for word in words(text))
            rows.append([(n + 1) / (p + n + 2), (p + 1) / (p + n + 2)])
        return torch.tensor(rows, dtype=torch.float64)


class NaiveBayes:
    """Multinomial Naive Bayes over words: P(class) times each word's share of the class's words.

    Every word of the training texts is counted ``alpha`` times more in each class (Laplace); words
    that never came in training are passed over. It equals scikit-learn's MultinomialNB.
    """

    def __init__(self, alpha: float = 1.0, split: Callable[[str], list[str]] = words):
        self.alpha, self.split = alpha, split

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> "NaiveBayes":
        """Count. Raises ValueError for no texts, or texts and labels of different number."""
        check_labelled(texts, labels)
        self.classes = sorted(set(labels))
        self.counts = {c: Counter() for c in self.classes}
        for text, label in zip(texts, labels, strict=True):
            self.counts[label].update(self.split(text))
        self.vocabulary = set().union(*self.counts.values())
        share = Counter(labels)
        self.prior = {c: math.log(share[c] / len(labels)) for c in self.classes}
        self.total = {
            c: sum(self.counts[c].values()) + self.alpha * len(self.vocabulary)
            for c in self.classes
        }
        return self

    def log_likelihood(self, word: str, label: str) -> float:
        """ln P(word | class), smoothed."""
        return math.log((self.counts[label][word] + self.alpha) / self.total[label])

    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """[N, K], by Bayes' rule."""
        rows = []
        for text in texts:
            known = [word for word in self.split(text) if word in self.vocabulary]
            rows.append(
                [
                    self.prior[c] + sum(self.log_likelihood(word, c) for word in known)
                    for c in self.classes
                ]
            )
        return torch.tensor(rows, dtype=torch.float64).softmax(dim=-1)


class _Pipeline:
    """A scikit-learn pipeline with the interface of this module."""

    def __init__(self, pipeline: Any):
        self.pipeline = pipeline

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> "_Pipeline":
        check_labelled(texts, labels)
        if len(set(labels)) < 2:
            raise ValueError(f"every text has the label {labels[0]!r}; there is nothing to tell")
        self.pipeline.fit(list(texts), list(labels))
        self.classes = self.pipeline.classes_.tolist()
        return self

    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """[N, K]."""
        return torch.from_numpy(self.pipeline.predict_proba(list(texts)))

    def weights(self) -> dict[str, float]:
        """Of two classes: each feature's weight towards the second."""
        names = self.pipeline[0].get_feature_names_out()
        return dict(zip(names, self.pipeline[-1].coef_[0].tolist(), strict=True))


def strong_baseline(*, ngrams: int = 2, characters: bool = False, C: float = 10.0) -> _Pipeline:
    """TF-IDF of runs of 1 to ``ngrams`` words, then logistic regression with penalty 1/C.

    characters: runs of characters in place of words, for languages written without spaces.
    Raises ModuleNotFoundError, with what to install, where scikit-learn is missing.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "this needs scikit-learn, which is in the book's optional group `practice`: "
            "python -m pip install scikit-learn"
        ) from error
    unit = {"analyzer": "char"} if characters else {"tokenizer": words, "token_pattern": None}
    features = TfidfVectorizer(ngram_range=(1, ngrams), sublinear_tf=True, **unit)
    return _Pipeline(make_pipeline(features, LogisticRegression(C=C, max_iter=1000)))


class TextClassifier(TokenModel):
    """A causal model without its head, and a linear layer on what it holds at the text's end.

    body: an LSTMLM, GRULM, RNNLM or GPT, trained or not; its head is taken off. vocab: what it
    reads by. classes: the labels' names. split: cuts a text into the vocabulary's tokens, such as
    `words`; without it the vocabulary does so itself.
    """

    name = "text-classifier"
    causal = False  # one answer about the whole text, and none about its next word

    def __init__(
        self,
        body: TokenModel,
        vocab: Any,
        classes: Sequence[str],
        split: Callable[[str], list[str]] | None = None,
    ):
        super().__init__()
        self.split = split or (lambda text: text)
        self.vocab, self.classes, self.end = vocab, list(classes), vocab.end_id
        self.vocab_size, self.context = body.vocab_size, body.context
        size = body.head.in_features
        body.head = nn.Identity()  # so that its "logits" are its last hidden states
        self.body, self.classify = body, nn.Linear(size, len(self.classes))

    def logits(self, ids: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Scores of the classes for ``ids [B, T]``: ``[B, 1, K]``, read at the first end token."""
        hidden, _ = self.body.logits(self.checked(ids))  # [B, T, C]
        ends = (ids == self.end).long().argmax(dim=1)  # [B]
        return self.classify(hidden[torch.arange(len(ids)), ends])[:, None], None

    def config(self) -> dict[str, Any]:
        return {"body": self.body.name, "classes": self.classes} | self.body.config()

    def data(self, texts: Sequence[str], labels: Sequence[str]) -> Labelled:
        """Texts and their labels as this model's training data."""
        numbers = [self.classes.index(label) for label in labels]
        room = None if self.context is None else self.context - 1  # the end stands behind
        rows = [[*self.vocab.encode(self.split(text))[:room], self.end] for text in texts]
        return Labelled(rows, numbers, self.end)

    def probabilities(self, texts: Sequence[str], batch_size: int = 100) -> Tensor:
        """[N, K], in evaluation mode."""
        data = self.data(texts, self.classes[:1] * len(texts))
        return predict(self, data, batch_size).double().softmax(dim=-1)


def hits(model: Any, texts: Sequence[str], labels: Sequence[str]) -> list[float]:
    """1.0 for each text whose likeliest class is its label, else 0.0."""
    best = model.probabilities(texts).argmax(dim=-1).tolist()
    pairs = zip(best, labels, strict=True)
    return [float(model.classes[i] == label) for i, label in pairs]


def confusion(truths: Sequence[str], guesses: Sequence[str], classes: Sequence[str]) -> Tensor:
    """How often each class (row) was taken for each (column): [K, K]."""
    table = torch.zeros(len(classes), len(classes), dtype=torch.long)
    for truth, guess in zip(truths, guesses, strict=True):
        table[classes.index(truth), classes.index(guess)] += 1
    return table


def check_labelled(texts: Sequence, labels: Sequence) -> None:
    """ValueError unless there are texts, and a label for each."""
    if not len(texts) or len(texts) != len(labels):
        raise ValueError(
            f"{len(texts)} texts and {len(labels)} labels were given; expected at least one text, "
            "and a label for each"
        )

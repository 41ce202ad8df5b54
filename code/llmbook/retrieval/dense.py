"""Passages as points: latent semantic analysis, and a small encoder trained on the texts.

    >>> lsa = LSA(texts, size=100)
    >>> lsa.scores("turn letters into capitals").argmax()

Both turn a text into a vector of length 1 and score passages by the cosine with the query's. So
they can bring words together that never stand in one passage with the query's words.

Dimensions: N passages, V terms, C dimensions of the space, B pairs in a batch.

Chapter: applications/question_answering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.retrieval.bm25 import rarity, terms


class Weighing:
    """Texts as sparse rows of TF-IDF: (1 + ln count) · rarity, each row of length 1.

    The vocabulary is every term that at least ``least`` of the texts hold.
    """

    def __init__(
        self, texts: Sequence[str], least: int = 2, cut: Callable[[str], list[str]] = terms
    ):
        held = Counter(t for text in texts for t in set(cut(text)))
        self.cut = cut
        self.ids = {t: i for i, t in enumerate(sorted(t for t, n in held.items() if n >= least))}
        if not self.ids:
            raise ValueError(
                f"no word stands in {least} of the {len(texts)} texts; give more text to learn from"
            )
        weights = [rarity(len(texts), held[t]) for t in self.ids]
        self.rarity = torch.tensor(weights, dtype=torch.float32)  # [V]

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """The texts' rows, sparse ``[len(texts), V]``; a text without a known term is zero."""
        rows, columns, values = [], [], []
        for row, text in enumerate(texts):
            counts = Counter(self.ids[t] for t in self.cut(text) if t in self.ids)
            rows += [row] * len(counts)
            columns += counts.keys()
            values += counts.values()
        places = torch.tensor([rows, columns], dtype=torch.long).reshape(2, -1)
        weights = (1 + torch.tensor(values, dtype=torch.float32).log()) * self.rarity[places[1]]
        length = torch.zeros(len(texts)).index_add_(0, places[0], weights.square()).sqrt()
        weights = weights / length[places[0]]
        shape = (len(texts), len(self.ids))
        return torch.sparse_coo_tensor(places, weights, shape, check_invariants=False).coalesce()


def directions(X: Tensor, size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The first right singular vectors ``[V, size]`` of a sparse ``X [N, V]``, and the values.

    By random projection with four rounds of powers (Halko and others 2011).
    """
    size = min(size, *X.shape)
    source = torch.Generator().manual_seed(seed)
    Q = torch.randn(X.shape[1], min(size + 16, *X.shape), generator=source)
    T = X.t().coalesce()
    for _ in range(4):
        Q = torch.linalg.qr(X @ Q).Q
        Q = torch.linalg.qr(T @ Q).Q
    _, S, W = torch.linalg.svd(X @ Q, full_matrices=False)
    return (Q @ W.T)[:, :size], S[:size]


class Dense:
    """What a search by vectors shares: passages are encoded once, queries as they come."""

    def encode(self, texts: Sequence[str]) -> Tensor:
        """The texts' vectors ``[len(texts), C]`` of length 1 (0 where no term is known)."""
        raise NotImplementedError

    def index(self, passages: Sequence[str]) -> Dense:
        """Encode the passages that ``scores`` is to rank."""
        self.vectors = self.encode(passages)  # [N, C]
        return self

    def scores(self, query: str) -> Tensor:
        """The cosine of every passage with the query ``[N]``."""
        return self.vectors @ self.encode([query])[0]


class LSA(Dense):
    """Latent semantic analysis (Deerwester and others 1990): TF-IDF, seen from its main axes.

    Args:
        texts: to learn the axes from. size: how many axes are kept.
    """

    def __init__(self, texts: Sequence[str], size: int = 100, least: int = 2):
        self.weigh = Weighing(texts, least)
        self.axes, self.strength = directions(self.weigh(texts), size)  # [V, C], [C]

    def encode(self, texts: Sequence[str]) -> Tensor:
        return F.normalize(self.weigh(texts) @ self.axes, dim=-1)


class Encoder(nn.Module, Dense):
    """A vector for each term, weighed by rarity, summed, passed through one residual layer.

    Args:
        weigh: vocabulary and weights. first: the terms' first vectors ``[V, C]`` (LSA's axes).
    """

    def __init__(self, weigh: Weighing, first: Tensor):
        super().__init__()
        self.weigh = weigh
        self.vectors_of_terms = nn.Parameter(first.clone())  # [V, C]
        self.up = nn.Linear(first.shape[1], 2 * first.shape[1])
        self.down = nn.Linear(2 * first.shape[1], first.shape[1])
        nn.init.zeros_(self.down.weight)  # begins as LSA
        nn.init.zeros_(self.down.bias)
        self.log_scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, rows: Tensor) -> Tensor:
        """Sparse rows of TF-IDF ``[B, V]`` to vectors of length 1 ``[B, C]``."""
        x = F.normalize(torch.sparse.mm(rows, self.vectors_of_terms), dim=-1)
        return F.normalize(x + self.down(F.relu(self.up(x))), dim=-1)

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        return self(self.weigh(texts))


def contrastive_loss(queries: Tensor, passages: Tensor, scale: Tensor | float) -> Tensor:
    """How surely each query finds its own passage among the batch's (van den Oord et al. 2018).

    queries, passages ``[B, C]`` of length 1, row i of one belonging to row i of the other;
    scale multiplies the cosines. The mean of both directions, in nats.
    """
    logits = scale * queries @ passages.T  # [B, B]
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

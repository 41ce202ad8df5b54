"""Training an encoder on texts that nobody has labelled: a sentence must find its own paragraph.

    >>> pairs = Pairs(texts, seed=0)
    >>> train(encoder, pairs, steps=200)

The queries are sentences taken out of paragraphs, each paragraph's rest is the passage to be
found, and the other paragraphs of the batch are the wrong answers (an inverse cloze task: Lee,
Chang and Toutanova 2019).

Dimensions: B pairs in a batch.

Chapter: applications/question_answering.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from llmbook.retrieval.dense import Encoder, contrastive_loss
from llmbook.retrieval.read import sentences


class Pairs:
    """(sentence, rest of its paragraph), drawn anew for each batch; half are first sentences.

    Raises ValueError unless two of the texts have two sentences.
    """

    def __init__(self, texts: Sequence[str], seed: int = 0):
        self.cut = [s for s in map(sentences, texts) if len(s) > 1]
        if len(self.cut) < 2:
            raise ValueError(
                f"{len(self.cut)} of {len(texts)} texts have two sentences; at least 2 are needed"
            )
        self.dice = random.Random(seed)

    def __len__(self) -> int:
        return len(self.cut)

    def draw(self, batch_size: int) -> tuple[list[str], list[str]]:
        """Sentences and the rests of their paragraphs, ``batch_size`` of each (or all)."""
        queries, rests = [], []
        for cut in self.dice.sample(self.cut, min(batch_size, len(self.cut))):
            i = 0 if self.dice.random() < 0.5 else self.dice.randrange(len(cut))
            queries.append(cut[i])
            rests.append(" ".join(cut[:i] + cut[i + 1 :]))
        return queries, rests


def thin(rows: Tensor, share: float, source: torch.Generator) -> Tensor:
    """Sparse rows with a random ``share`` of the terms left out, so that no single one decides."""
    kept = torch.rand(rows.values().shape, generator=source) >= share
    return torch.sparse_coo_tensor(
        rows.indices(), rows.values() * kept, rows.shape, check_invariants=False
    ).coalesce()


def train(
    encoder: Encoder, pairs: Pairs, steps: int, *, batch_size: int = 128, lr: float = 3e-4,
    drop: float = 0.3, seed: int = 0,
) -> list[float]:  # fmt: skip
    """Bring sentences and the rests of their paragraphs together; the loss of every step, in nats.

    drop: the share of a query's terms that is hidden at each step.
    """
    source = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        queries, rests = (encoder.weigh(texts) for texts in pairs.draw(batch_size))
        found = encoder(thin(queries, drop, source))
        loss = contrastive_loss(found, encoder(rests), encoder.log_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

"""A classifier: the body of a trained model, one vector a text, and a new linear head.

    model = Classifier(zoo.load("english-gpt2")[0], num_classes=2, pad_id=0)
    scores, _ = model.logits(ids)                 # [B, T] -> [B, 1, K]

What it adds over a language model: a place where the text ends (padding counts for nothing), a
vector of the whole text ("mean" over its tokens, or its "last" one), and K scores in place of V.

The scores come as ``[B, 1, K]``, a text as one place with K possible "words": so `train.fit` and
`evaluate.perplexity` take a classifier and `labelled.Labelled` data as they are.

Dimensions: B batch, T time, C hidden size, K classes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from llmbook.models.base import TokenModel
from llmbook.models.bert import BERT
from llmbook.models.gpt import GPT

POOLS = ("mean", "last")


def real(ids: Tensor, pad_id: int) -> Tensor:
    """True up to the last id of each row of ``ids [B, T]`` that is not ``pad_id``.

    So a token may both fill a batch up and open a text (GPT-2 has one special token for all).
    """
    after = (ids != pad_id).flip(1).cumsum(1).flip(1)  # tokens from here on that are no padding
    found = after > 0
    found[:, 0] = True  # a text of nothing keeps one place
    return found


class Classifier(nn.Module):
    """Body, pooling and a linear head with K scores.

    body: a GPT or a BERT; its own head, if it is not tied, is no longer used and is frozen.
    pad_id: the id that fills a batch up, on the right. pool: "mean" over the real tokens, or the
    "last" of them, which alone has seen everything in a GPT. dropout: on the pooled vector.
    The head begins at zero: before training all classes are equally likely. Raises ValueError
    for another pool or fewer than two classes, TypeError for another body.
    """

    def __init__(
        self,
        body: TokenModel,
        num_classes: int,
        pad_id: int,
        pool: str = "mean",
        dropout: float = 0.0,
    ):
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"pool is {pool!r}; choose one of {POOLS}")
        if num_classes < 2:
            raise ValueError(f"num_classes is {num_classes}; expected at least 2")
        if not isinstance(body, GPT | BERT):
            raise TypeError(f"body is a {type(body).__name__}; expected a GPT or a BERT")
        self.body, self.pad_id, self.pool = body, pad_id, pool
        self.vocab_size, self.context = body.vocab_size, body.context
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(body.embedding.embedding_dim, num_classes)
        nn.init.zeros_(self.head.weight), nn.init.zeros_(self.head.bias)
        self.head.to(body.embedding.weight)
        for name, p in body.named_parameters():  # a tied head goes by the embedding's name
            if name.startswith(("head", "transform")):
                p.requires_grad_(False)

    def hidden(self, ids: Tensor) -> Tensor:
        """The body's vector at each place of ``ids [B, T]``: ``[B, T, C]``."""
        if isinstance(self.body, BERT):
            return self.body.encode(ids, mask=real(ids, self.pad_id))
        return self.body.hidden(ids)[0]

    def pooled(self, ids: Tensor) -> Tensor:
        """One vector a text, ``[B, C]``, whatever it was padded with."""
        return pool(self.hidden(ids), real(ids, self.pad_id), self.pool)

    def logits(self, ids: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Scores of the classes for each text of ``ids [B, T]``: ``[B, 1, K]``, and None."""
        return self.head(self.dropout(self.pooled(ids)))[:, None], None

    def forward(self, ids: Tensor, state: None = None) -> tuple[Tensor, Any]:
        return self.logits(ids, state)

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    def num_params(self) -> int:
        """How many numbers training sets."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def pool(x: Tensor, real: Tensor, how: str = "mean") -> Tensor:
    """One vector ``[B, C]`` of ``x [B, T, C]``: the mean where ``real [B, T]``, or the last."""
    if how == "last":
        return x[torch.arange(len(x)), real.sum(1) - 1]
    weights = real.to(x.dtype)[..., None]
    return (x * weights).sum(1) / weights.sum(1)

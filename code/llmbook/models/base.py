"""What every model of the book can do, so that one loop trains and measures them all.

Dimensions: B batch, T time, V vocabulary.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class TokenModel(nn.Module):
    """A network that reads token ids; whether it may look ahead is what ``causal`` says.

    A model implements ``logits`` and ``config`` and sets ``vocab_size``; ``context`` is the
    longest input it accepts, None for any length.
    """

    name: ClassVar[str]  # the key in ``models.NAMES``
    causal: ClassVar[bool] = True  # the scores at a position depend on no later token
    vocab_size: int
    context: int | None = None

    def logits(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Scores of every token at each position of ``ids [B, T]``: ``[B, T, V]``, and a state."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """Keyword arguments, fit for JSON, from which ``models.build`` makes this model again."""
        raise NotImplementedError

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return self.logits(ids, state)

    @property
    def device(self) -> torch.device:
        """Where the model's numbers live."""
        return next(chain(self.parameters(), self.buffers())).device

    def num_params(self) -> int:
        """How many numbers training sets (a tied matrix counts once)."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def count(self, inputs: Tensor, targets: Tensor) -> None:
        """Learn from a batch by counting: only for models that have nothing to differentiate."""
        raise TypeError(f"{type(self).__name__} learns by gradients; train it with train.fit")

    @torch.no_grad()
    def attention_weights(self, ids: Tensor) -> Tensor:
        """How much each head looks from each position at each: ``[layers, B, H, T, T]``.

        Only for a stack of transformer blocks.
        """
        heads = [block.attention for block in self.blocks]
        for head in heads:
            head.record_weights = True
        try:
            self.logits(ids)
            return torch.stack([head.last_weights for head in heads])
        finally:
            for head in heads:
                head.record_weights, head.last_weights = False, None

    def checked(self, ids: Tensor, past: int = 0) -> Tensor:
        """``ids`` if this model can read them after ``past`` tokens; else a ValueError."""
        if ids.dim() != 2 or ids.is_floating_point():
            raise ValueError(
                f"ids have shape {list(ids.shape)} and type {ids.dtype}; give whole numbers of "
                "shape [batch, time] (ids[None] makes a batch of one)"
            )
        if self.context is not None and past + ids.shape[1] > self.context:
            raise ValueError(
                f"the input is {past + ids.shape[1]} tokens long and this model reads at most "
                f"{self.context}; give the last {self.context}, or build it with a longer context"
            )
        if ids.numel() and not torch.compiler.is_compiling():  # a look at numbers ends its graph
            low, high = (int(bound) for bound in torch.aminmax(ids))
            if low < 0 or high >= self.vocab_size:
                raise ValueError(
                    f"token id {low if low < 0 else high} is outside the vocabulary of "
                    f"{self.vocab_size} (0 to {self.vocab_size - 1}); encode the text with the "
                    "vocabulary that the model was trained with"
                )
        return ids


class LanguageModel(TokenModel):
    """A law of the next token after every prefix of a text.

    >>> logits, state = model.logits(torch.tensor([[3, 1, 4]]))   # [1, 3, V]
    >>> logits, state = model.logits(torch.tensor([[1]]), state)  # after 3 1 4 1: [1, 1, V]
    """

    def logits(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Scores of the token after each of ``ids [B, T]``: ``[B, T, V]``, and the new state.

        ``state`` is what an earlier call returned: it stands for all that came before. None is
        the beginning. Reading a text in pieces gives the same logits as reading it whole, and
        a state may be continued more than once.
        """
        raise NotImplementedError

    def reader(self) -> Callable[[Tensor, Any], tuple[Tensor, Any]]:
        """A function that gives what ``logits`` gives; `llmbook.generate` reads with it.

        A model that can read one more token faster returns its faster way.
        """
        return self.logits

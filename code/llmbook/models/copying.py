"""An encoder-decoder that can also copy: the pointer-generator (See, Liu and Manning 2017).

    model = CopyingSeq2Seq(CopyingConfig(vocab_size=500, extra=10))
    memory = model.encode(source)                  # ids up to 509: 500 on are this text's own words
    logprobs, state = model.decode(prefix, memory) # [B, T, 510], logarithms of probabilities

What it adds to `RecurrentSeq2Seq`: the weights of its attention, which say where it looks, are
used as a law of the next word as well, and a gate mixes the two laws. So a word that is in no
vocabulary can be said, if it stands in the source. `llmbook.text.open_vocab` numbers such words.

Dimensions: B batch, S source time, T target time, C hidden size, V vocabulary, X extra ids.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.models.seq2seq import RecurrentSeq2Seq, Seq2SeqConfig, attend

SMALLEST = 1e-12  # a probability of 0 has no logarithm


@dataclass(frozen=True)
class CopyingConfig(Seq2SeqConfig):
    """The shape of an encoder-decoder, and room for words outside its vocabulary."""

    extra: int = 0  # ids after the vocabulary's, for the unknown words of each source
    unk: int = 1  # what such a word is read as


class CopyMemory(NamedTuple):
    """A source that was read (see `Memory`), and its ids, which can be copied."""

    states: Tensor  # [B, S, C]
    mask: Tensor  # [B, S]
    summary: Tensor  # [B, C]
    source: Tensor  # [B, S]

    def repeat(self, n: int) -> "CopyMemory":
        """The memory of one source, n times: for n prefixes side by side."""
        return CopyMemory(*(x.expand(n, *x.shape[1:]) for x in self))


class CopyingSeq2Seq(RecurrentSeq2Seq):
    """`RecurrentSeq2Seq` with a gate between saying a word of its vocabulary and copying one.

    ``gate [B, T]`` is the share of saying in the last call (set while ``record`` is).
    """

    name = "seq2seq-copying"

    def __init__(self, config: CopyingConfig):
        super().__init__(config)
        if self.score is None:
            raise ValueError('attention is "none"; what copies must look: choose "dot"')
        self.vocab_size = config.vocab_size + config.extra  # what it can read and say
        self.say = nn.Linear(3 * config.hidden_size, 1)
        self.gate = None

    def closed(self, ids: Tensor) -> Tensor:
        """``ids`` with every extra id read as the unknown word, which has an embedding."""
        return ids.masked_fill(ids >= self.settings.vocab_size, self.settings.unk)

    def encode(self, source: Tensor) -> CopyMemory:
        return CopyMemory(*super().encode(self.closed(self.checked(source))), source)

    def decode(
        self, prefix: Tensor, memory: CopyMemory, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logarithms of the mixture's probabilities ``[B, T, V + X]``: scores that need no softmax
        and that a softmax leaves as they are."""
        x = self.dropout(self.embedding(self.closed(self.checked(prefix))))
        h = torch.tanh(self.start(memory.summary)) if state is None else state
        states, h = self.decoder(x, h)  # [B, T, C]
        context, weights = attend(self.score(states, memory.states), memory)
        seen = torch.tanh(self.combine(torch.cat([context, states], dim=-1)))
        law = self.scores(self.dropout(seen)).softmax(-1)  # [B, T, V]
        gate = torch.sigmoid(self.say(torch.cat([context, states, x], dim=-1)))  # [B, T, 1]
        if self.record:
            self.weights, self.gate = weights, gate[..., 0]
        mixed = mixture(gate, law, weights, memory.source, self.vocab_size)
        return mixed.clamp_min(SMALLEST).log(), h


def mixture(gate: Tensor, law: Tensor, weights: Tensor, source: Tensor, size: int) -> Tensor:
    """gate · law + (1 - gate) · (the weight on all places of the source that hold the word).

    See et al. 2017, equation 9. ``gate [B, T, 1]``, ``law [B, T, V]``, ``weights [B, T, S]`` and
    ``source [B, S]``, ids below ``size`` -> ``[B, T, size]``; it sums to 1 as law and weights do.
    """
    said = F.pad(gate * law, (0, size - law.shape[-1]))
    places = source[:, None].expand_as(weights)
    return said.scatter_add(-1, places, (1 - gate) * weights)

"""From one text to another: an encoder, attention, a decoder; recurrent and as a Transformer.

    model = RecurrentSeq2Seq(Seq2SeqConfig(vocab_size=500))
    memory = model.encode(source)                    # source [B, S], padded: read once
    logits, state = model.decode(prefix, memory)     # prefix [B, T], from the end token on
    writer.greedy(model, sources, end=2)             # llmbook.writer: whole texts

What it adds to a language model: a second text to look at. Source and target share one
vocabulary; token ``pad`` is looked at by nobody. `logits` takes both texts as `Pairs` packs them,
so that `train.fit` and `evaluate.perplexity` work as for any model.

Dimensions: B batch, S source time, T target time, C hidden size, V vocabulary.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.layers import GRU, Block, LayerNorm, Linear
from llmbook.models.base import TokenModel


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The shape of an encoder-decoder. The defaults learn the book's parallel set."""

    vocab_size: int
    hidden_size: int = 96
    num_layers: int = 2  # blocks of each side (Transformer only: a recurrent side has one layer)
    num_heads: int = 4  # Transformer only
    attention: str = "dot"  # recurrent only: a key of SCORES
    dropout: float = 0.0
    pad: int = 0


class Memory(NamedTuple):
    """A source that was read: all that a decoder sees of it."""

    states: Tensor  # [B, S, C], a vector for each token in the light of all others
    mask: Tensor  # [B, S], True at real tokens
    summary: Tensor  # [B, C], the whole source as one vector

    def repeat(self, n: int) -> "Memory":
        """The memory of one source, n times: for n prefixes side by side."""
        return Memory(*(x.expand(n, *x.shape[1:]) for x in self))


class Seq2Seq(TokenModel):
    """What the two encoder-decoders share. ``weights [B, T, S]`` is what the last call attended to
    (set while ``record`` is)."""

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        self.settings, self.vocab_size = config, config.vocab_size
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.record, self.weights = False, None

    def encode(self, source: Tensor) -> Memory:
        """Read ``source [B, S]``."""
        raise NotImplementedError

    def decode(self, prefix: Tensor, memory: Memory, state: Any = None) -> tuple[Tensor, Any]:
        """Scores after each token of ``prefix [B, T]``: ``[B, T, V]``, and a state to go on from.

        ``state`` is what an earlier call returned; then ``prefix`` is what comes after it.
        """
        raise NotImplementedError

    def logits(self, ids: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Scores of every target of ``ids [B, 2, T]``, packed by `llmbook.pairs.Pairs`: [B, T, V].

        The decoder reads the true prefix (teacher forcing). Rows are cut to what is no padding;
        scores behind the targets' end are 0.
        """
        if state is not None or ids.dim() != 3 or ids.shape[1] != 2:
            raise ValueError(
                f"ids have shape {list(ids.shape)}; an encoder-decoder reads [batch, 2, time], "
                "source above target, as llmbook.pairs.Pairs packs them, and keeps no state. To "
                "write, use encode and decode, or llmbook.writer"
            )
        source, prefix = (self.cut(ids[:, side]) for side in (0, 1))
        scores, _ = self.decode(prefix, self.encode(source))
        return F.pad(scores, (0, 0, 0, ids.shape[2] - scores.shape[1])), None

    def cut(self, rows: Tensor) -> Tensor:
        """``rows [B, T]`` without the columns at their end that hold padding alone."""
        used = (rows != self.settings.pad).any(0).nonzero()
        return rows[:, : int(used.max()) + 1 if len(used) else 1]

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """Where each target token looks: ``[B, T, S]``, rows summing to 1 over real tokens.

        ``target [B, T]`` is what the decoder reads; row t is the look while it says token t + 1.
        """
        self.record = True
        try:
            with torch.no_grad():
                self.decode(target, self.encode(source))
        finally:
            self.record = False
        return self.weights

    def config(self) -> dict[str, Any]:
        return asdict(self.settings)

    def scores(self, x: Tensor) -> Tensor:
        """``x [B, T, C]`` against every token's embedding: ``[B, T, V]``."""
        return F.linear(x, self.embedding.weight)


# --- Recurrent ---------------------------------------------------------------------------------


class DotScore(nn.Module):
    """score(s, m) = s · W m (Luong et al. 2015, "general")."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.W = Linear(hidden_size, hidden_size, bias=False)

    def forward(self, states: Tensor, memory: Tensor) -> Tensor:
        """``states [B, T, C]``, ``memory [B, S, C]`` -> ``[B, T, S]``."""
        return states @ self.W(memory).transpose(1, 2)


class AdditiveScore(nn.Module):
    """score(s, m) = v · tanh(W s + U m) (Bahdanau et al. 2014, appendix A.1.2)."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.W = Linear(hidden_size, hidden_size, bias=False)
        self.U = Linear(hidden_size, hidden_size)
        self.v = Linear(hidden_size, 1, bias=False)

    def forward(self, states: Tensor, memory: Tensor) -> Tensor:
        """``states [B, T, C]``, ``memory [B, S, C]`` -> ``[B, T, S]``."""
        return self.v(torch.tanh(self.W(states)[:, :, None] + self.U(memory)[:, None]))[..., 0]


SCORES: dict[str, type[nn.Module] | None] = {
    "dot": DotScore,
    "additive": AdditiveScore,
    "none": None,  # the decoder has the summary alone (Sutskever et al. 2014)
}


class RecurrentSeq2Seq(Seq2Seq):
    """A bidirectional GRU reads, a GRU writes, attention looks back at what was read.

    As in Luong et al. (2015) the decoder's state looks at the memory *after* its step, so all
    steps of a known target are computed at once. (Bahdanau et al. 2014 look before, from the
    earlier state, and feed what was seen into the step: a loop.)
    """

    name = "seq2seq-gru"

    def __init__(self, config: Seq2SeqConfig):
        super().__init__(config)
        if config.attention not in SCORES:
            raise ValueError(f"attention is {config.attention!r}; choose one of {list(SCORES)}")
        C, score = config.hidden_size, SCORES[config.attention]
        self.forwards, self.backwards = GRU(C, C // 2), GRU(C, C - C // 2)
        self.start = Linear(C, C)  # the summary as the decoder's first state
        self.decoder = GRU(C, C)
        self.score = score(C) if score else None
        self.combine = Linear(2 * C, C)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(C))

    def encode(self, source: Tensor) -> Memory:
        source = self.checked(source)
        mask = source != self.settings.pad
        x = self.dropout(self.embedding(source))
        there, _ = self.forwards(x)
        back, _ = self.backwards(reversed_rows(x, mask))
        states = torch.cat([there, reversed_rows(back, mask)], dim=-1)
        last = (mask.sum(1) - 1).clamp(min=0)
        rows = torch.arange(len(source), device=source.device)
        half = there.shape[-1]
        summary = torch.cat([states[rows, last, :half], states[:, 0, half:]], dim=-1)
        return Memory(states, mask, summary)

    def decode(
        self, prefix: Tensor, memory: Memory, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        x = self.dropout(self.embedding(self.checked(prefix)))
        h = torch.tanh(self.start(memory.summary)) if state is None else state
        states, h = self.decoder(x, h)  # [B, T, C]
        if self.score is None:
            context = memory.summary[:, None].expand_as(states)
        else:
            context, weights = attend(self.score(states, memory.states), memory)
            self.weights = weights if self.record else None
        x = torch.tanh(self.combine(torch.cat([context, states], dim=-1)))
        return self.scores(self.dropout(x)), h


def attend(scores: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
    """Weights softmax(scores) over the real tokens, and the mean of the memory under them.

    ``scores [B, T, S]`` -> ``(context [B, T, C], weights [B, T, S])``.
    """
    scores = scores.masked_fill(~memory.mask[:, None], torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1)
    return weights @ memory.states, weights


def reversed_rows(x: Tensor, mask: Tensor) -> Tensor:
    """``x [B, S, C]`` with the real tokens of each row in reverse, the padding where it was."""
    S, length = x.shape[1], mask.sum(1, keepdim=True)
    place = torch.arange(S, device=x.device)
    index = torch.where(place < length, length - 1 - place, place)  # [B, S]
    return x.gather(1, index[..., None].expand_as(x))


# --- Transformer -------------------------------------------------------------------------------


class TransformerSeq2Seq(Seq2Seq):
    """The Transformer of 2017 in the pre-norm form of today, with rotary positions.

    Encoder blocks see the whole source; decoder blocks see the target so far and, by
    cross-attention, the whole source.
    """

    name = "seq2seq-transformer"

    def __init__(self, config: Seq2SeqConfig):
        super().__init__(config)
        C, H, drop = config.hidden_size, config.num_heads, config.dropout

        def blocks(cross: bool) -> nn.ModuleList:
            return nn.ModuleList(
                Block(C, H, drop, rotary=True, cross_attention=cross)
                for _ in range(config.num_layers)
            )

        self.encoder, self.decoder = blocks(False), blocks(True)
        self.encoder_norm, self.decoder_norm = LayerNorm(C), LayerNorm(C)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(C))

    def embed(self, ids: Tensor) -> Tensor:
        # Times √C, as in the paper (section 3.4): the output's use of the matrix wants it small.
        x = self.embedding(self.checked(ids)) * math.sqrt(self.settings.hidden_size)
        return self.dropout(x)

    def encode(self, source: Tensor) -> Memory:
        x, mask = self.embed(source), source != self.settings.pad
        for block in self.encoder:
            x, _ = block(x, mask=mask[:, None, None])
        x = self.encoder_norm(x)
        real = mask[..., None].to(x.dtype)
        return Memory(x, mask, (x * real).sum(1) / real.sum(1).clamp(min=1))

    def decode(
        self, prefix: Tensor, memory: Memory, state: list | None = None
    ) -> tuple[Tensor, list]:
        x, caches = self.embed(prefix), []
        self.decoder[-1].cross.record_weights = self.record
        for block, cache in zip(self.decoder, state or [None] * len(self.decoder), strict=True):
            look = memory.mask[:, None, None]
            x, cache = block(x, memory.states, memory_mask=look, causal=True, cache=cache)
            caches.append(cache)
        if self.record:
            self.weights = self.decoder[-1].cross.last_weights.mean(1)  # over the heads
        return self.scores(self.decoder_norm(x)), caches

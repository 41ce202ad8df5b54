"""GPT: a stack of causal transformer blocks over token embeddings (Radford et al. 2018, 2019).

What it adds over the recurrent models: every position looks at all earlier ones directly, so
that nothing must be squeezed through one state, and all times are computed at once.

Dimensions: B batch, T time, C hidden size, H heads, V vocabulary.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from llmbook import ops
from llmbook.layers import Block, Dropping, KVCache, LayerNorm, Linear, RMSNorm
from llmbook.models.base import LanguageModel

POSITIONS = ("rotary", "learned", "sinusoidal")
NORMS = ("layer", "rms")


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT. The defaults are nanoGPT's CPU shape with rotary positions."""

    vocab_size: int
    context: int = 64  # longest input, in tokens
    hidden_size: int = 128
    num_heads: int = 4
    num_layers: int = 4
    dropout: float = 0.0  # on embeddings, attention weights and both residual branches
    positions: str = "rotary"  # or "learned" (GPT-2), "sinusoidal" (the first transformer)
    activation: str = "gelu"  # a key of layers.transformer.ACTIVATIONS
    norm: str = "layer"  # or "rms"
    bias: bool = True  # in linear maps and layer norms
    tie: bool = True  # one matrix embeds words and scores them
    qk_norm: bool = False  # queries and keys of length √D (Henry et al. 2020)
    zero_init: bool = False  # branches, and an untied head, begin at zero
    init_std: float | None = None  # of every first weight; None: by the number of its inputs

    def __post_init__(self):
        if self.positions not in POSITIONS:
            raise ValueError(f"positions is {self.positions!r}; choose one of {POSITIONS}")
        if self.norm not in NORMS:
            raise ValueError(f"norm is {self.norm!r}; choose one of {NORMS}")

    @classmethod
    def gpt2(cls, vocab_size: int, **changes: Any) -> "GPTConfig":
        """GPT-2's choices (Radford et al. 2019)."""
        return replace(cls(vocab_size, positions="learned", init_std=0.02), **changes)

    @classmethod
    def modern(cls, vocab_size: int, **changes: Any) -> "GPTConfig":
        """What trains fastest in a few minutes: RMSNorm, no biases, squared ReLU, rotary
        positions, query-key norm, and branches that begin at zero."""
        modern = cls(
            vocab_size,
            activation="squared_relu",
            norm="rms",
            bias=False,
            tie=False,
            qk_norm=True,
            zero_init=True,
            init_std=0.02,
        )
        return replace(modern, **changes)


class GPT(Dropping, LanguageModel):
    """Embedding (+ position), ``num_layers`` blocks, a last norm, and scores for every word.

    The state is a list with each layer's KVCache.
    """

    name = "gpt"

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.settings = config
        self.vocab_size, self.context = config.vocab_size, config.context
        self.dropout = config.dropout
        C = config.hidden_size
        norm = RMSNorm if config.norm == "rms" else partial(LayerNorm, bias=config.bias)
        self.embedding = nn.Embedding(config.vocab_size, C)
        if config.positions == "learned":
            self.position = nn.Embedding(config.context, C)
        elif config.positions == "sinusoidal":
            self.register_buffer("wave", ops.sinusoidal(config.context, C), persistent=False)

        self.blocks = nn.ModuleList(
            Block(
                C,
                config.num_heads,
                config.dropout,
                config.activation,
                norm,
                config.bias,
                rotary=config.positions == "rotary",
                qk_norm=config.qk_norm,
            )
            for _ in range(config.num_layers)
        )
        self.norm = norm(C)
        self.head = Linear(C, config.vocab_size, bias=False)
        self.initialise()
        if config.tie:
            self.head.weight = self.embedding.weight

    def logits(
        self, ids: Tensor, state: list[KVCache] | None = None
    ) -> tuple[Tensor, list[KVCache]]:
        x, state = self.hidden(ids, state)
        return self.head(x), state

    def hidden(
        self, ids: Tensor, state: list[KVCache] | None = None
    ) -> tuple[Tensor, list[KVCache]]:
        """What the head reads, ``[B, T, C]``, and the new state."""
        past = 0 if state is None else state[0].length
        x = self.dropped(self.embed(self.checked(ids, past), past))  # [B, T, C]
        new_state = []
        for block, cache in zip(self.blocks, state or [None] * len(self.blocks), strict=True):
            x, cache = block(x, causal=True, cache=cache)
            new_state.append(cache)
        return self.norm(x), new_state

    def reader(self) -> Callable[[Tensor, list[KVCache] | None], tuple[Tensor, list[KVCache]]]:
        from llmbook.models.decode import decoder

        return decoder(self)

    def embed(self, ids: Tensor, past: int) -> Tensor:
        """Words and, unless attention itself turns with position, places: ``[B, T, C]``."""
        x = self.embedding(ids)
        stop = past + ids.shape[1]
        if self.settings.positions == "learned":
            return x + self.position.weight[past:stop]
        if self.settings.positions == "sinusoidal":  # √C as in Vaswani et al. 2017, section 3.4
            return x * math.sqrt(x.shape[-1]) + self.wave[past:stop]
        return x

    def initialise(self) -> None:
        """Normal weights that keep the size of what they read: std 1/√inputs, for embeddings
        and head 1/(2√C), or ``init_std`` everywhere. Divided by √(2 · layers) where a branch
        joins the residual stream (Radford et al. 2019).

        GPT-2's 0.02 was chosen for C = 768. At C = 64 it makes every attention score begin so
        near zero that heads learn to look back thousands of steps later, if at all.
        With ``zero_init`` the branches and an untied head begin at zero: every block starts as
        the identity, and the first law is uniform.
        """
        for name, p in self.named_parameters():
            joins = name.endswith((".attention.out.weight", ".feed_forward.out.weight"))
            if self.settings.zero_init and (joins or name == "head.weight"):
                nn.init.zeros_(p)
            elif p.dim() == 2:
                looked_up = name in ("embedding.weight", "position.weight", "head.weight")
                std = self.settings.init_std or (0.5 if looked_up else 1) / math.sqrt(p.shape[1])
                nn.init.normal_(p, std=std / math.sqrt(2 * len(self.blocks)) if joins else std)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def config(self) -> dict[str, Any]:
        return asdict(self.settings)

    @classmethod
    def from_transformers(cls, model: nn.Module) -> "GPT":
        """A GPT with the weights of a transformers ``GPT2LMHeadModel``, copied."""
        from llmbook.models.convert import from_transformers

        return from_transformers(model)

    def to_transformers(self, end_id: int | None = None) -> nn.Module:
        """A transformers ``GPT2LMHeadModel`` with these weights, copied; ``end_id`` is the token
        that begins and ends its texts. ValueError for a shape that GPT-2 does not have."""
        from llmbook.models.convert import to_transformers

        return to_transformers(self, end_id)

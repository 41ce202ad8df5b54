"""BERT: a bidirectional encoder that fills in hidden words (Devlin et al. 2019).

What it lacks beside GPT: the causal mask. Every position sees the whole text, so the scores at a
position are about the word *at* it, not the next one, and there is nothing to write with. What
it adds: segments (which of two texts a word belongs to), a padding mask, the post-norm block,
and a head that is a layer of its own.

Dimensions: B batch, T time, C hidden size, H heads, V vocabulary.
"""

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook.layers import LayerNorm, Linear, PostNormBlock
from llmbook.layers.transformer import ACTIVATIONS
from llmbook.models.base import TokenModel


@dataclass(frozen=True)
class BERTConfig:
    """The shape of a BERT. The defaults are a small one; BERT-base is 768 wide, 12 layers."""

    vocab_size: int
    context: int = 128  # longest input, in tokens
    hidden_size: int = 128
    num_heads: int = 4
    num_layers: int = 4
    dropout: float = 0.0  # on embeddings, attention weights and both branches
    num_segments: int = 2  # a pair of texts, told apart
    activation: str = "gelu_exact"  # a key of layers.transformer.ACTIVATIONS
    eps: float = 1e-12  # of every layer norm: the original's
    pad_id: int | None = 0  # what fills a batch up and is looked at by nobody; None: nothing
    init_std: float | None = None  # of every first weight; None: by the number of its inputs


class BERT(TokenModel):
    """Embeddings, ``num_layers`` post-norm blocks that see both sides, and the masked-word head.

    >>> scores, _ = model.logits(torch.tensor([[2, 7, 3, 9, 2]]))  # 3 is <mask>: [1, 5, V]
    >>> scores[0, 2].softmax(-1)  # the law of the hidden word, given both sides

    It is no language model: it has no law of the next word. ``causal`` is False, so `generate`
    and a `perplexity` of next words refuse it; ``evaluate.pseudo_logprobs`` scores a text.
    """

    name = "bert"
    causal = False

    def __init__(self, config: BERTConfig):
        super().__init__()
        self.settings = config
        self.vocab_size, self.context = config.vocab_size, config.context
        C, norm = config.hidden_size, partial(LayerNorm, eps=config.eps)
        self.embedding = nn.Embedding(config.vocab_size, C)
        self.position = nn.Embedding(config.context, C)
        self.segment = nn.Embedding(config.num_segments, C)
        self.norm, self.dropout = norm(C), nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            PostNormBlock(C, config.num_heads, config.dropout, config.activation, norm)
            for _ in range(config.num_layers)
        )
        self.transform, self.transform_norm = Linear(C, C), norm(C)
        self.head_bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.initialise()

    def logits(
        self,
        ids: Tensor,
        state: None = None,
        *,
        segments: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """Scores of the word at each position of ``ids [B, T]``: ``[B, T, V]``, and None.

        ``segments`` and ``mask`` as in ``encode``. There is no state to go on from: a word that
        comes later changes what was computed for all before it.
        """
        if state is not None:
            raise TypeError("a BERT keeps no state: it must read the whole text at once")
        x = self.encode(ids, segments, mask)  # [B, T, C]
        x = self.transform_norm(ACTIVATIONS[self.settings.activation](self.transform(x)))
        return F.linear(x, self.embedding.weight, self.head_bias), None  # the decoder is tied

    def encode(
        self, ids: Tensor, segments: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """A vector for each position of ``ids [B, T]``, in the light of the whole text: [B, T, C].

        segments [B, T]: 0 for the first text, 1 for the second; all 0 by default. mask [B, T]:
        True at real tokens; by default where ``ids`` is not ``pad_id``. What stands at the
        padded positions of the result means nothing.
        """
        ids = self.checked(ids)
        places = torch.arange(ids.shape[1], device=ids.device)
        segments = torch.zeros_like(ids) if segments is None else segments
        x = self.embedding(ids) + self.position(places) + self.segment(segments)
        x = self.dropout(self.norm(x))
        keys = self.real(ids) if mask is None else mask.bool()
        keys = None if keys is None or bool(keys.all()) else keys[:, None, None, :]
        for block in self.blocks:
            x = block(x, keys)
        return x

    def real(self, ids: Tensor) -> Tensor | None:
        """True where ``ids [B, T]`` are no padding; None when the model knows no padding."""
        return None if self.settings.pad_id is None else ids != self.settings.pad_id

    def sentence(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """One vector a text, ``[B, C]``: the mean of ``encode`` over its real tokens."""
        x = self.encode(ids, mask=mask)
        keys = self.real(ids) if mask is None else mask.bool()
        weights = (torch.ones_like(ids) if keys is None else keys).to(x.dtype)[..., None]
        return (x * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)

    def initialise(self) -> None:
        """Normal weights as in ``GPT.initialise``: std 1/√inputs, for what is looked up 1/(2√C),
        or ``init_std`` everywhere (BERT's 0.02 was chosen for a width of 768); biases 0."""
        for name, p in self.named_parameters():
            if p.dim() == 2:
                looked_up = name in ("embedding.weight", "position.weight", "segment.weight")
                std = self.settings.init_std or (0.5 if looked_up else 1) / math.sqrt(p.shape[1])
                nn.init.normal_(p, std=std)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def config(self) -> dict[str, Any]:
        return asdict(self.settings)

    @classmethod
    def from_transformers(cls, model: nn.Module) -> "BERT":
        """A BERT with the weights of a transformers ``BertForMaskedLM``.

        As there, a padding mask must be given: ``pad_id`` is None. ValueError for a BERT whose
        inner layer is not four times as wide, or whose decoder is not tied.
        """
        theirs = model.config
        if theirs.intermediate_size != 4 * theirs.hidden_size or not theirs.tie_word_embeddings:
            raise ValueError(
                f"this BERT has an intermediate_size of {theirs.intermediate_size} for a "
                f"hidden_size of {theirs.hidden_size} and tie_word_embeddings "
                f"{theirs.tie_word_embeddings}; the book's has 4 · hidden_size, tied"
            )
        activations = {"gelu": "gelu_exact", "gelu_new": "gelu", "relu": "relu"}
        new = cls(
            BERTConfig(
                theirs.vocab_size,
                context=theirs.max_position_embeddings,
                hidden_size=theirs.hidden_size,
                num_heads=theirs.num_attention_heads,
                num_layers=theirs.num_hidden_layers,
                dropout=theirs.hidden_dropout_prob,
                num_segments=theirs.type_vocab_size,
                activation=activations[theirs.hidden_act],
                eps=theirs.layer_norm_eps,
                pad_id=None,
            )
        ).to(model.cls.predictions.bias)
        new.load_state_dict(renamed(dict(model.named_parameters())))
        return new


def renamed(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a ``BertForMaskedLM`` (weights, or gradients) by name, under the book's names.

    Queries, keys and values are three maps there, and the rows of one here.
    """
    ours: dict[str, Tensor] = {}
    for name, p in theirs.items():
        if ".key." in name or ".value." in name:
            continue
        if ".query." in name:
            parts = ("query", "key", "value")
            p = torch.cat([theirs[name.replace("query", part)] for part in parts])
        for old, new in BERT_NAMES.items():
            name = name.replace(old, new)
        ours[name] = p
    return ours


BERT_NAMES = {  # transformers' names of BERT's parts, and ours; the longer ones first
    "bert.embeddings.word_embeddings": "embedding",
    "bert.embeddings.position_embeddings": "position",
    "bert.embeddings.token_type_embeddings": "segment",
    "bert.embeddings.LayerNorm": "norm",
    "bert.encoder.layer.": "blocks.",
    "attention.self.query": "attention.qkv",
    "attention.output.dense": "attention.out",
    "attention.output.LayerNorm": "norm_1",
    "intermediate.dense": "feed_forward.up",
    "output.dense": "feed_forward.out",
    "output.LayerNorm": "norm_2",
    "cls.predictions.transform.dense": "transform",
    "cls.predictions.transform.LayerNorm": "transform_norm",
    "cls.predictions.bias": "head_bias",
}

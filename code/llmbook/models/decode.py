"""A GPT's step for one more token, as one flat function.

What it adds over ``GPT.logits``: nothing but speed. For one token a step's products are so small
that most of the time goes into finding its weights: every ``self.norm_1.weight`` is two searches
through a module, every call of a module a few more. Here the weights are looked up once, before
the first token. Engines that serve large models have such a second way, too.

Dimensions: B batch, C channels (hidden size), H heads, D = C / H, V vocabulary.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook import ops
from llmbook.layers import (
    Block,
    FeedForward,
    KVCache,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    RMSNorm,
)
from llmbook.layers.attention import Rotary

# A module of any other kind computes something that is not written here (LoRA's, for instance).
KNOWN = {
    Block, FeedForward, LayerNorm, Linear, MultiHeadAttention, RMSNorm, Rotary,
    Linear, nn.Embedding, nn.Linear, nn.ModuleList,
}  # fmt: skip

Step = Callable[[Tensor, list[KVCache] | None], tuple[Tensor, list[KVCache]]]


def decoder(model: Any) -> Step:
    """A function of ``(ids, state)`` that gives what ``model.logits`` gives, as long as the
    model's weights stay where they are.

    One token ``[B, 1]`` after a state takes the short way; anything else, and a model that is
    watched by hooks or has modules not of the book's own, takes ``model.logits``.
    """
    if not _is_plain(model):
        return model.logits
    weights = [_weights(block) for block in model.blocks]
    norm_out, head = _norm(model.norm), model.head.weight
    attention = model.blocks[0].attention
    H, qk_norm, rotary = attention.num_heads, attention.qk_norm, attention.rotary
    activation = model.blocks[0].feed_forward.activation

    @torch.no_grad()
    def step(ids: Tensor, state: list[KVCache] | None) -> tuple[Tensor, list[KVCache]]:
        if state is None or ids.shape[1] != 1:
            return model.logits(ids, state)
        B, past = len(ids), state[0].length
        x = model.embed(ids, past)  # [B, 1, C]
        if rotary is not None:
            cos, sin = rotary(past, past + 1, x)
        caches = []
        for (norm_1, qkv, out, norm_2, up, down), cache in zip(weights, state, strict=True):
            heads = F.linear(norm_1(x), *qkv).view(B, 3, H, 1, -1)
            q, k, v = heads.unbind(1)  # [B, H, 1, D]
            if qk_norm:
                q, k = F.rms_norm(q, q.shape[-1:]), F.rms_norm(k, k.shape[-1:])
            if rotary is not None:
                q, k = ops.rotate(q, cos, sin), ops.rotate(k, cos, sin)
            caches.append(cache := cache.extend(k, v))
            y = F.scaled_dot_product_attention(q, *cache.view())
            x = x + F.linear(y.view(B, 1, -1), *out)
            x = x + F.linear(activation(F.linear(norm_2(x), *up)), *down)
        return F.linear(norm_out(x), head), caches

    return step


def _is_plain(model: Any) -> bool:
    """Whether the model is made of the book's own modules alone, in evaluation, unobserved."""
    modules = list(model.modules())[1:]
    hooks = ("_forward_hooks", "_forward_pre_hooks")
    return (
        not model.training
        and all(type(m) in KNOWN for m in modules)
        and not any(getattr(m, name) for m in (model, *modules) for name in hooks)
        and not any(block.attention.record_weights for block in model.blocks)
    )


def _weights(block: Block) -> tuple[Any, ...]:
    """What one block needs, in the order of its equations."""
    linears = [
        (m.weight, m.bias)
        for m in (
            block.attention.qkv, block.attention.out, block.feed_forward.up, block.feed_forward.out
        )
    ]  # fmt: skip
    qkv, out, up, down = linears
    return _norm(block.norm_1), qkv, out, _norm(block.norm_2), up, down


def _norm(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """The module's function with its weights at hand."""
    shape, weight, eps = module.weight.shape, module.weight, module.eps
    if isinstance(module, RMSNorm):
        return lambda x: F.rms_norm(x, shape, weight, eps)
    bias = module.bias
    return lambda x: F.layer_norm(x, shape, weight, bias, eps)

"""Multi-head attention with masks, a memory to attend to, rotary positions and a KV cache.

Dimensions: B batch, T time, C channels (hidden size), H heads, D = C / H head size; Tq and Tk
are the numbers of queries and keys.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llmbook import ops
from llmbook.layers import fused
from llmbook.layers.linear import Linear, linear


@dataclass
class KVCache:
    """The keys and values of the positions read so far, ``[B, H, S, D]`` with S >= ``length``.

    ``extend`` never changes what a cache holds: it gives a new cache. Both may share one pair
    of buffers, because the new positions are written behind the old ones.
    """

    keys: Tensor
    values: Tensor
    length: int
    written: list[int] = field(default_factory=lambda: [0])  # shared along with the buffers

    def extend(self, k: Tensor, v: Tensor) -> "KVCache":
        """This cache with ``k, v [B, H, T, D]`` behind it."""
        old, new = self.length, self.length + k.shape[2]
        if torch.is_grad_enabled():  # autograd forbids writing into what it has recorded
            keys = torch.cat([self.keys[:, :, :old], k], dim=2)
            return KVCache(keys, torch.cat([self.values[:, :, :old], v], dim=2), new, [new])
        cache = self
        # Full, or another continuation of the same past has already written behind it:
        if new > self.keys.shape[2] or self.written[0] != old:
            cache = KVCache(self.roomy(self.keys, new), self.roomy(self.values, new), old)
        cache.keys.narrow(2, old, new - old).copy_(k)
        cache.values.narrow(2, old, new - old).copy_(v)
        cache.written[0] = new
        return KVCache(cache.keys, cache.values, new, cache.written)

    def roomy(self, old: Tensor, length: int) -> Tensor:
        """A copy with room for twice ``length``, so that copying stays rare."""
        B, H, _, D = old.shape
        buffer = old.new_empty(B, H, 2 * length, D)
        buffer[:, :, : self.length] = old[:, :, : self.length]
        return buffer

    def view(self) -> tuple[Tensor, Tensor]:
        """Keys and values of the ``length`` positions that count."""
        if self.length == self.keys.shape[2]:  # a slice would cost a copy on the way back
            return self.keys, self.values
        return self.keys.narrow(2, 0, self.length), self.values.narrow(2, 0, self.length)


class Rotary(nn.Module):
    """The cosines and sines of ``ops.rotary``, computed once for every position up to the last."""

    def __init__(self, head_size: int):
        super().__init__()
        self.head_size = head_size
        self.register_buffer("cos", torch.empty(0, head_size // 2), persistent=False)
        self.register_buffer("sin", torch.empty(0, head_size // 2), persistent=False)

    def forward(self, start: int, stop: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin of positions start … stop − 1, ``[stop − start, D/2]``."""
        if stop > len(self.cos) or self.cos.dtype != like.dtype:
            positions = torch.arange(2 * stop, device=like.device)
            angles = ops.rotary_angles(positions, self.head_size)
            self.cos, self.sin = angles.cos().to(like.dtype), angles.sin().to(like.dtype)
        return self.cos[start:stop], self.sin[start:stop]


class MultiHeadAttention(nn.Module):
    """H attentions side by side, each over its own D = C / H channels (Vaswani et al. 2017).

    ``qkv`` holds the three input projections, ``[3C, C]`` in the order query, key, value (as
    ``nn.MultiheadAttention``'s ``in_proj_weight``); ``out`` mixes the heads. With
    ``record_weights`` set, ``last_weights [B, H, Tq, Tk]`` keeps what the last call attended to.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        dropout: float = 0.0,
        rotary: bool = False,
        qk_norm: bool = False,
        bias: bool = True,
    ):
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(
                f"hidden_size {hidden_size} does not divide into {num_heads} heads; "
                "choose a multiple"
            )
        self.num_heads, self.dropout, self.qk_norm = num_heads, dropout, qk_norm
        self.qkv = Linear(hidden_size, 3 * hidden_size, bias=bias)
        self.out = Linear(hidden_size, hidden_size, bias=bias)
        self.rotary = Rotary(hidden_size // num_heads) if rotary else None
        self.record_weights, self.last_weights = False, None

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
        causal: bool = False,
        cache: KVCache | None = None,
    ) -> tuple[Tensor, KVCache]:
        """Attend from ``x [B, Tq, C]`` to itself, or to ``memory [B, Tk, C]`` if it is given.

        ``mask`` is boolean, True where a query may look, and broadcasts to [B, H, Tq, Tk]
        (for padded keys, ``ops.padding_mask``). ``cache`` holds earlier positions of ``x``.
        Gives ``(output [B, Tq, C], the cache with x's positions added)``.
        """
        q, k, v = self.project(x, memory)
        start = 0 if cache is None else cache.length
        if self.qk_norm:
            q, k = fused.rms_norm(q), fused.rms_norm(k)
        if self.rotary is not None and memory is None:
            cos, sin = self.rotary(start, start + x.shape[1], x)
            q, k = fused.rotate(q, cos, sin), fused.rotate(k, cos, sin)
        cache = KVCache(k, v, k.shape[2], [k.shape[2]]) if cache is None else cache.extend(k, v)
        y = self.attend(q, *cache.view(), mask, causal)
        return self.out(y.transpose(1, 2).flatten(2)), cache  # heads side by side again

    def project(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, ...]:
        """Queries of ``x``, keys and values of ``memory`` (None: of ``x``), cut into heads:
        ``[B, H, T, D]``."""
        if memory is None:
            return self.heads(self.qkv(x), 3)
        C = x.shape[-1]
        W, b = self.qkv.weight, self.qkv.bias
        (q,) = self.heads(linear(x, W[:C], None if b is None else b[:C]), 1)
        k, v = self.heads(linear(memory, W[C:], None if b is None else b[C:]), 2)
        return q, k, v

    def heads(self, y: Tensor, parts: int) -> tuple[Tensor, ...]:
        """``y [B, T, parts · C]`` as so many ``[B, H, T, D]``."""
        B, T, C = y.shape
        D = C // (parts * self.num_heads)
        return y.view(B, T, parts, self.num_heads, D).permute(2, 0, 3, 1, 4).unbind()

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """``ops.attention``, by torch's fused kernel unless the weights are asked for."""
        dropout = self.dropout if self.training else 0.0
        if self.record_weights:
            y, self.last_weights = ops.attention(q, k, v, mask, causal)
            return y
        Tq, Tk = q.shape[2], k.shape[2]
        if causal and (mask is not None or 1 < Tq < Tk):
            # The kernel's own causal mask takes the queries for the first positions, not the
            # last, and admits no second mask.
            allowed = ops.causal_mask(Tq, Tk, q.device)
            mask, causal = allowed if mask is None else allowed & mask, False
        causal = causal and Tq > 1  # one query, the last, sees everything
        return F.scaled_dot_product_attention(q, k, v, mask, dropout, causal)

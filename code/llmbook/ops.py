"""The book's equations, each as one pure function that carries the equation's symbols.

Nothing here holds parameters or remembers anything: what comes in fixes what goes out. The
modules in ``llmbook.layers`` hold the parameters and compute the same values faster; tests
prove that they agree with these functions and with torch.

Dimensions: B batch, T time, I input, C channels (hidden size), D head size, V vocabulary,
N rows; Tq and Tk are the numbers of queries and keys, ``...`` is any number of leading
dimensions.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

# --- From scores to probabilities to a loss --------------------------------------------------


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Probabilities exp(xᵢ) / Σⱼ exp(xⱼ) along ``dim``; the same shape as ``x``."""
    # Subtracting the maximum changes nothing in the quotient and keeps exp from overflowing.
    exp = torch.exp(x - x.amax(dim, keepdim=True).detach())
    return exp / exp.sum(dim, keepdim=True)


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Log-probabilities xᵢ − log Σⱼ exp(xⱼ) along ``dim``; the same shape as ``x``."""
    x = x - x.amax(dim, keepdim=True).detach()
    return x - torch.exp(x).sum(dim, keepdim=True).log()


def cross_entropy(
    logits: Tensor, targets: Tensor, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """−log p(target), in nats, of ``logits [..., V]`` against ``targets [...]``.

    Targets equal to ``ignore_index`` count for nothing. ``reduction`` is "mean" over the
    targets that count (nan when none does, as in torch), "sum", or "none" (``targets``'s shape).
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is {reduction!r}; choose 'mean', 'sum' or 'none'")
    counts = targets != ignore_index
    index = targets.masked_fill(~counts, 0).unsqueeze(-1)
    loss = -log_softmax(logits).gather(-1, index).squeeze(-1)
    loss = loss.masked_fill(~counts, 0.0)
    if reduction == "none":
        return loss
    return loss.sum() / counts.sum() if reduction == "mean" else loss.sum()


# --- Recurrent networks: one step in time, then the loop over time ---------------------------


def rnn_step(x_t: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    """h_t = tanh(W_hh h_{t−1} + W_xh x_t + b_h) (Elman 1990).

    Shapes: ``x_t [B, I]``, ``h [B, C]``, ``W_xh [C, I]``, ``W_hh [C, C]``, ``b_h [C]``; gives
    ``[B, C]``. A batch keeps its vectors in rows, so W h is written ``h @ W.T``.
    """
    return torch.tanh(h @ W_hh.T + x_t @ W_xh.T + b_h)


class Gates(NamedTuple):
    """What an LSTM step computed on its way, ``[B, C]`` each."""

    i: Tensor  # input gate: how much of the candidate is written
    f: Tensor  # forget gate: how much of the old cell stays
    g: Tensor  # candidate, the C̃ of the equations
    o: Tensor  # output gate: how much of the cell is shown


def lstm_step(
    x_t: Tensor, h: Tensor, c: Tensor, W: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Gates]:
    """One LSTM step (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000).

    Shapes: ``x_t [B, I]``; ``h, c [B, C]``; ``W [4C, C + I]`` acts on [h, x] and ``b [4C]``,
    their rows in torch's order i, f, g, o. Gives ``(h_t, c_t, gates)``.
    """
    i, f, g, o = (torch.cat([h, x_t], dim=-1) @ W.T + b).chunk(4, dim=-1)
    f = torch.sigmoid(f)  # f_t = σ(W_f [h_{t−1}, x_t] + b_f)
    i = torch.sigmoid(i)  # i_t = σ(W_i [h_{t−1}, x_t] + b_i)
    g = torch.tanh(g)  # C̃_t = tanh(W_C [h_{t−1}, x_t] + b_C)
    c = f * c + i * g  # C_t = f_t ⊙ C_{t−1} + i_t ⊙ C̃_t
    o = torch.sigmoid(o)  # o_t = σ(W_o [h_{t−1}, x_t] + b_o)
    h = o * torch.tanh(c)  # h_t = o_t ⊙ tanh(C_t)
    return h, c, Gates(i, f, g, o)


def gru_step(
    x_t: Tensor,
    h: Tensor,
    W_xh: Tensor,
    W_hh: Tensor,
    b_xh: Tensor,
    b_hh: Tensor,
    reset_after: bool = True,
) -> Tensor:
    """One GRU step (Cho et al. 2014): h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t−1}; gives ``[B, C]``.

    Shapes: ``x_t [B, I]``, ``h [B, C]``, ``W_xh [3C, I]``, ``W_hh [3C, C]``, biases ``[3C]``,
    rows in torch's order r (reset), z (update), n (candidate). The paper resets the state
    before the matrix product, W_hn (r ⊙ h); torch and cuDNN reset after it, r ⊙ (W_hn h):
    that is ``reset_after``.
    """
    C = h.shape[-1]
    x_r, x_z, x_n = (x_t @ W_xh.T + b_xh).chunk(3, dim=-1)
    h_r, h_z = (h @ W_hh[: 2 * C].T + b_hh[: 2 * C]).chunk(2, dim=-1)
    r = torch.sigmoid(x_r + h_r)
    z = torch.sigmoid(x_z + h_z)
    W_hn, b_hn = W_hh[2 * C :], b_hh[2 * C :]
    h_n = r * (h @ W_hn.T + b_hn) if reset_after else (r * h) @ W_hn.T + b_hn
    n = torch.tanh(x_n + h_n)
    return (1 - z) * n + z * h


# --- Attention -------------------------------------------------------------------------------


def causal_mask(Tq: int, Tk: int, device: torch.device | None = None) -> Tensor:
    """``[Tq, Tk]``, True where a query may look: at itself and back. Queries are the last Tq."""
    return torch.ones(Tq, Tk, dtype=torch.bool, device=device).tril(Tk - Tq)


def padding_mask(lengths: Tensor, T: int) -> Tensor:
    """``[B, 1, 1, T]``, True at the first ``lengths[b]`` positions of row b: the real keys."""
    return (torch.arange(T, device=lengths.device) < lengths[:, None])[:, None, None, :]


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False
) -> tuple[Tensor, Tensor]:
    """softmax(Q Kᵀ / √D) V (Vaswani et al. 2017, equation 1), and the weights it used.

    Shapes: ``q [..., Tq, D]``, ``k [..., Tk, D]``, ``v [..., Tk, Dv]``; gives ``(output
    [..., Tq, Dv], weights [..., Tq, Tk])``. ``mask`` is boolean, True where a query may look
    at a key, and broadcasts to the weights. With ``causal`` the queries are the last Tq of
    the Tk positions. A query that may look nowhere gets zeros.
    """
    Tq, Tk, D = q.shape[-2], k.shape[-2], q.shape[-1]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)
    allowed = torch.ones(Tq, Tk, dtype=torch.bool, device=q.device) if mask is None else mask
    if causal:
        allowed = allowed & causal_mask(Tq, Tk, q.device)
    # The most negative finite number, not −inf: a row with no key would be 0/0, in its
    # gradient too. The second fill makes that row zero.
    scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    weights = softmax(scores).masked_fill(~allowed, 0.0)
    return weights @ v, weights


# --- Normalisation and activation ------------------------------------------------------------


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None, eps: float = 1e-5) -> Tensor:
    """(x − mean) / √(variance + eps) ⊙ weight + bias over the last dimension (Ba et al. 2016)."""
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.pow(2).mean(-1, keepdim=True)
    y = centred / torch.sqrt(variance + eps) * weight
    return y if bias is None else y + bias


def rms_norm(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> Tensor:
    """x / √(mean of x² + eps) ⊙ weight over the last dimension (Zhang & Sennrich 2019)."""
    y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    return y if weight is None else y * weight


def gelu(x: Tensor, approximate: str = "tanh") -> Tensor:
    """x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016).

    "none" is exact, by the error function; "tanh" is the paper's approximation and what
    GPT-2 was trained with.
    """
    if approximate == "none":
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    raise ValueError(f"approximate is {approximate!r}; choose 'tanh' or 'none'")


# --- Positions -------------------------------------------------------------------------------


def sinusoidal(T: int, C: int) -> Tensor:
    """``[T, C]``: sines (even channels) and cosines (odd), wavelengths 2π to 10000·2π.

    Vaswani et al. 2017, section 3.5. ``C`` must be even.
    """
    angles = rotary_angles(torch.arange(T), C)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, C)


def rotary_angles(positions: Tensor, D: int, base: float = 10000.0) -> Tensor:
    """``[T, D/2]``, in radians: position · base^(−2j/D) for the j-th pair of channels."""
    if D % 2:
        raise ValueError(f"channels turn in pairs, so their number must be even; got {D}")
    j = torch.arange(D // 2, device=positions.device)
    return positions[:, None].float() * base ** (-2 * j / D)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of channels (j, j + D/2) of ``x [..., T, D]``; cos and sin ``[T, D/2]``."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def rotary(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Queries or keys ``x [..., T, D]`` turned by angles that grow with their ``positions [T]``.

    The dot product of two turned vectors depends on the distance between their positions
    alone (RoFormer, Su et al. 2021, equation 34). The paper turns neighbouring channels
    (2j, 2j+1); as most code does, this turns channels (j, j + D/2), the same up to their order.
    """
    angles = rotary_angles(positions, x.shape[-1], base)
    return rotate(x, angles.cos().to(x.dtype), angles.sin().to(x.dtype))


# --- From gradients to updates ---------------------------------------------------------------


def adamw_step(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    t: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.99),
    eps: float = 1e-8,
    weight_decay: float = 0.1,
) -> tuple[Tensor, Tensor, Tensor]:
    """One update of AdamW: new ``(p, m, v)``, all of the shape of ``p``; ``t`` is 1 at the first.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101, algorithm 2.
    """
    beta_1, beta_2 = betas
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    p = p - lr * weight_decay * p - lr * m_hat / (v_hat.sqrt() + eps)
    return p, m, v


NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)  # Jordan's coefficients


def orthogonalise(
    G: Tensor, steps: int = 5, coefficients: tuple[float, float, float] = NEWTON_SCHULZ
) -> Tensor:
    """Newton-Schulz: G = U S Vᵀ ``[rows, columns]`` with its singular values driven towards 1.

    Every step maps each singular value s to a s + b s³ + c s⁵ and leaves U and V alone. Jordan's
    coefficients lift small values fastest and leave all between about 0.7 and 1.2; with
    (15/8, -10/8, 3/8) they converge to 1. Jordan et al. 2024, "Muon".
    """
    a, b, c = coefficients
    wide = G.shape[0] <= G.shape[1]
    X = G if wide else G.T
    X = X / X.norm().clamp(min=1e-7)  # the Frobenius norm: no singular value is above 1
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X if wide else X.T

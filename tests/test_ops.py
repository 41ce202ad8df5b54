"""The equations against torch: values, gradients, masks and extremes."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llmbook import ops
from parity import both_precisions, close, randn, same

INF = math.inf


def rows(dtype):
    """Logits from everyday to absurd, one kind a row."""
    return torch.cat(
        [
            randn(3, 5, dtype=dtype),
            randn(2, 5, dtype=dtype, seed=1, scale=1e4),
            torch.tensor(
                [[0.0] * 5, [1e30, -1e30, 0, 1e30, 5], [-INF, 0, 1, -INF, 2]], dtype=dtype
            ),
        ]
    )


@both_precisions
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_and_log_softmax(dtype, dim):
    x = rows(dtype)
    same(lambda x: ops.softmax(x, dim), lambda x: F.softmax(x, dim), x)
    finite = x.clamp(-1e30, 1e30)  # random weights times −inf would be no number to compare
    same(lambda x: ops.log_softmax(x, dim), lambda x: F.log_softmax(x, dim), finite)
    close(ops.log_softmax(x, dim), F.log_softmax(x, dim))


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (2, 0, 3)])
def test_softmax_of_little(shape):
    x = torch.randn(shape)
    close(ops.softmax(x), F.softmax(x, dim=-1))
    close(ops.log_softmax(x), F.log_softmax(x, dim=-1))


def test_softmax_of_a_plus_infinite_logit_is_not_a_number_as_in_torch():
    x = torch.tensor([[INF, 0.0], [INF, INF], [-INF, -INF]])
    close(ops.softmax(x), F.softmax(x, dim=-1))


@both_precisions
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore_index", [-100, 2])
def test_cross_entropy(dtype, reduction, ignore_index):
    x = rows(dtype)
    targets = torch.tensor([0, 1, 2, 3, 4, ignore_index, 0, 1])
    kwargs = {"ignore_index": ignore_index, "reduction": reduction}
    same(
        lambda x: ops.cross_entropy(x, targets, **kwargs),
        lambda x: F.cross_entropy(x, targets, **kwargs),
        x,
    )


@both_precisions
def test_cross_entropy_of_a_batch_of_texts(dtype):
    x = randn(2, 3, 7, dtype=dtype)
    targets = torch.tensor([[0, 6, -100], [3, -100, -100]])
    for reduction in ("mean", "sum", "none"):
        ours = ops.cross_entropy(x, targets, reduction=reduction)
        close(ours, F.cross_entropy(x.transpose(1, 2), targets, reduction=reduction))


def test_cross_entropy_extremes():
    x = torch.zeros(2, 3)
    none = torch.full((2,), -100)
    assert ops.cross_entropy(x, none).isnan()  # the mean of nothing, as in torch
    assert F.cross_entropy(x, none).isnan()
    assert ops.cross_entropy(x, none, reduction="sum") == 0
    assert ops.cross_entropy(x[:0], none[:0], reduction="sum") == 0
    impossible = torch.tensor([[0.0, -INF, 0.0]])
    assert ops.cross_entropy(impossible, torch.tensor([1])) == INF
    with pytest.raises(ValueError, match="'mean', 'sum' or 'none'"):
        ops.cross_entropy(x, none, reduction="average")


def test_cross_entropy_of_a_uniform_law_is_log_v():
    loss = ops.cross_entropy(torch.zeros(4, 1000, dtype=torch.float64), torch.arange(4))
    assert math.isclose(loss, math.log(1000), rel_tol=1e-12)


# --- Recurrent steps ------------------------------------------------------------------------


@both_precisions
def test_rnn_step(dtype):
    cell = nn.RNNCell(3, 4).to(dtype)
    p = [x.detach() for x in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)]
    same(
        lambda x, h, W_xh, W_hh, b1, b2: ops.rnn_step(x, h, W_xh, W_hh, b1 + b2),
        lambda x, h, *p: torch.rnn_tanh_cell(x, h, *p),
        randn(5, 3, dtype=dtype),
        randn(5, 4, dtype=dtype, seed=1),
        *p,
    )


@both_precisions
def test_lstm_step(dtype):
    cell = nn.LSTMCell(3, 4).to(dtype)
    p = [x.detach() for x in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)]

    def ours(x, h, c, W_ih, W_hh, b1, b2):
        h, c, gates = ops.lstm_step(x, h, c, torch.cat([W_hh, W_ih], dim=1), b1 + b2)
        assert all(gate.min() >= 0 and gate.max() <= 1 for gate in (gates.i, gates.f, gates.o))
        return torch.cat([h, c])

    same(
        ours,
        lambda x, h, c, *p: torch.cat(torch.lstm_cell(x, (h, c), *p)),
        randn(5, 3, dtype=dtype),
        randn(5, 4, dtype=dtype, seed=1),
        randn(5, 4, dtype=dtype, seed=2),
        *p,
    )


@both_precisions
def test_gru_step_resetting_after_the_product(dtype):
    cell = nn.GRUCell(3, 4).to(dtype)
    p = [x.detach() for x in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)]
    x, h = randn(5, 3, dtype=dtype), randn(5, 4, dtype=dtype, seed=1)
    same(ops.gru_step, lambda x, h, *p: torch.gru_cell(x, h, *p), x, h, *p)


@both_precisions
def test_gru_step_resetting_before_the_product_is_the_papers(dtype):
    """Cho et al. 2014, equations 5 to 8, number by number."""
    C, I = 3, 2  # noqa: E741
    x, h = randn(1, I, dtype=dtype), randn(1, C, dtype=dtype, seed=1)
    W, U = randn(3 * C, I, dtype=dtype, seed=2), randn(3 * C, C, dtype=dtype, seed=3)
    b, zero = randn(3 * C, dtype=dtype, seed=4), torch.zeros(3 * C, dtype=dtype)

    def line(row, state):  # (W x)_row + (U state)_row + b_row
        w = sum(W[row, k] * x[0, k] for k in range(I))
        return w + sum(U[row, k] * state[k] for k in range(C)) + b[row]

    old = list(h[0])
    r = [torch.sigmoid(line(j, old)) for j in range(C)]
    z = [torch.sigmoid(line(C + j, old)) for j in range(C)]
    reset = [r[j] * old[j] for j in range(C)]
    n = [torch.tanh(line(2 * C + j, reset)) for j in range(C)]
    expected = torch.stack([z[j] * old[j] + (1 - z[j]) * n[j] for j in range(C)])
    close(ops.gru_step(x, h, W, U, b, zero, reset_after=False)[0], expected)
    assert not torch.allclose(ops.gru_step(x, h, W, U, b, zero)[0], expected, rtol=1e-3)


# --- Attention ------------------------------------------------------------------------------

B, H, D = 2, 3, 4


def qkv(Tq, Tk, dtype, scale=1.0):
    return (
        randn(B, H, Tq, D, dtype=dtype, scale=scale),
        randn(B, H, Tk, D, dtype=dtype, seed=1, scale=scale),
        randn(B, H, Tk, D + 1, dtype=dtype, seed=2),
    )


def masks(Tq, Tk):
    """No mask, one for all, per batch (padding), per everything, and with a forbidden row."""
    random = torch.rand(B, H, Tq, Tk, generator=torch.Generator().manual_seed(3)) < 0.6
    empty = random.clone()
    empty[0, 1, Tq - 1] = False
    return [
        None,
        random[0, 0] | torch.eye(Tq, Tk, dtype=torch.bool),
        ops.padding_mask(torch.tensor([Tk, max(1, Tk - 2)]), Tk),
        ops.padding_mask(torch.tensor([Tk, 0]), Tk),
        random,
        empty,
    ]


@both_precisions
@pytest.mark.parametrize(("Tq", "Tk"), [(5, 5), (1, 1), (1, 6), (3, 7)])
@pytest.mark.parametrize("which", range(6))
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_attention(dtype, Tq, Tk, which, scale):
    mask = masks(Tq, Tk)[which]
    same(
        lambda q, k, v: ops.attention(q, k, v, mask)[0],
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask),
        *qkv(Tq, Tk, dtype, scale),
    )


@both_precisions
@pytest.mark.parametrize("which", range(6))
def test_causal_attention(dtype, which):
    mask = masks(5, 5)[which]
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    same(
        lambda q, k, v: ops.attention(q, k, v, mask, causal=True)[0],
        lambda q, k, v: F.scaled_dot_product_attention(
            q, k, v, causal if mask is None else causal & mask
        ),
        *qkv(5, 5, dtype),
    )


@both_precisions
def test_causal_queries_are_the_last_positions(dtype):
    q, k, v = qkv(6, 6, dtype)
    whole, weights = ops.attention(q, k, v, causal=True)
    close(ops.attention(q[:, :, 4:], k, v, causal=True)[0], whole[:, :, 4:])
    assert (weights.triu(1) == 0).all()
    close(weights.sum(-1), torch.ones_like(weights[..., 0]))


def test_a_query_that_may_look_nowhere_gets_zeros_and_finite_gradients():
    q, k, v = (x.requires_grad_() for x in qkv(3, 3, torch.float32))
    y, weights = ops.attention(q, k, v, torch.zeros(3, 3, dtype=torch.bool))
    assert (y == 0).all()
    assert (weights == 0).all()
    y.sum().backward()
    assert all((x.grad == 0).all() for x in (q, k, v))


# --- Normalisation, activation, positions ---------------------------------------------------


@both_precisions
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_norms(dtype, scale):
    x = randn(2, 3, 8, dtype=dtype, scale=scale)
    w, b = randn(8, dtype=dtype, seed=1), randn(8, dtype=dtype, seed=2)
    same(ops.layer_norm, lambda x, w, b: F.layer_norm(x, (8,), w, b), x, w, b)
    same(lambda x, w: ops.layer_norm(x, w, None), lambda x, w: F.layer_norm(x, (8,), w), x, w)
    same(ops.rms_norm, lambda x, w: F.rms_norm(x, (8,), w, eps=1e-6), x, w)
    same(ops.rms_norm, lambda x: F.rms_norm(x, (8,), eps=1e-6), x)


@both_precisions
@pytest.mark.parametrize("approximate", ["tanh", "none"])
def test_gelu(dtype, approximate):
    x = torch.cat([randn(100, dtype=dtype, scale=3), torch.tensor([0.0, -20, 20], dtype=dtype)])
    same(
        lambda x: ops.gelu(x, approximate=approximate),
        lambda x: F.gelu(x, approximate=approximate),
        x,
    )


def test_gelu_names_its_choices():
    with pytest.raises(ValueError, match="'tanh' or 'none'"):
        ops.gelu(torch.zeros(1), approximate="erf")


@both_precisions
def test_rotary_equals_llamas(dtype):
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    T, D = 7, 8
    q, k = randn(2, 3, T, D, dtype=dtype), randn(2, 3, T, D, dtype=dtype, seed=1)
    angles = ops.rotary_angles(torch.arange(T), D).repeat(1, 2)[None]
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    for x, theirs in zip((q, k), apply_rotary_pos_emb(q, k, cos, sin), strict=True):
        close(ops.rotary(x, torch.arange(T)), theirs)


def test_rotary_makes_scores_depend_on_distance_alone():
    q, k = randn(1, 8, dtype=torch.float64), randn(1, 8, dtype=torch.float64, seed=1)

    def score(m, n):
        return ops.rotary(q, torch.tensor([m])) @ ops.rotary(k, torch.tensor([n])).T

    # angles are computed in float32, so equality holds to its precision
    torch.testing.assert_close(score(5, 2), score(105, 102), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(score(5, 2), score(5, 3), atol=1e-2)
    close(ops.rotary(q, torch.tensor([0])), q)


@pytest.mark.parametrize("C", [2, 8])
def test_sinusoidal_is_the_papers_formula(C):
    table = ops.sinusoidal(50, C)
    for t in (0, 1, 49):
        for i in range(C // 2):
            angle = t / 10000 ** (2 * i / C)
            assert math.isclose(table[t, 2 * i], math.sin(angle), abs_tol=1e-5)
            assert math.isclose(table[t, 2 * i + 1], math.cos(angle), abs_tol=1e-5)


def test_an_odd_number_of_channels_cannot_turn_in_pairs():
    with pytest.raises(ValueError, match="must be even; got 5"):
        ops.sinusoidal(3, 5)

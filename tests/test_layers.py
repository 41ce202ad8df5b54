"""The layers against torch's, against the plain loops over ``ops``, and against themselves."""

import pytest
import torch
from torch import nn

from llmbook import ops
from llmbook.layers import (
    GRU,
    LSTM,
    RNN,
    Block,
    FeedForward,
    LayerNorm,
    MultiHeadAttention,
    RMSNorm,
    fused,
)
from llmbook.layers.bptt import GRUOverTime, LSTMOverTime, RNNOverTime
from llmbook.layers.transformer import ACTIVATIONS
from parity import both_precisions, close, randn, same

B, T, I, C = 3, 5, 4, 6  # noqa: E741
PAIRS = [(RNN, nn.RNN), (LSTM, nn.LSTM), (GRU, nn.GRU)]
recurrent = pytest.mark.parametrize(("Ours", "Theirs"), PAIRS, ids=["rnn", "lstm", "gru"])


def flat(outputs, state):
    """Everything a recurrent layer returns, as one tensor, so that all of it is compared."""
    states = state if isinstance(state, tuple) else (state,)
    return torch.cat([outputs.flatten(), *(s.flatten() for s in states)])


def states_of(layer_class, batch, dtype):
    h, c = randn(batch, C, dtype=dtype, seed=1), randn(batch, C, dtype=dtype, seed=2)
    return (h, c) if layer_class is LSTM else (h,)


# --- Recurrent layers -----------------------------------------------------------------------


@both_precisions
@recurrent
@pytest.mark.parametrize("shape", [(B, T), (1, 1), (2, 40), (0, 3)])
def test_recurrent_layers_equal_torchs(Ours, Theirs, dtype, shape):
    torch.manual_seed(0)
    theirs = Theirs(I, C, batch_first=True).to(dtype)
    ours = Ours.from_torch(theirs)

    def run_ours(x, *state):
        return flat(*ours(x, state if len(state) > 1 else state[0]))

    def run_theirs(x, *state):
        state = tuple(s[None] for s in state)
        return flat(*theirs(x, state if len(state) > 1 else state[0]))

    x, state = randn(*shape, I, dtype=dtype), states_of(Ours, shape[0], dtype)
    if shape[0]:
        same(run_ours, run_theirs, x, *state)
    else:  # torch refuses an empty batch; ours gives nothing of the right shape
        assert ours(x)[0].shape == (*shape, C)


@both_precisions
@recurrent
def test_gradients_of_the_weights_equal_torchs(Ours, Theirs, dtype):
    torch.manual_seed(0)
    theirs = Theirs(I, C, batch_first=True).to(dtype)
    ours = Ours.from_torch(theirs)
    x, weights = randn(B, T, I, dtype=dtype), randn(B, T, C, dtype=dtype, seed=3)
    for layer in (ours, theirs):
        (layer(x)[0] * weights).sum().backward()
    close(ours.weight_ih.grad, theirs.weight_ih_l0.grad)
    close(ours.weight_hh.grad, theirs.weight_hh_l0.grad)
    close(ours.bias.grad, theirs.bias_ih_l0.grad)
    if Ours is GRU:
        close(ours.bias_candidate.grad, theirs.bias_hh_l0.grad[2 * C :])


@both_precisions
@recurrent
def test_the_fast_way_equals_the_plain_loop(Ours, Theirs, dtype):
    torch.manual_seed(0)
    layer = Ours(I, C).to(dtype)
    names, values = zip(*layer.named_parameters(), strict=True)

    def plain(x, *values):
        weights = {f"layer.{n}": v for n, v in zip(names, values, strict=True)}
        return torch.func.functional_call(_Unrolled(layer), weights, (x,))

    def fast(x, *values):
        weights = dict(zip(names, values, strict=True))
        return torch.func.functional_call(layer, weights, (x,))[0]

    same(fast, plain, randn(B, T, I, dtype=dtype), *values)


class _Unrolled(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        states = self.layer.unroll(x)
        return torch.stack([s[0] if isinstance(s, tuple) else s for s in states], dim=1)


@pytest.mark.parametrize(
    ("function", "gates", "states"),
    [(RNNOverTime, 1, 1), (LSTMOverTime, 4, 2), (GRUOverTime, 3, 1)],
)
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (3, 2)])
def test_backpropagation_through_time_equals_finite_differences(
    function, gates, states, steps, batch
):
    def numbers(*shape, seed):
        return randn(*shape, dtype=torch.float64, seed=seed).requires_grad_()

    inputs = [numbers(steps, batch, 2, seed=0)]
    inputs += [numbers(batch, 3, seed=1 + s) for s in range(states)]
    inputs += [numbers(gates * 3, 2, seed=5), numbers(gates * 3, 3, seed=6)]
    inputs += [numbers(gates * 3, seed=7)] + [numbers(9, seed=8)] * (function is GRUOverTime)
    assert torch.autograd.gradcheck(function.apply, inputs)


@recurrent
def test_a_sequence_in_pieces_equals_the_whole(Ours, Theirs):
    layer, x = Ours(I, C).double(), randn(B, 9, I, dtype=torch.float64)
    whole, last = layer(x)
    pieces, state = [], None
    for piece in x.split([1, 0, 4, 4], dim=1):
        y, state = layer(piece, state)
        pieces.append(y)
    close(flat(torch.cat(pieces, dim=1), state), flat(whole, last))


@recurrent
def test_recurrent_layers_refuse_what_they_cannot_copy_or_read(Ours, Theirs):
    with pytest.raises(ValueError, match="one layer and one direction"):
        Ours.from_torch(Theirs(I, C, num_layers=2))
    with pytest.raises(ValueError, match=r"shape \[3, 5\]; this \w+ reads \[batch, time, 4\]"):
        Ours(I, C)(torch.zeros(3, 5))


def test_an_lstm_begins_by_remembering():
    assert (LSTM(I, C).bias[C : 2 * C] == 1).all()


# --- Attention ------------------------------------------------------------------------------

H = 2


def copied_attention(dtype, bias=True):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(C, H, batch_first=True, bias=bias).to(dtype)
    ours = MultiHeadAttention(C, H, bias=bias).to(dtype)
    for p in theirs.parameters():
        nn.init.normal_(p, std=0.5)
    copy_attention(ours, theirs)
    return ours, theirs


@torch.no_grad()
def copy_attention(ours, theirs):
    ours.qkv.weight.copy_(theirs.in_proj_weight)
    ours.out.weight.copy_(theirs.out_proj.weight)
    if theirs.in_proj_bias is not None:
        ours.qkv.bias.copy_(theirs.in_proj_bias)
        ours.out.bias.copy_(theirs.out_proj.bias)


@both_precisions
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("record", [True, False], ids=["recorded", "fused"])
def test_attention_equals_torchs(dtype, bias, record):
    ours, theirs = copied_attention(dtype, bias)
    ours.record_weights = record
    x, memory = randn(B, T, C, dtype=dtype), randn(B, 7, C, dtype=dtype, seed=1)
    lengths = torch.tensor([7, 3, 1])
    forbidden = torch.ones(T, T, dtype=torch.bool).triu(1)
    ignored = ~ops.padding_mask(lengths, 7)[:, 0, 0]

    def theirs_to(x, memory, **masks):
        return theirs(x, memory, memory, need_weights=False, **masks)[0]

    same(lambda x: ours(x)[0], lambda x: theirs_to(x, x), x)
    same(lambda x: ours(x, causal=True)[0], lambda x: theirs_to(x, x, attn_mask=forbidden), x)
    same(lambda x, m: ours(x, m)[0], theirs_to, x, memory)
    same(
        lambda x, m: ours(x, m, mask=ops.padding_mask(lengths, 7))[0],
        lambda x, m: theirs_to(x, m, key_padding_mask=ignored),
        x,
        memory,
    )
    padded = ops.padding_mask(torch.tensor([5, 2, 1]), T)
    same(
        lambda x: ours(x, mask=padded, causal=True)[0],
        lambda x: theirs_to(x, x, attn_mask=forbidden, key_padding_mask=~padded[:, 0, 0]),
        x,
    )


def test_recorded_weights_are_torchs_head_by_head():
    ours, theirs = copied_attention(torch.float64)
    ours.record_weights = True
    x = randn(B, T, C, dtype=torch.float64)
    ours(x)
    close(ours.last_weights, theirs(x, x, x, average_attn_weights=False)[1])


@pytest.mark.parametrize("rotary", [True, False])
@pytest.mark.parametrize("qk_norm", [True, False])
@pytest.mark.parametrize("grad", [True, False])
def test_attention_in_pieces_equals_the_whole(rotary, qk_norm, grad):
    layer = MultiHeadAttention(8, H, rotary=rotary, qk_norm=qk_norm).double()
    x = randn(B, 12, 8, dtype=torch.float64)
    with torch.set_grad_enabled(grad):
        whole, _ = layer(x, causal=True)
        for sizes in ([12], [1] * 12, [5, 1, 6], [0, 4, 0, 8]):
            pieces, cache = [], None
            for piece in x.split(sizes, dim=1):
                y, cache = layer(piece, causal=True, cache=cache)
                pieces.append(y)
            close(torch.cat(pieces, dim=1), whole)


@torch.no_grad()
def test_a_cache_can_be_continued_more_than_once():
    layer = MultiHeadAttention(8, H, rotary=True).double()
    x, a, b = (randn(1, t, 8, dtype=torch.float64, seed=s) for s, t in enumerate((3, 2, 2)))
    _, cache = layer(x, causal=True)
    _, cache = layer(x, causal=True, cache=cache)  # by now there is room behind
    _, after_a = layer(a, causal=True, cache=cache)
    y_b, _ = layer(b, causal=True, cache=cache)
    y_ab, _ = layer(b, causal=True, cache=after_a)
    close(y_b, layer(torch.cat([x, x, b], dim=1), causal=True)[0][:, -2:])
    close(y_ab, layer(torch.cat([x, x, a, b], dim=1), causal=True)[0][:, -2:])


def test_gradients_flow_through_a_cache():
    layer = MultiHeadAttention(8, H, rotary=True).double()

    def in_pieces(x):
        first, cache = layer(x[:, :4], causal=True)
        return torch.cat([first, layer(x[:, 4:], causal=True, cache=cache)[0]], dim=1)

    same(in_pieces, lambda x: layer(x, causal=True)[0], randn(2, 6, 8, dtype=torch.float64))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="hidden_size 6 does not divide into 4 heads"):
        MultiHeadAttention(6, 4)


# --- Blocks ---------------------------------------------------------------------------------


@both_precisions
def test_norms_equal_torchs(dtype):
    x = randn(B, T, C, dtype=dtype)
    for ours, theirs in ((LayerNorm(C), nn.LayerNorm(C)), (RMSNorm(C), nn.RMSNorm(C, eps=1e-6))):
        weights = {n: randn(C, dtype=dtype, seed=i) for i, n in enumerate(theirs.state_dict())}
        ours.load_state_dict(weights), theirs.load_state_dict(weights)
        same(ours.to(dtype), theirs.to(dtype), x)


@both_precisions
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations(dtype, name):
    plain = {
        "gelu": lambda x: nn.functional.gelu(x, approximate="tanh"),
        "gelu_exact": nn.functional.gelu,
        "relu": torch.relu,
        "squared_relu": lambda x: torch.relu(x) ** 2,
    }
    x = torch.cat([randn(50, dtype=dtype, scale=3), torch.tensor([0, -30.0, 30.0], dtype=dtype)])
    same(ACTIVATIONS[name], plain[name], x)
    shape = torch.zeros(0, 3, dtype=dtype)
    assert ACTIVATIONS[name](shape).shape == (0, 3)


@both_precisions
def test_a_derivative_by_hand_changes_no_value(dtype):
    x = randn(40, C, dtype=dtype, scale=3)
    for function in (fused.gelu, fused.squared_relu, fused.rms_norm):
        by_hand = function(x.clone().requires_grad_())
        assert by_hand.grad_fn is not None
        close(by_hand.detach(), function(x))


@both_precisions
@pytest.mark.parametrize("strided", [False, True])  # as queries lie in memory: a part of qkv
def test_a_rotation_by_hand_is_the_equations(dtype, strided):
    T, D = 5, 6
    angles = ops.rotary_angles(torch.arange(T), D)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    x = randn(2, T, 3, H, D, dtype=dtype).permute(2, 0, 3, 1, 4)[1]  # [B, H, T, D]
    x = x if strided else x.contiguous()
    same(lambda x: fused.rotate(x, cos, sin), lambda x: ops.rotate(x, cos, sin), x)
    close(fused.rotate(x, cos, sin), ops.rotate(x, cos, sin))  # no derivative asked for
    each = torch.func.vmap(torch.func.grad(lambda row: fused.rotate(row, cos, sin)[..., 0].sum()))
    (expected,) = torch.autograd.grad(ops.rotate(x.requires_grad_(), cos, sin)[..., 0].sum(), x)
    close(each(x).detach(), expected)


def test_half_precision_is_left_to_torchs_kernels():
    x = randn(40, C, dtype=torch.float64).bfloat16().requires_grad_()
    y = fused.gelu(x)
    assert torch.equal(y, nn.functional.gelu(x, approximate="tanh"))
    assert torch.equal(fused.rms_norm(x, 1e-6), nn.functional.rms_norm(x, (C,), eps=1e-6))


@pytest.mark.parametrize("function", [fused.gelu, fused.squared_relu, fused.rms_norm])
def test_torch_func_differentiates_as_autograd_does(function):
    x = randn(3, C, dtype=torch.float64).requires_grad_()
    (expected,) = torch.autograd.grad(function(x).sum(), x)
    each = torch.func.vmap(torch.func.grad(lambda row: function(row).sum()))(x)
    close(each.detach(), expected)


def test_a_norm_of_nothing_but_zeros_is_finite():
    x = torch.zeros(2, C, dtype=torch.float64, requires_grad=True)
    same(lambda x: fused.rms_norm(x, 1e-6), lambda x: nn.functional.rms_norm(x, (C,), eps=1e-6), x)


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="'swish'; choose one of"):
        FeedForward(4, "swish")


def copied_block(Theirs, dtype):
    """Our block with the weights of torch's encoder or decoder layer, norms first."""
    torch.manual_seed(0)
    options = {"norm_first": True, "batch_first": True, "dropout": 0.0, "activation": "gelu"}
    theirs = Theirs(C, H, 4 * C, **options).to(dtype)
    for p in theirs.parameters():
        nn.init.normal_(p, std=0.4)
    cross = Theirs is nn.TransformerDecoderLayer
    ours = Block(C, H, activation="gelu_exact", cross_attention=cross).to(dtype)
    copy_attention(ours.attention, theirs.self_attn)
    pairs = [(ours.feed_forward.up, theirs.linear1), (ours.feed_forward.out, theirs.linear2)]
    pairs += [(ours.norm_1, theirs.norm1)]
    pairs += [(ours.norm_2, theirs.norm3 if cross else theirs.norm2)]
    if cross:
        copy_attention(ours.cross, theirs.multihead_attn)
        pairs += [(ours.norm_cross, theirs.norm2)]
    for mine, other in pairs:
        mine.load_state_dict(other.state_dict())
    return ours, theirs


@both_precisions
def test_a_block_equals_torchs_encoder_layer(dtype):
    ours, theirs = copied_block(nn.TransformerEncoderLayer, dtype)
    mask = ops.padding_mask(torch.tensor([5, 2, 1]), T)
    same(
        lambda x: ours(x, mask=mask)[0],
        lambda x: theirs(x, src_key_padding_mask=~mask[:, 0, 0]),
        randn(B, T, C, dtype=dtype),
    )


@both_precisions
def test_a_block_with_memory_equals_torchs_decoder_layer(dtype):
    ours, theirs = copied_block(nn.TransformerDecoderLayer, dtype)
    mask = ops.padding_mask(torch.tensor([7, 3, 1]), 7)
    forbidden = torch.ones(T, T, dtype=torch.bool).triu(1)
    same(
        lambda x, m: ours(x, m, memory_mask=mask, causal=True)[0],
        lambda x, m: theirs(x, m, forbidden, memory_key_padding_mask=~mask[:, 0, 0]),
        randn(B, T, C, dtype=dtype),
        randn(B, 7, C, dtype=dtype, seed=1),
    )


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    block, x = Block(8, H, dropout=0.5), torch.randn(1, 4, 8)
    assert not torch.equal(block(x)[0], block(x)[0])
    block.eval()
    assert torch.equal(block(x)[0], block(x)[0])

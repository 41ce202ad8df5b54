"""The faster product: what it computes, and when it stands back."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from llmbook.layers import GRU, LSTM, RNN, Linear
from llmbook.layers import linear as module
from llmbook.layers.linear import add_product_, linear, packed, product, sum_of_outer
from llmbook.models import GPT, GPTConfig
from parity import close, same
from parity import randn as random_normal

onednn = pytest.mark.skipif(
    module._onednn is None or not torch.backends.mkldnn.is_available(),
    reason="this torch has no oneDNN",
)
randn = partial(random_normal, dtype=torch.float32, scale=0.3)
N, I, O = 64, 160, 224  # N · I · O is just above SMALLEST  # noqa: E741


@pytest.fixture(autouse=True)
def pays(monkeypatch):
    """Whatever processor the tests run on, oneDNN may take a product that is large enough."""
    monkeypatch.setattr(module, "pays_here", lambda: True)


@pytest.fixture
def always(monkeypatch):
    """However small a product is, oneDNN takes it."""
    monkeypatch.setattr(module, "SMALLEST", 1)


def took_onednn(x, W, b=None):
    return "_Linear" in type(linear(x, W, b).grad_fn).__name__


@onednn
@pytest.mark.parametrize("shape", [(N, I), (4, N // 4, I), (1, 2, N // 2, I)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_values_and_gradients_are_torchs(shape, with_bias):
    x, W = randn(*shape), randn(O, I, seed=1)
    assert took_onednn(x.clone().requires_grad_(), W)
    if with_bias:
        same(linear, F.linear, x, W, randn(O, seed=2))
    else:
        same(linear, F.linear, x, W)


@onednn
@pytest.mark.parametrize("outputs", [40, 400])  # fewer and more than inputs
def test_the_layout_in_memory_changes_nothing(outputs):
    x, W = randn(I, 2 * N).t(), randn(I, outputs, seed=1).t()
    assert not x.is_contiguous()
    assert not W.is_contiguous()
    same(linear, F.linear, x, W)
    steps = randn(N, 3, I)[:, 1]  # strided rows
    same(linear, F.linear, steps, randn(400, I, seed=1))


@onednn
def test_only_what_is_asked_for_gets_a_gradient():
    x, W = randn(N, I), randn(O, I, seed=1)
    for asked, other in ((x, W), (W, x)):
        asked.requires_grad_(True), other.requires_grad_(False)
        asked.grad = other.grad = None
        linear(x, W).sum().backward()
        assert asked.grad is not None
        assert other.grad is None
    assert linear(x, W.detach().requires_grad_(False)).grad_fn is None
    with torch.no_grad():
        W.requires_grad_()
        close(linear(x, W), F.linear(x, W))


@onednn
def test_the_products_inside_a_backward():
    x, W, y = randn(N, I), randn(O, I, seed=1), randn(N, O, seed=2)
    close(product(x, W), x @ W.t())
    close(add_product_(y.clone(), x, W), y + x @ W.t())
    rows = y.clone()
    assert add_product_(rows, x, W) is rows
    for g, a in ((y, x), (x, y)):
        close(sum_of_outer(g, a), g.t() @ a)


@onednn
@pytest.mark.parametrize("layout", [lambda W: W, lambda W: W.t().contiguous().t()])
@pytest.mark.parametrize("rows", [1, 2, N])  # packed for N rows, it serves any number
def test_packed_weights_give_the_same_products(layout, rows):
    W, x, y = layout(randn(O, I, seed=1).requires_grad_()), randn(rows, I), randn(rows, O, seed=2)
    kept = packed(W, module.REPAYS, randn(N, I))
    assert kept.is_mkldnn
    assert not kept.requires_grad
    with torch.no_grad():
        close(product(x, kept), x @ W.t())
        close(add_product_(y.clone(), x, kept), y + x @ W.t())


@onednn
def test_weights_stay_as_they_are_where_packing_does_not_pay(monkeypatch):
    W, x = randn(O, I, seed=1), randn(N, I)
    assert packed(W, module.REPAYS - 1, x) is W
    assert packed(W, 100, x[: N // 2]) is W
    double = W.double()
    assert packed(double, 100, x.double()) is double
    monkeypatch.setattr(module, "_reorder", None)
    assert packed(W, 100, x) is W


@onednn
@pytest.mark.filterwarnings("ignore:TF32")  # what torch says when the switch is turned
def test_when_it_stands_back():
    x, W = randn(N, I).requires_grad_(), randn(O, I, seed=1)
    assert took_onednn(x, W)
    assert not took_onednn(x[: N // 2], W)  # too small to pay
    assert not took_onednn(x.double(), W.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x, W).dtype == torch.bfloat16
    with torch.backends.mkldnn.flags(enabled=False):
        assert not took_onednn(x, W)
    with FlopCounterMode(display=False) as counter:
        linear(x, W).sum().backward()
    assert counter.get_total_flops() == 2 * 2 * N * I * O  # x asks for a gradient, W does not
    each = torch.func.vmap(torch.func.grad(lambda row: linear(row[None], W).sum()))(x)
    close(each.detach(), W.sum(0).expand(N, I))


def test_without_the_name_all_goes_the_plain_way(monkeypatch):
    monkeypatch.setattr(module, "_onednn", None)
    x, W = randn(N, I), randn(O, I, seed=1)
    assert not took_onednn(x.requires_grad_(), W)
    close(product(x.detach(), W), x.detach() @ W.t())


PROCESSORS = [  # what torch tells of it, and whether oneDNN pays there
    ({"sse4a": True}, "AVX512", True),  # AMD's Zen 4 and 5
    ({"sse4a": True}, "AVX2", False),  # AMD's earlier ones, and the later held to AVX2
    ({"sse4a": False}, "AVX512", False),  # Intel's
    ({"neon": True}, "DEFAULT", False),  # Arm's
]


@pytest.mark.parametrize(("known", "instructions", "expected"), PROCESSORS)
def test_where_it_pays(monkeypatch, known, instructions, expected):
    monkeypatch.undo()  # the real rule
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    assert module.pays_here.__wrapped__() is expected


def test_a_torch_that_does_not_tell_its_processor_goes_the_plain_way(monkeypatch):
    monkeypatch.undo()
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert module.pays_here.__wrapped__() is False


@onednn
def test_where_it_does_not_pay_all_goes_the_plain_way(monkeypatch):
    monkeypatch.setattr(module, "pays_here", lambda: False)
    x, W = randn(N, I).requires_grad_(), randn(O, I, seed=1)
    assert not took_onednn(x, W)
    assert packed(W, 100, x) is W


def test_it_is_an_nn_linear():
    torch.manual_seed(0)
    ours = Linear(3, 2)
    torch.manual_seed(0)
    theirs = nn.Linear(3, 2)
    assert isinstance(ours, nn.Linear)
    assert str(ours) == str(theirs)
    ours.load_state_dict(theirs.state_dict())
    same(ours, theirs, randn(4, 3))


@onednn
@pytest.mark.parametrize("Layer", [RNN, LSTM, GRU])
@pytest.mark.parametrize("repays", [1, 100])  # with and without packed weights
def test_recurrent_layers_with_and_without(always, monkeypatch, Layer, repays):
    monkeypatch.setattr(module, "REPAYS", repays)
    torch.manual_seed(0)
    ours = Layer(5, 7)
    plain = copy.deepcopy(ours)

    def without(*inputs):
        with monkeypatch.context() as here:
            here.setattr(module, "_onednn", None)
            y = plain(*inputs)[0]
            y.backward(torch.ones_like(y), inputs=list(plain.parameters()), retain_graph=True)
            return y

    x = randn(3, 6, 5)
    y = ours(x)[0]
    y.backward(torch.ones_like(y))
    close(y.detach(), without(x).detach())
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        close(mine.grad, theirs.grad)


@onednn
@pytest.mark.parametrize("config", [GPTConfig.gpt2, GPTConfig.modern])
def test_a_gpt_with_and_without(always, monkeypatch, config):
    torch.manual_seed(0)
    model = GPT(config(11, context=8, hidden_size=16, num_heads=2, num_layers=2, init_std=0.2))
    for p in model.parameters():  # zeros would hide what passes through them
        nn.init.normal_(p, std=0.2)
    ids = torch.randint(11, (3, 8))
    found = []
    for kernel in (module._onednn, None):
        monkeypatch.setattr(module, "_onednn", kernel)
        model.zero_grad()
        loss = F.cross_entropy(model.logits(ids)[0].flatten(0, 1), ids.flatten())
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in model.parameters())])
    for mine, theirs in zip(*found, strict=True):
        close(mine, theirs)


def test_an_exported_map_keeps_any_number_of_rows():
    batch = torch.export.Dim.DYNAMIC
    layer = Linear(64, 128)
    program = torch.export.export(layer, (randn(8, 64),), dynamic_shapes=({0: batch},))
    for rows in (1, 2**15):  # below SMALLEST and above
        x = randn(rows, 64)
        close(program.module()(x).detach(), F.linear(x, layer.weight, layer.bias).detach())

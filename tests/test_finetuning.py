"""LoRA equals peft's and undoes itself; a classifier does not see its padding; labels are right."""

import copy
import importlib
import inspect
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llmbook.corpora import english, pydocs, tasks
from llmbook.evaluate import perplexity
from llmbook.labelled import Labelled, correct, predict
from llmbook.layers import lora
from llmbook.models import BERT, GPT, BERTConfig, GPTConfig
from llmbook.models.classifier import POOLS, Classifier, pool, real
from llmbook.train import fit
from parity import both_precisions, close, randn

QKV = "attention.qkv"


def small_gpt(seed=0, **changes):
    torch.manual_seed(seed)
    shape = {"context": 16, "hidden_size": 12, "num_heads": 2, "num_layers": 2} | changes
    return GPT(GPTConfig.gpt2(20, **shape, init_std=0.2)).eval()


def with_b(model, seed=1):
    """Every B random, so that a LoRA does something."""
    source = torch.Generator().manual_seed(seed)
    for _, layer in lora.layers(model):
        layer.B.data.normal_(0, 0.3, generator=source)
    return model


# --- LoRA ------------------------------------------------------------------------------------


@both_precisions
@pytest.mark.parametrize(("rank", "alpha"), [(1, None), (3, 7.0), (4, 4.0)])
def test_a_layer_equals_pefts_in_values_and_gradients(dtype, rank, alpha):
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(6, 4)).to(dtype)
    ours = lora.LoRALinear(copy.deepcopy(base[0]), rank, alpha).to(dtype)
    config = peft.LoraConfig(r=rank, lora_alpha=ours.alpha, target_modules=["0"])
    theirs = peft.get_peft_model(base, config).base_model.model[0]
    A, B = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    assert not B.any()  # both begin at zero
    assert A.shape == ours.A.shape
    assert B.shape == ours.B.shape
    with torch.no_grad():
        B.normal_(0, 0.5)
        ours.A.copy_(A), ours.B.copy_(B)
    xs = [randn(2, 5, 6, dtype=dtype).requires_grad_() for _ in range(2)]
    weights = randn(2, 5, 4, dtype=dtype, seed=9)
    for layer, x in ((ours, xs[0]), (theirs.to(dtype), xs[1])):
        (layer(x) * weights).sum().backward()
    close(ours(xs[0]), theirs(xs[1]))
    close(xs[0].grad, xs[1].grad)
    close(ours.A.grad, A.grad)
    close(ours.B.grad, B.grad)
    assert ours.base.weight.grad is None


@both_precisions
def test_a_gpt_with_lora_equals_pefts_gpt2(dtype):
    """On transformers' GPT-2, whose c_attn is a Conv1D: loss, gradients, counts, merging."""
    peft = pytest.importorskip("peft")
    ours = small_gpt().to(dtype)
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=["c_attn"], fan_in_fan_out=True)
    theirs = peft.get_peft_model(ours.to_transformers(0), config)
    theirs.to(dtype)
    lora.inject(ours, 3, 6)
    with_b(ours)
    assert (
        sum(p.numel() for p in ours.parameters() if p.requires_grad)
        == (theirs.get_nb_trainable_parameters()[0])
    )
    pairs = []
    for i, block in enumerate(ours.blocks):
        layer = block.attention.qkv
        peer = theirs.base_model.model.transformer.h[i].attn.c_attn
        pairs += [(layer.A, peer.lora_A["default"].weight)]
        pairs += [(layer.B, peer.lora_B["default"].weight)]
    with torch.no_grad():
        for mine, other in pairs:
            other.copy_(mine)
    ids = torch.randint(20, (2, 9))
    loss = F.cross_entropy(ours.logits(ids[:, :-1])[0].flatten(0, 1), ids[:, 1:].flatten())
    # Not theirs(ids, labels=ids).loss: transformers computes it in float32, whatever comes in.
    reference = F.cross_entropy(theirs(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward(), reference.backward()
    close(loss, reference)
    for mine, other in pairs:
        close(mine.grad, other.grad)
    merged = theirs.merge_and_unload()
    lora.merge(ours)
    close(ours.logits(ids)[0], merged(ids).logits)


def test_zero_b_changes_nothing_and_merging_and_removing_undo_each_other():
    model, ids = small_gpt(), torch.randint(20, (3, 8))
    before, weights = model.logits(ids)[0], copy.deepcopy(model.state_dict())
    names = lora.inject(model, 2, targets=(QKV, "feed_forward.up"))
    assert names == [f"blocks.{i}.{n}" for i in range(2) for n in (QKV, "feed_forward.up")]
    assert torch.equal(model.logits(ids)[0], before)
    with_b(model)
    changed = model.logits(ids)[0]
    assert (changed - before).abs().max() > 1e-3
    twin = lora.merge(copy.deepcopy(model))
    torch.testing.assert_close(twin.logits(ids)[0], changed, rtol=1e-5, atol=1e-6)
    assert list(twin.state_dict()) == list(weights)  # plain layers again, nothing left over
    assert all(p.requires_grad for p in twin.parameters())
    lora.remove(model)
    assert torch.equal(model.logits(ids)[0], before)
    assert all(torch.equal(p, weights[name]) for name, p in model.state_dict().items())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_training_changes_a_and_b_alone(optimizer):
    model = small_gpt()
    lora.inject(model, 2)
    before = copy.deepcopy(model.state_dict())
    head = Classifier(model, 2, pad_id=0)
    data = Labelled([[1, 2, 3], [4, 5], [6, 7, 8, 9]], [0, 1, 1], pad_id=0)
    fit(head, data, steps=4, lr=0.05, warmup=0.0, optimizer=optimizer, progress=False)
    changed = {n for n, p in model.state_dict().items() if not torch.equal(p, before[n])}
    assert changed == {f"blocks.{i}.{QKV}.{part}" for i in range(2) for part in "AB"}


def test_the_number_of_trained_numbers_is_the_formulas():
    for rank in (1, 4, 12):
        model = small_gpt()
        lora.inject(model, rank)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert trained == 2 * rank * (12 + 36) == sum(p.numel() for p in lora.state(model).values())


@pytest.mark.parametrize("rank", [0, -1, 13])
def test_a_rank_that_cannot_be_is_refused_and_changes_nothing(rank):
    model = small_gpt()
    before = list(model.state_dict())
    with pytest.raises(ValueError, match=f"rank is {rank}; expected 1 to 12"):
        lora.inject(model, rank)
    assert list(model.state_dict()) == before


def test_full_rank_can_reach_any_change():
    """With r = min(in, out) a LoRA is no restriction: B A can be any matrix."""
    layer = lora.LoRALinear(nn.Linear(4, 6).double(), rank=4, alpha=4)
    wanted = torch.randn(6, 4, dtype=torch.float64)
    with torch.no_grad():
        layer.A.copy_(torch.eye(4))
        layer.B.copy_(wanted)
    assert torch.equal(layer.delta, wanted)
    assert torch.linalg.matrix_rank(lora.LoRALinear(nn.Linear(9, 9), 2).delta) <= 2


def test_wrong_targets_a_second_lora_and_foreign_states_are_refused():
    model = small_gpt()
    with pytest.raises(ValueError, match="no linear layer's name ends in 'q_proj'"):
        lora.inject(model, 2, targets=("q_proj",))
    with pytest.raises(ValueError, match="'kv'"):  # only whole names count
        lora.inject(model, 2, targets=("kv",))
    lora.inject(model, 2)
    with pytest.raises(ValueError, match="has a LoRA already"):
        lora.inject(model, 2)
    other = small_gpt()
    lora.inject(other, 3)
    kept = lora.state(model)
    with pytest.raises(ValueError, match="same rank"):
        lora.load(model, lora.state(other))
    with pytest.raises(ValueError, match="differ in"):
        lora.load(model, {"x.A": torch.ones(1)})
    assert all(torch.equal(p, kept[n]) for n, p in lora.state(model).items())


def test_a_stored_lora_makes_the_same_model_again():
    ids, first = torch.randint(20, (2, 7)), small_gpt()
    lora.inject(first, 2)
    stored = lora.state(with_b(first))
    second = small_gpt()
    lora.inject(second, 2)
    lora.load(second, stored)
    assert torch.equal(second.logits(ids)[0], first.logits(ids)[0])
    first.blocks[0].attention.qkv.B.data.zero_()  # the stored tensors are copies
    assert stored[f"blocks.0.{QKV}.B"].any()


def test_code_that_asks_for_the_weight_gets_the_whole_of_it():
    layer = lora.LoRALinear(nn.Linear(5, 3).double(), 2)
    layer.B.data.normal_()
    x = randn(4, 5, dtype=torch.float64)
    close(F.linear(x, layer.weight, layer.bias), layer(x))


def test_dropout_is_for_training_only():
    layer = lora.LoRALinear(nn.Linear(50, 3), 2, dropout=0.5)
    layer.B.data.normal_()
    x = torch.randn(1, 50)
    layer.train()
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


# --- The classifier --------------------------------------------------------------------------


def body(kind):
    if kind is GPT:
        return small_gpt()
    torch.manual_seed(0)
    shape = {"context": 16, "hidden_size": 12, "num_heads": 2, "num_layers": 2, "pad_id": None}
    return BERT(BERTConfig(20, **shape)).eval()


@pytest.mark.parametrize("how", POOLS)
@pytest.mark.parametrize("kind", [GPT, BERT])
def test_padding_and_company_change_no_score(kind, how):
    model = Classifier(body(kind), 3, pad_id=0, pool=how).eval()
    model.head.weight.data.normal_()
    texts = [[0, 5, 7], [0, 9], [0, 3, 4, 5, 6, 11]]  # 0 opens a text, too
    alone = torch.cat([model.logits(torch.tensor([t]))[0] for t in texts])
    together = model.logits(torch.tensor([[*t, *[0] * (9 - len(t))] for t in texts]))[0]
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    other = model.logits(torch.tensor([[0, 5, 8]]))[0]
    assert (other - alone[:1]).abs().max() > 1e-4  # the last token counts


def test_real_and_pool_by_hand():
    ids = torch.tensor([[0, 4, 0, 5, 0, 0], [0, 0, 0, 0, 0, 0]])
    assert real(ids, 0).int().tolist() == [[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]]
    x = torch.arange(12.0).reshape(2, 6, 1)
    assert pool(x, real(ids, 0)).flatten().tolist() == [1.5, 6.0]
    assert pool(x, real(ids, 0), "last").flatten().tolist() == [3.0, 6.0]


@pytest.mark.parametrize("kind", [GPT, BERT])
def test_before_training_all_classes_are_equally_likely(kind):
    model = Classifier(body(kind), 4, pad_id=0)
    data = Labelled([[1, 2], [3]], [0, 3], pad_id=0)
    assert perplexity(model, data).nats == pytest.approx(math.log(4))


def test_what_is_frozen_stays_and_what_is_not_learns():
    model = Classifier(small_gpt().requires_grad_(False), 2, pad_id=0)
    before = copy.deepcopy(model.body.state_dict())
    data = Labelled([[1, i] for i in range(2, 18)], [i % 2 for i in range(16)], pad_id=0)
    fit(model, data, steps=30, lr=0.1, progress=False)
    assert all(torch.equal(p, before[n]) for n, p in model.body.state_dict().items())
    full = Classifier(small_gpt(), 2, pad_id=0)
    fit(full, data, steps=40, lr=0.01, progress=False)
    assert correct(full, data).mean() == 1.0  # sixteen texts are learned by heart
    assert any(not torch.equal(p, before[n]) for n, p in full.body.state_dict().items())


def test_bad_classifiers_are_refused():
    with pytest.raises(ValueError, match="pool is 'max'"):
        Classifier(small_gpt(), 2, pad_id=0, pool="max")
    with pytest.raises(ValueError, match="num_classes is 1"):
        Classifier(small_gpt(), 1, pad_id=0)
    with pytest.raises(TypeError, match="expected a GPT or a BERT"):
        Classifier(nn.Linear(2, 2), 2, pad_id=0)


# --- Labelled data ---------------------------------------------------------------------------


def numbered(n, classes=2):
    return Labelled(
        [[1] * (1 + i % 7) + [i + 2] for i in range(n)], [i % classes for i in range(n)], 0
    )


def test_an_epoch_holds_every_text_once_and_batches_are_pure():
    data = numbered(37)
    for epoch in range(2):
        seen = []
        for step in range(5):
            inputs, targets = data.batch(5 * epoch + step, 8, seed=3)
            again = data.batch(5 * epoch + step, 8, seed=3)
            assert torch.equal(inputs, again[0])
            assert targets.shape == (len(inputs), 1)
            rows = inputs.max(dim=1).values - 2
            assert torch.equal(rows % 2, targets[:, 0])
            seen += rows.tolist()
        assert sorted(seen) == list(range(37))
    assert not torch.equal(data.batch(0, 37, 0)[1], data.batch(0, 37, 1)[1])


def test_draws_are_even_nested_and_depend_on_the_seed():
    data = numbered(60, classes=3)
    small, large = data.draw(12, 4), data.draw(30, 4)
    assert small.labels.bincount().tolist() == [4, 4, 4]
    assert [t.tolist() for t in small.texts] == [t.tolist() for t in large.texts[:12]]
    assert small.fingerprint() != data.draw(12, 5).fingerprint()
    assert small.fingerprint() == data.draw(12, 4).fingerprint()
    with pytest.raises(ValueError, match="n is 61; expected 1 to 60"):
        data.draw(61, 0)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_predictions_come_in_the_datas_order(batch_size):
    model, data = Classifier(small_gpt(), 2, pad_id=0).eval(), numbered(15)
    model.head.weight.data.normal_()
    alone = torch.cat([model.logits(t[None])[0][:, 0] for t in data.texts]).detach()
    torch.testing.assert_close(predict(model, data, batch_size), alone, rtol=1e-5, atol=1e-6)
    assert correct(model, data).tolist() == [
        float(s.argmax() == y) for s, y in zip(alone, data.labels, strict=True)
    ]


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], [], "0 texts"),
        ([[1]], [0, 1], "1 texts and 2 labels"),
        ([[1], []], [0, 1], "text 1 is empty"),
        ([[1]], [-1], "label is -1"),
        ([[1]], [0.5], "label is 0.5"),
    ],
)
def test_bad_labelled_data_are_refused(texts, labels, message):
    with pytest.raises(ValueError, match=message):
        Labelled(texts, labels, pad_id=0)


# --- The two labelled sets -------------------------------------------------------------------


def test_no_package_is_in_two_splits_and_no_text_was_learned_from():
    packages = {
        split: {i.source.split(".")[0] for i in tasks.thing_or_action(split)}
        for split in pydocs.SPLITS
    }
    for a, b in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not packages[a] & packages[b]
    learned = {p.key for p in english.paragraphs("train")}
    items = tasks.thing_or_action()
    assert not learned & {pydocs.key_of(i.text) for i in items}
    assert len({pydocs.key_of(i.text) for i in items}) == len(items) > 1_000
    assert 0.4 < sum(i.label for i in items) / len(items) < 0.6


@pytest.mark.parametrize("name", ["textwrap", "fractions", "string", "queue"])
def test_labels_agree_with_the_imported_modules(name):
    """An independent rule: the living objects, by inspect, not the syntax tree."""
    module = importlib.import_module(name)
    found, stack = {}, [(module, 1)]
    while stack:
        thing, label = stack.pop()
        if doc := inspect.getdoc(thing):
            found.setdefault(pydocs.key_of(doc.split("\n\n")[0]), set()).add(label)
        if label:
            for member in vars(thing).values():
                own = getattr(member, "__module__", None) == name
                if own and (inspect.isclass(member) or inspect.isfunction(member)):
                    stack.append((member, int(inspect.isclass(member))))
    mine = [i for i in tasks.thing_or_action() if i.source == name]
    checked = [i for i in mine if pydocs.key_of(i.text) in found]
    assert all(i.label in found[pydocs.key_of(i.text)] for i in checked)
    assert checked


def test_water_is_where_the_company_walked_last():
    train, test = tasks.water("train", 80), tasks.water("test", 80)
    for item in train + test:
        words = item.text.split()
        assert words[-2:] == ["by", "the"]
        last = max(i for i, word in enumerate(words) if word == "walked")
        assert item.label == (words[last + 3] in tasks.WATER)  # walked to the mill
    assert not {i.text for i in train} & {i.text for i in test}
    assert tasks.water("train", 30) == train[:30]
    with pytest.raises(ValueError, match="split must be one of"):
        tasks.water("dev")

"""The book's GPT is GPT-2: transformers' with copied weights gives the same, in every way.

The weights have standard deviation 0.2, not 0.02: with small weights two different activations
could not be told apart.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llmbook.generate import generate
from llmbook.models import GPT, GPTConfig
from parity import TOLERANCE, both_precisions, close

V, CONTEXT = 50, 32


def gpt2(dtype, activation="gelu_new", **changes):
    """transformers' GPT-2, tiny, with random weights of std 0.2, norms and biases included."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=V,
        n_positions=CONTEXT,
        n_embd=24,
        n_layer=3,
        n_head=4,
        activation_function=activation,
        bos_token_id=0,
        eos_token_id=0,
        **changes,
    )
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config).to(dtype).eval()
    for p in model.parameters():
        nn.init.normal_(p, std=0.2)
    return model


def ids(B, T, seed=0):
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


def within(ours, theirs):
    """Tolerance 1e-5 or 1e-12, relative to the tensor's largest entry where that is above 1.

    Gradients here reach hundreds, and a sum's rounding error goes with its terms, not with
    what is left of them.
    """
    bound = TOLERANCE[theirs.dtype]
    torch.testing.assert_close(
        ours, theirs, rtol=bound, atol=bound * max(1.0, theirs.abs().max().item())
    )


@both_precisions
@pytest.mark.parametrize("activation", ["gelu_new", "gelu_pytorch_tanh", "gelu"])
@pytest.mark.parametrize("shape", [(3, CONTEXT), (1, 1), (2, 7)])
def test_logits_are_equal(dtype, activation, shape):
    theirs = gpt2(dtype, activation)
    ours = GPT.from_transformers(theirs).eval()
    close(ours.logits(ids(*shape))[0], theirs(ids(*shape)).logits)


@both_precisions
@pytest.mark.parametrize("tie", [True, False])
def test_loss_and_gradients_are_equal(dtype, tie):
    theirs = gpt2(dtype, tie_word_embeddings=tie)
    ours = GPT.from_transformers(theirs).eval()
    text = ids(3, 20)
    loss = F.cross_entropy(ours(text)[0][:, :-1].flatten(0, 1), text[:, 1:].flatten())
    result = theirs(text, labels=text)  # transformers shifts the labels itself,
    torch.testing.assert_close(loss.float(), result.loss, rtol=1e-5, atol=1e-5)  # in float32
    reference = F.cross_entropy(result.logits[:, :-1].flatten(0, 1), text[:, 1:].flatten())
    close(loss, reference)
    loss.backward(), reference.backward()
    gradients = GPT.from_transformers(theirs)  # to carry their gradients under our names
    for p in theirs.parameters():
        p.data = p.grad
    gradients.load_state_dict(GPT.from_transformers(theirs).state_dict())
    names = dict(gradients.named_parameters())
    assert set(names) == {name for name, _ in ours.named_parameters()}
    for name, p in ours.named_parameters():
        within(p.grad, names[name].data)


@both_precisions
@pytest.mark.parametrize("sizes", [[10, 1, 1, 1], [1] * 13, [3, 4, 6]])
def test_with_a_cache_the_logits_are_equal_too(dtype, sizes):
    theirs = gpt2(dtype)
    ours = GPT.from_transformers(theirs).eval()
    text, state, past = ids(2, sum(sizes)), None, None
    with torch.no_grad():
        whole = theirs(text).logits
        start = 0
        for size in sizes:
            piece = text[:, start : start + size]
            logits, state = ours.logits(piece, state)
            result = theirs(piece, past_key_values=past, use_cache=True)
            past = result.past_key_values
            close(logits, result.logits)
            close(logits, whole[:, start : start + size])
            start += size


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_greedy_continuations_are_equal(use_cache, seed):
    theirs = gpt2(torch.float64)
    ours = GPT.from_transformers(theirs)
    prompt = ids(2, 5, seed)
    reference = theirs.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=CONTEXT - 5,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    got = generate(ours, prompt, CONTEXT - 5, temperature=0, use_cache=use_cache)
    assert got == reference[:, 5:].tolist()


def test_the_weights_are_copied_not_shared():
    theirs = gpt2(torch.float32)
    ours = GPT.from_transformers(theirs)
    with torch.no_grad():
        theirs.transformer.wte.weight.zero_()
    assert ours.embedding.weight.abs().min() > 0 or ours.embedding.weight.abs().max() > 0
    assert ours.num_params() == theirs.num_parameters()


def test_the_test_would_see_another_activation():
    """With weights this large the exact GELU is told apart; that is what std 0.2 is for."""
    tanh, exact = gpt2(torch.float64), gpt2(torch.float64, "gelu")
    text = ids(2, 10)
    difference = (GPT.from_transformers(tanh)(text)[0] - exact(text).logits).abs().max()
    assert difference > 1e-5


def test_a_compiled_gpt_is_one_graph():
    torch.manual_seed(0)
    ids = torch.randint(31, (2, 8))
    for config in (GPTConfig.gpt2, GPTConfig.modern):
        model = GPT(config(31, context=8, hidden_size=16, num_heads=2, num_layers=2))
        whole = torch.compile(
            lambda ids, model=model: model.logits(ids)[0], backend="aot_eager", fullgraph=True
        )
        torch.testing.assert_close(whole(ids), model.logits(ids)[0])

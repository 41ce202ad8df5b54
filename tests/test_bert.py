"""The book's BERT is transformers' with copied weights: values and gradients, padding included.

The weights have standard deviation 0.2, so that no wrong activation hides below the tolerance.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llmbook import checkpoint, models
from llmbook.data import Stories
from llmbook.evaluate import perplexity, pseudo_logprobs
from llmbook.generate import generate, next_word
from llmbook.layers import PostNormBlock
from llmbook.masking import Masked
from llmbook.models import BERT, BERTConfig
from llmbook.models.bert import renamed
from llmbook.train import fit
from parity import TOLERANCE, both_precisions, close

V, CONTEXT = 50, 32


def reference(dtype, activation="gelu", **changes):
    """transformers' BertForMaskedLM, tiny, with random weights of std 0.2."""
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(
        vocab_size=V,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=CONTEXT,
        hidden_act=activation,
        **changes,
    )
    torch.manual_seed(0)
    model = BertForMaskedLM(config).to(dtype).eval()
    for p in model.parameters():
        nn.init.normal_(p, std=0.2)
    return model


def ids(B, T, seed=0):
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


def padding(B, T):
    """True at real tokens: rows of every length from T down."""
    return torch.arange(T)[None, :] < torch.arange(T, T - B, -1)[:, None].clamp(min=1)


def tiny(**changes):
    torch.manual_seed(0)
    return BERT(BERTConfig(**{"vocab_size": 12, "context": 16, "hidden_size": 8, "num_heads": 2,
                              "num_layers": 2} | changes)).eval()  # fmt: skip


@both_precisions
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu"])
@pytest.mark.parametrize("shape", [(3, CONTEXT), (1, 1), (2, 7)])
def test_logits_are_equal(dtype, activation, shape):
    theirs = reference(dtype, activation)
    ours = BERT.from_transformers(theirs).eval()
    text, segments, mask = ids(*shape), ids(*shape, seed=1) % 2, padding(*shape)
    close(ours.logits(text)[0], theirs(text).logits)
    got = ours.logits(text, segments=segments, mask=mask)[0]
    wanted = theirs(text, token_type_ids=segments, attention_mask=mask.long()).logits
    close(got[mask], wanted[mask])
    close(
        ours.encode(text, segments, mask)[mask],
        theirs.bert(text, token_type_ids=segments, attention_mask=mask.long()).last_hidden_state[
            mask
        ],
    )


@both_precisions
def test_loss_and_gradients_are_equal(dtype):
    theirs = reference(dtype)
    ours = BERT.from_transformers(theirs).eval()
    segments, mask = ids(4, 20, seed=1) % 2, padding(4, 20)
    # Id 0 only as padding: transformers gives the padding's embedding no gradient when read.
    text = ids(4, 20).clamp(min=1).masked_fill(~mask, 0)
    targets = text.masked_fill((ids(4, 20, seed=2) % 3 > 0) | ~mask, -100)
    loss = F.cross_entropy(
        ours.logits(text, segments=segments, mask=mask)[0].flatten(0, 1), targets.flatten()
    )
    wanted = theirs(
        text, token_type_ids=segments, attention_mask=mask.long(), labels=targets
    ).loss  # no shift here: the label of a place is the word at it
    close(loss, wanted)
    loss.backward(), wanted.backward()
    gradients = renamed({name: p.grad for name, p in theirs.named_parameters()})
    assert set(gradients) == {name for name, _ in ours.named_parameters()}
    for name, p in ours.named_parameters():
        bound = TOLERANCE[dtype] * max(1.0, gradients[name].abs().max().item())
        torch.testing.assert_close(p.grad, gradients[name], rtol=TOLERANCE[dtype], atol=bound)


def test_the_test_would_see_another_activation_eps_or_place_of_the_norm():
    theirs = reference(torch.float64)
    text = ids(2, 10)
    for other in (
        reference(torch.float64, "gelu_new"),
        reference(torch.float64, layer_norm_eps=1e-5),
    ):
        assert (BERT.from_transformers(other)(text)[0] - theirs(text).logits).abs().max() > 1e-6


def test_a_bert_of_another_shape_is_refused():
    from transformers import BertConfig, BertForMaskedLM

    shape = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    narrow = BertForMaskedLM(BertConfig(**shape, intermediate_size=50))
    with pytest.raises(ValueError, match="intermediate_size of 50"):
        BERT.from_transformers(narrow)


def test_the_post_norm_block_is_torchs_encoder_layer():
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(
        12, 3, 48, 0.0, F.gelu, batch_first=True, norm_first=False, dtype=torch.float64
    )
    ours = PostNormBlock(12, 3, activation="gelu_exact").double()
    names = {"self_attn.in_proj_": "attention.qkv.", "self_attn.out_proj": "attention.out",
             "linear1": "feed_forward.up", "linear2": "feed_forward.out",
             "norm1": "norm_1", "norm2": "norm_2"}  # fmt: skip
    state = {}
    for name, p in theirs.state_dict().items():
        for old, new in names.items():
            name = name.replace(old, new)
        state[name] = p
    ours.load_state_dict(state)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    close(ours(x), theirs(x))


# --- What a bidirectional encoder must and must not do ---------------------------------------


@pytest.mark.parametrize("extra", [1, 5])
def test_padding_changes_nothing(extra):
    model = tiny().double()
    text = torch.randint(1, 12, (2, 6))
    longer = F.pad(text, (0, extra))  # id 0 is the padding
    close(model.logits(longer)[0][:, :6], model.logits(text)[0])
    close(model.sentence(longer), model.sentence(text))
    mask = torch.ones_like(longer).bool()
    mask[:, 6:] = False
    close(model.sentence(longer, mask), model.sentence(text))
    assert not torch.allclose(tiny(pad_id=None).sentence(longer), tiny(pad_id=None).sentence(text))


def test_every_place_sees_every_other():
    model = tiny().double()
    x = model.embedding.weight
    text = torch.arange(1, 7)[None]
    for place in range(6):
        grad = torch.autograd.grad(model.logits(text)[0][0, place].square().sum(), x)[0]
        assert (grad[1:7].abs().sum(1) > 0).all()


def test_a_text_of_padding_alone_gives_numbers():
    assert tiny().sentence(torch.zeros(2, 3, dtype=torch.long)).isfinite().all()


@pytest.mark.parametrize("ask", [generate, next_word, perplexity, fit])
def test_it_is_no_language_model_and_says_so(ask):
    stories = Stories([[3, 4, 5], [6, 7]], end=2)
    arguments = {generate: ([3], 2), next_word: ([3],)}.get(ask, (stories,))
    with pytest.raises(TypeError, match="BERT"):
        ask(tiny(), *arguments, **({"steps": 1} if ask is fit else {}))
    assert not isinstance(tiny(), models.LanguageModel)


def test_a_state_is_refused():
    with pytest.raises(TypeError, match="whole text"):
        tiny().logits(torch.tensor([[3]]), state=[])


def test_it_is_saved_and_built_again(tmp_path):
    model = tiny()
    checkpoint.save(tmp_path / "bert.safetensors", model)
    again = checkpoint.load_model(tmp_path / "bert.safetensors")
    text = torch.randint(1, 12, (2, 6))
    assert torch.equal(again.logits(text)[0], model.logits(text)[0])


# --- The score of a text ----------------------------------------------------------------------


def test_pseudo_logprobs_hide_one_word_at_a_time():
    model, text = tiny(), [2, 5, 6, 7, 2]
    found = pseudo_logprobs(model, text, mask_id=3)
    for place, word in enumerate(text):
        hidden = torch.tensor([text])
        hidden[0, place] = 3
        law = model.logits(hidden)[0][0, place].double().log_softmax(-1)
        assert found[place].item() == pytest.approx(law[word].item(), abs=1e-6)
    for size in (1, 2, 5):
        close(pseudo_logprobs(model, text, 3, batch_size=size).float(), found.float())
    close(pseudo_logprobs(model, text, 3, places=[3, 1]).float(), found[[3, 1]].float())
    assert len(pseudo_logprobs(model, text, 3, places=[])) == 0


def test_it_learns_to_fill_in():
    """ABAB…: the neighbours give the word away, whichever it is."""
    texts = [[4, 5] * 4, [6, 7] * 4, [8, 9] * 4] * 4
    data = Masked(Stories(texts, end=2), 3, 12, specials=(1, 2))
    model = tiny(hidden_size=16)
    before = perplexity(model, data).nats
    history = fit(model, data, steps=120, batch_size=6, lr=1e-2, valid_data=data, progress=False)
    assert before > 1.5
    assert history.valid_loss[-1] == perplexity(model, data, batch_size=3).nats < 0.2


def test_training_is_the_same_twice():
    data = Masked(Stories([[4, 5, 6, 7], [8, 9]], end=2), 3, 12, specials=(1, 2))
    runs = []
    for _ in range(2):
        model = tiny()
        fit(model, data, steps=5, batch_size=2, progress=False)
        runs.append([p.clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))

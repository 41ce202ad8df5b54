"""Encoder-decoders: attention as torch has it, padding that changes nothing, one step or all."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from llmbook import checkpoint
from llmbook.beam import beam_search
from llmbook.data import IGNORE
from llmbook.evaluate import perplexity
from llmbook.models import NAMES, build
from llmbook.models.seq2seq import (
    AdditiveScore,
    DotScore,
    Memory,
    RecurrentSeq2Seq,
    Seq2SeqConfig,
    TransformerSeq2Seq,
    attend,
    reversed_rows,
)
from llmbook.pairs import Pairs, padded
from llmbook.train import fit
from llmbook.writer import beam, greedy

V, PAD, END = 17, 0, 2
KINDS = {
    "dot": (RecurrentSeq2Seq, {"attention": "dot"}),
    "additive": (RecurrentSeq2Seq, {"attention": "additive"}),
    "none": (RecurrentSeq2Seq, {"attention": "none"}),
    "transformer": (TransformerSeq2Seq, {"num_heads": 2}),
}
every = pytest.mark.parametrize("kind", KINDS)


def tiny(kind, **changes):
    torch.manual_seed(0)
    build_it, own = KINDS[kind]
    return build_it(Seq2SeqConfig(V, hidden_size=12, **own | changes)).double().eval()


def rows(lengths, seed=0):
    source = torch.Generator().manual_seed(seed)
    return [torch.randint(3, V, (n,), generator=source).tolist() for n in lengths]


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


# --- the data ----------------------------------------------------------------------------------


def test_a_batch_is_packed_as_the_docstring_says():
    data = Pairs([[5, 6, 7]], [[8, 9]], end=END)
    inputs, targets = data.batch(0, 1, 0)
    assert inputs.tolist() == [[[5, 6, 7, 2], [2, 8, 9, 0]]]
    assert targets.tolist() == [[8, 9, 2, IGNORE]]
    assert (data.num_tokens, data.longest, len(data)) == (3, 4, 1)


def test_an_epoch_scores_every_target_once_and_training_sees_every_pair():
    data = Pairs(rows([3, 1, 9, 4, 2]), rows([1, 8, 2, 2, 5], seed=1), end=END)
    for size in (1, 2, 5, 9):
        said = torch.cat([t[t != IGNORE] for _, t in data.epoch(size)])
        assert said.tolist() == torch.cat(data.targets).tolist()
        places = torch.cat([p[p >= 0] for p in (data.gather(c)[2] for c in data.plan(size))])
        assert places.tolist() == list(range(data.num_tokens))
    seen = {tuple(x[0].tolist()) for step in range(64) for x in data.batch(step, 2, 3)[0]}
    assert len({tuple(i for i in row if i) for row in seen}) == 5
    assert all(torch.equal(a, b) for a, b in zip(data.batch(9, 2, 3), data.batch(9, 2, 3),
                                                 strict=True))  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "targets", "options"),
    [
        ([], [], {}),
        ([[3]], [], {}),
        ([[PAD]], [[3]], {}),
        ([[3]], [[END]], {}),
        ([[3]], [[3]], {"pad": END}),
    ],
)
def test_pairs_that_cannot_be_are_refused(sources, targets, options):
    with pytest.raises(ValueError, match=r"expected|give|must"):
        Pairs(sources, targets, end=END, **options)


def test_fingerprints_tell_data_apart():
    a = Pairs([[3, 4]], [[5]], end=END)
    assert a.fingerprint() == Pairs([[3, 4]], [[5]], end=END).fingerprint()
    assert a.fingerprint() != Pairs([[3]], [[4, 5]], end=END).fingerprint()


# --- attention ---------------------------------------------------------------------------------


def test_dot_attention_is_torchs_attention():
    """With the scale taken out: score = s · W m is scaled_dot_product_attention of √C s and W m."""
    torch.manual_seed(1)
    score = DotScore(8).double()
    states, memory = torch.randn(3, 5, 8).double(), torch.randn(3, 7, 8).double()
    mask = torch.arange(7)[None] < torch.tensor([[7], [4], [1]])
    context, weights = attend(score(states, memory), Memory(memory, mask, memory[:, 0]))
    theirs = F.scaled_dot_product_attention(states * 8**0.5, score.W(memory), memory, mask[:, None])
    close(context, theirs)
    close(weights.sum(-1), torch.ones(3, 5).double())
    assert (weights[~mask[:, None].expand_as(weights)] == 0).all()


def test_additive_scores_are_the_papers_formula():
    torch.manual_seed(1)
    score = AdditiveScore(6).double()
    s, m = torch.randn(2, 3, 6).double(), torch.randn(2, 4, 6).double()
    found = score(s, m)
    for b in range(2):
        for t in range(3):
            for i in range(4):
                inner = score.W.weight @ s[b, t] + score.U.weight @ m[b, i] + score.U.bias
                close(found[b, t, i], score.v.weight[0] @ torch.tanh(inner))


def test_the_transformers_cross_attention_is_torchs_multihead_attention():
    model = tiny("transformer")
    ours = model.decoder[-1].cross
    theirs = nn.MultiheadAttention(12, 2, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.in_proj_bias.copy_(ours.qkv.bias)
        theirs.out_proj.weight.copy_(ours.out.weight)
        theirs.out_proj.bias.copy_(ours.out.bias)
    x, memory = torch.randn(2, 3, 12).double(), torch.randn(2, 5, 12).double()
    mask = torch.arange(5)[None] < torch.tensor([[5], [2]])
    wanted, weights = theirs(x, memory, memory, key_padding_mask=~mask)
    close(ours(x, memory, mask=mask[:, None, None])[0], wanted)
    ours.record_weights = True
    ours(x, memory, mask=mask[:, None, None])
    close(ours.last_weights.mean(1), weights)


def test_the_recurrent_decoder_is_torchs_gru_and_a_softmax():
    model = tiny("dot")
    gru = nn.GRU(12, 12, batch_first=True).double()
    with torch.no_grad():
        gru.weight_ih_l0.copy_(model.decoder.weight_ih)
        gru.weight_hh_l0.copy_(model.decoder.weight_hh)
        gru.bias_ih_l0.copy_(model.decoder.bias)
        gru.bias_hh_l0.copy_(model.decoder.bias_hh())
    source, prefix = torch.tensor(rows([6])), torch.tensor(rows([4], seed=1))
    memory = model.encode(source)
    first = torch.tanh(model.start(memory.summary))
    h, _ = gru(model.embedding(prefix), first[None])
    weights = torch.softmax(h @ model.score.W(memory.states).mT, -1)
    x = torch.tanh(model.combine(torch.cat([weights @ memory.states, h], -1)))
    close(model.decode(prefix, memory)[0], x @ model.embedding.weight.T)
    close(model.alignment(source, prefix), weights)


def test_rows_are_reversed_in_front_of_their_padding():
    x = torch.arange(10.0).reshape(2, 5, 1)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).bool()
    assert reversed_rows(x, mask)[..., 0].tolist() == [[4, 3, 2, 1, 0], [6, 5, 7, 8, 9]]


# --- the two models ----------------------------------------------------------------------------


@every
def test_padding_and_neighbours_change_nothing(kind):
    model, sources, targets = tiny(kind), rows([3, 9, 1, 5]), rows([7, 2, 4, 1], seed=1)
    data = Pairs(sources, targets, end=END)
    inputs, wanted, _ = data.gather(torch.arange(4))
    together = model.logits(inputs)[0]
    for i in range(4):
        alone = model.logits(data.gather(torch.tensor([i]))[0])[0][0]
        real = wanted[i] != IGNORE
        close(together[i][real], alone[: int(real.sum())])


@every
def test_teacher_forcing_is_step_by_step_decoding(kind):
    model = tiny(kind)
    source = padded(rows([5, 2, 7]), END)
    prefix = torch.tensor([[END, *row] for row in rows([6, 6, 6], seed=2)])
    memory, state, found = model.encode(source), None, []
    at_once = model.decode(prefix, memory)[0]
    with torch.no_grad():
        for t in range(prefix.shape[1]):
            logits, state = model.decode(prefix[:, t : t + 1], memory, state)
            found.append(logits)
    close(torch.cat(found, 1), at_once)


@every
def test_the_decoder_sees_the_source_and_nothing_that_comes(kind):
    model = tiny(kind)
    source = model.embedding.weight.new_tensor(rows([6])).long()
    prefix = torch.tensor([[END, 4, 5, 6]])
    before = model.decode(prefix, model.encode(source))[0]
    changed = prefix.clone()
    changed[0, 2] = 9
    after = model.decode(changed, model.encode(source))[0]
    close(after[:, :2], before[:, :2])
    assert (after[:, 2:] - before[:, 2:]).abs().min() > 0
    for place in range(6):
        other = source.clone()
        other[0, place] = (int(source[0, place]) + 1 - 3) % (V - 3) + 3
        moved = model.decode(prefix, model.encode(other))[0]
        assert (moved - before).abs().max() > 1e-6, f"source {place} is not seen"


@every
def test_gradients_reach_every_parameter(kind):
    model = tiny(kind).train()
    inputs, targets = Pairs(rows([4, 6]), rows([5, 3], seed=1), end=END).batch(0, 4, 0)
    F.cross_entropy(model.logits(inputs)[0].flatten(0, 1), targets.flatten()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("kind", ["dot", "additive", "transformer"])
def test_an_alignment_is_a_law_over_real_tokens(kind):
    model = tiny(kind)
    source = padded(rows([5, 2]), END)
    weights = model.alignment(source, torch.tensor([[END, 4, 5], [END, 6, 7]]))
    assert weights.shape == (2, 3, 6)
    close(weights.sum(-1), torch.ones(2, 3).double())
    assert (weights[1, :, 3:] == 0).all()


@every
def test_the_loop_trains_it_and_greedy_copies(kind):
    """Two words to copy in order: a bigram of the target alone could not."""
    source = torch.Generator().manual_seed(0)
    texts = torch.randint(3, 8, (400, 2), generator=source).tolist()
    data = Pairs(texts, texts, end=END)
    torch.manual_seed(0)
    build_it, own = KINDS[kind]
    model = build_it(Seq2SeqConfig(8, hidden_size=24, **own))
    fit(model, data, steps=120, batch_size=32, lr=1e-2, progress=False)
    assert perplexity(model, data).nats < 0.1
    wanted = [[3, 7], [5, 5], [7, 3]]
    assert greedy(model, wanted, END) == wanted
    assert greedy(model, [], END) == []


@every
def test_greedy_is_a_beam_of_one_in_any_order_and_batch(kind):
    model, sources = tiny(kind), rows([3, 8, 1, 5])
    found = greedy(model, sources, END, max_length=9)
    assert greedy(model, sources, END, max_length=9, batch_size=1) == found
    assert greedy(model, sources[::-1], END, max_length=9) == found[::-1]
    for source, text in zip(sources, found, strict=True):
        assert beam(model, source, END, width=1, max_length=9)[0].tokens == text
    wide = beam(model, sources[0], END, width=5, max_length=9, length_penalty=0)
    narrow = beam(model, sources[0], END, width=1, max_length=9, length_penalty=0)
    assert wide[0].logprob >= narrow[0].logprob - 1e-9


def test_a_beams_probability_is_the_models():
    model, source = tiny("transformer"), rows([4])[0]
    best = beam(model, source, END, width=3, max_length=6, length_penalty=0)[0]
    target = torch.tensor([[END, *best.tokens]])
    logprobs = model.decode(target, model.encode(padded([source], END)))[0].log_softmax(-1)[0]
    said = [*best.tokens, END] if best.finished else best.tokens
    assert best.logprob == pytest.approx(sum(logprobs[t, i].item() for t, i in enumerate(said)))


@every
def test_a_checkpoint_brings_the_model_back(kind, tmp_path):
    model = tiny(kind).float()
    checkpoint.save(tmp_path / "m.safetensors", model)
    again = checkpoint.load_model(tmp_path / "m.safetensors")
    inputs = Pairs(rows([4]), rows([3], seed=1), end=END).batch(0, 1, 0)[0]
    torch.testing.assert_close(again.logits(inputs)[0], model.logits(inputs)[0])
    assert type(model).name in NAMES
    assert build(type(model).name, model.config()).settings == model.settings


def test_wrong_inputs_are_refused():
    model = tiny("dot")
    with pytest.raises(ValueError, match="source above target"):
        model.logits(torch.zeros(2, 5, dtype=torch.long))
    with pytest.raises(ValueError, match="outside the vocabulary"):
        model.encode(torch.tensor([[V]]))
    with pytest.raises(ValueError, match="choose one of"):
        RecurrentSeq2Seq(Seq2SeqConfig(V, attention="sum"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_our_beam_is_transformers_beam_on_an_encoder_decoder(seed):
    from transformers import MarianConfig, MarianMTModel

    torch.manual_seed(seed)
    marian = MarianMTModel(
        MarianConfig(
            vocab_size=12,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            pad_token_id=0,
            eos_token_id=2,
            bos_token_id=1,
            decoder_start_token_id=0,
            forced_eos_token_id=None,
            init_std=1.0,
        )
    ).eval()
    source = torch.tensor([[5, 6, 7, 2]])

    def step(prefixes):
        ids = torch.tensor(prefixes)
        with torch.no_grad():
            out = marian(input_ids=source.expand(len(ids), -1), decoder_input_ids=ids)
        return out.logits[:, -1].log_softmax(-1)

    best = beam_search(step, [0], width=4, max_length=8, end_id=2)[0]
    theirs = marian.generate(
        source, num_beams=4, max_new_tokens=8, early_stopping="never", length_penalty=1.0
    )[0].tolist()
    assert best.tokens + [2] * best.finished == theirs[1:]

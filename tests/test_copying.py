"""A network that copies: a law that sums to one, gradients as by loops, the plain model inside."""

import pytest
import torch
from torch.nn import functional as F

from llmbook.models import CopyingConfig, CopyingSeq2Seq, RecurrentSeq2Seq, Seq2SeqConfig, build
from llmbook.models.copying import mixture
from llmbook.pairs import Pairs, padded
from llmbook.text import OpenVocab, WordVocab
from llmbook.train import fit
from llmbook.writer import beam, greedy

V, X, END = 11, 4, 2


def tiny(attention="dot", seed=0, **more):
    torch.manual_seed(seed)
    config = CopyingConfig(V, hidden_size=8, attention=attention, extra=X, **more)
    return CopyingSeq2Seq(config).double().eval()


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


SOURCES = [[5, 11, 6, 11, 12], [7, 13]]
PREFIX = torch.tensor([[2, 5, 11], [2, 13, 4]])


# --- the mixture -------------------------------------------------------------------------------


def by_loops(gate, law, weights, source, size):
    B, T, S = weights.shape
    rows = []
    for b in range(B):
        for t in range(T):
            row = [gate[b, t, 0] * law[b, t, v] if v < law.shape[-1] else law.new_zeros(())
                   for v in range(size)]  # fmt: skip
            for s in range(S):
                word = int(source[b, s])
                row[word] = row[word] + (1 - gate[b, t, 0]) * weights[b, t, s]
            rows.append(torch.stack(row))
    return torch.stack(rows).view(B, T, size)


def test_the_mixture_equals_loops_in_values_and_gradients():
    torch.manual_seed(0)
    given = [torch.randn(2, 3, n, dtype=torch.float64, requires_grad=True) for n in (1, V, 5)]
    source = torch.tensor([[5, 11, 5, 12, 0], [14, 2, 2, 0, 0]])

    def mixed(function):
        gate, law, weights = torch.sigmoid(given[0]), given[1].softmax(-1), given[2].softmax(-1)
        return function(gate, law, weights, source, V + X)

    ours, theirs = mixed(mixture), mixed(by_loops)
    close(ours, theirs)
    close(ours.sum(-1), torch.ones(2, 3, dtype=torch.float64))
    seed = torch.randn_like(ours)
    found = [torch.autograd.grad((x * seed).sum(), given) for x in (ours, theirs)]
    for a, b in zip(*found, strict=True):
        close(a, b)


# --- the model ---------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", ["dot", "additive"])
def test_what_it_says_is_a_law_and_unseen_words_are_out_of_reach(attention):
    model = tiny(attention)
    logprobs, _ = model.decode(PREFIX, model.encode(padded(SOURCES, END)))
    assert logprobs.shape == (2, 3, V + X)
    close(logprobs.exp().sum(-1), torch.ones(2, 3, dtype=torch.float64), 1e-10)
    chances = logprobs.exp()
    assert (chances[0, :, [11, 12]] > 1e-4).all()
    assert (chances[0, :, [13, 14]] < 1e-11).all()  # they stand in the other source alone
    assert (chances[1, :, 13] > 1e-4).all()


def test_with_an_open_gate_it_is_the_plain_model():
    """Same weights, gate at 1: the vocabulary's law and nothing else."""
    model = tiny()
    plain = RecurrentSeq2Seq(Seq2SeqConfig(V, hidden_size=8)).double().eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if "say" not in k})
    torch.nn.init.zeros_(model.say.weight)
    torch.nn.init.constant_(model.say.bias, 50.0)
    source = padded(SOURCES, END)
    ours, _ = model.decode(PREFIX, model.encode(source))
    logits, _ = plain.decode(model.closed(PREFIX), plain.encode(model.closed(source)))
    close(ours[..., :V], logits.log_softmax(-1), 1e-10)
    torch.nn.init.constant_(model.say.bias, -50.0)  # and shut, it copies alone
    copied = model.decode(PREFIX, model.encode(source))[0].exp()
    outside = [v for v in range(V + X) if v not in {*SOURCES[0], END}]
    assert (copied[0][:, outside] < 1e-11).all()


def test_its_weights_and_gate_explain_its_law():
    model, source = tiny(), padded(SOURCES, END)
    weights = model.alignment(source, PREFIX)
    close(weights.sum(-1), torch.ones(2, 3, dtype=torch.float64))
    assert (weights[1, :, 3:] == 0).all()  # padding
    chances = model.decode(PREFIX, model.encode(source))[0].exp()
    close(chances[1, :, 13], (1 - model.gate[1]) * weights[1, :, 1])


def test_padding_and_steps_change_nothing():
    model = tiny()
    memory = model.encode(padded(SOURCES, END))
    whole, _ = model.decode(PREFIX, memory)
    alone, _ = model.decode(PREFIX[1:], model.encode(padded(SOURCES[1:], END)))
    close(whole[1:], alone, 1e-10)
    state, steps = None, []
    for t in range(3):
        logprobs, state = model.decode(PREFIX[:, t : t + 1], memory, state)
        steps.append(logprobs)
    close(torch.cat(steps, 1), whole, 1e-10)


def test_gradients_are_finite_where_a_probability_is_zero():
    model = tiny().train()
    data = Pairs([[5, 11]], [[11, 12]], END)  # 12 stands nowhere in the source
    inputs, targets = data.batch(0, 1, 0)
    loss = F.cross_entropy(model(inputs)[0].flatten(0, 1), targets.flatten(), ignore_index=-100)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_it_learns_to_copy_words_that_it_never_saw():
    """The task: say the source's second word. Extra ids are other words each time."""
    torch.manual_seed(0)
    rows = [torch.randint(3, V + X, (3,)).tolist() for _ in range(200)]
    model = CopyingSeq2Seq(CopyingConfig(V, hidden_size=24, extra=X))
    fit(model, Pairs(rows, [r[1:2] for r in rows], END), steps=150, lr=1e-2, progress=False)
    new = [[5, 14, 6], [12, 11, 5], [7, 13, 12]]
    assert greedy(model, new, END, 5) == [[14], [11], [13]]
    assert beam(model, new[0], END, width=2)[0].tokens == [14]


def test_beams_and_greedy_agree_and_forbidden_words_are_not_said():
    model = tiny(seed=3)
    written = greedy(model, SOURCES, END, 6)
    assert written == [beam(model, s, END, width=1, max_length=6)[0].tokens for s in SOURCES]
    banned = written[0][0]
    assert banned not in greedy(model, SOURCES, END, 6, forbidden=[banned])[0]


def test_wrong_shapes_and_ids_are_told():
    with pytest.raises(ValueError, match="must look"):
        tiny("none")
    with pytest.raises(ValueError, match="outside the vocabulary"):
        tiny().encode(torch.tensor([[V + X]]))


def test_it_is_built_again_by_its_name():
    model = tiny().float()
    again = build(model.name, model.config())
    assert type(again) is CopyingSeq2Seq
    assert again.settings == model.settings


# --- numbers for unknown words -----------------------------------------------------------------


def test_unknown_words_are_numbered_and_come_back():
    vocab = OpenVocab(WordVocab(["won", "."]), extra=2)
    words = ["Zoltan", "won", "Jena", "Zoltan", "Faro", "."]
    ids, unknown = vocab.read(words)
    assert (ids, unknown) == ([5, 3, 6, 5, 1, 4], ["Zoltan", "Jena"])  # the third has no room
    assert vocab.decode(ids, unknown) == ["Zoltan", "won", "Jena", "Zoltan", "<unk>", "."]
    assert vocab.encode(["Jena", "Oslo"], unknown) == [6, 1]
    assert vocab.closed(ids) == [1, 3, 1, 1, 1, 4]
    assert vocab.decode([5, 6], ["Zoltan"]) == ["Zoltan", "<unk>"]
    assert len(vocab) == 7
    assert vocab.read([]) == ([], [])
    with pytest.raises(ValueError, match="outside"):
        vocab.decode([7])
    with pytest.raises(ValueError, match="extra is -1"):
        OpenVocab(WordVocab(["won"]), -1)

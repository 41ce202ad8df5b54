"""The exercises of the chapter *Interpretability*."""

import torch
from torch.nn import functional as F

from llmbook import interpret, ops
from llmbook.check.core import exercise, expect, require, same
from llmbook.models import GPT, GPTConfig


@exercise(
    "interpretability.lens",
    asked="my_lens(x, weight, bias, head) gives the law that the norm and the head read from x",
    hint="normalise first (ops.layer_norm), score each word with a row of head, then log_softmax",
)
def _(lens):
    for T, C, V in ((1, 2, 3), (4, 6, 5)):
        x, weight, bias = 3 * torch.randn(T, C), torch.rand(C) + 0.5, torch.randn(C)
        head = torch.randn(V, C)
        gives = (F.layer_norm(x, (C,), weight, bias) @ head.T).log_softmax(dim=-1)
        label = f"my_lens for {T} positions, {C} channels and {V} words"
        expect(lens, x, weight, bias, head, gives=gives, rtol=1e-3, atol=1e-4, label=label)


@exercise(
    "interpretability.kl",
    asked="my_kl(log_p, log_q) gives Σ p (log p − log q) over the last dimension",
    hint="p is log_p.exp(); where p is 0 the term is 0, though log p is −inf",
)
def _(kl):
    for shape in ((3,), (2, 5), (2, 3, 4)):
        log_p, log_q = (torch.randn(*shape).log_softmax(dim=-1) for _ in range(2))
        gives = F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(dim=-1)
        expect(kl, log_p, log_q, gives=gives, label=f"my_kl for laws {list(shape)}")
    certain = torch.tensor([1.0, 0.0]).log()
    half = torch.tensor([0.5, 0.5]).log()
    gives = torch.tensor(0.5).log().neg()
    label = "my_kl of a law with an impossible word from an even one"
    expect(kl, certain, half, gives=gives, label=label, hint="0 · (−inf) is nan: leave it out")


@exercise(
    "interpretability.prefix",
    asked="my_prefix(weights, L) gives each head's mean weight on the token after the earlier copy",
    hint="position t has its copy at t − L, and what came after that copy stands at t − L + 1",
)
def _(prefix):
    for H, L, opening in ((1, 2, 0), (3, 4, 0), (2, 5, 1)):
        T = 2 * L + opening
        weights = torch.rand(H, T, T).tril()
        weights = weights / weights.sum(dim=-1, keepdim=True)
        rows = [[weights[h, t, t - L + 1] for t in range(T - L, T)] for h in range(H)]
        gives = torch.tensor([sum(row) / L for row in rows])
        label = f"my_prefix for {H} heads over {T} positions that end with {L} tokens said twice"
        expect(prefix, weights, L, gives=gives, label=label)


@exercise(
    "interpretability.recovered",
    asked="my_recovered(clean, corrupt, patched) is 0 at the corrupt value and 1 at the clean one",
    hint="how far patched lies from corrupt, as a share of how far clean does",
)
def _(recovered):
    for clean, corrupt, patched, gives in (
        (4.0, -2.0, 4.0, 1.0),
        (4.0, -2.0, -2.0, 0.0),
        (4.0, -2.0, 1.0, 0.5),
        (-1.0, 3.0, 5.0, -0.5),  # a patch may also lead away from the clean run
        (1.0, 0.0, 1.5, 1.5),  # or beyond it
    ):
        expect(recovered, clean, corrupt, patched, gives=gives)


def _model() -> GPT:
    """A tiny GPT that is not the identity."""
    model = GPT(GPTConfig(11, context=16, hidden_size=8, num_heads=2, num_layers=3)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.2 * torch.randn_like(p)
    return model.requires_grad_(False)


@exercise(
    "interpretability.patch",
    asked="my_patch(model, ids, layer, stream, position) gives the logits with one place exchanged",
    hint="walk by hand: x, _ = block(x, causal=True); exchange before block number layer",
)
def _(patch):
    model = _model()
    for T, layer, position in ((4, 0, 0), (6, 1, 3), (6, 2, 5), (5, 3, 4)):
        ids, other = torch.randint(11, (2, T)), torch.randint(11, (2, T))
        stream = interpret.residuals(model, other)[layer]
        gives = interpret.patch(model, ids, layer, stream, [position])
        label = f"my_patch of {T} tokens at stream {layer}, position {position}"
        kept = stream.clone()
        came = patch(model, ids, layer, stream, position)
        same(came, gives, label)
        require(torch.equal(stream, kept), f"{label} changed the stream that it was given")
    left = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    require(left == 0, f"my_patch left {left} hooks on the model", "remove them in a finally")


@exercise(
    "interpretability.move",
    asked="my_move(x, w, b, reading) gives the nearest point to x at which the probe reads reading",
    hint="only a step along w changes w · x + b; a step of α w changes it by α (w · w)",
)
def _(move):
    for C in (1, 2, 7):
        x, w, b = torch.randn(C), torch.randn(C) + 0.1, float(torch.randn(()))
        for reading in (0.0, 3.0, float(w @ x) + b):
            gives = x + (reading - float(w @ x) - b) / (w @ w) * w
            label = f"my_move of a state of {C} channels to the reading {reading:.2f}"
            expect(move, x, w, b, reading, gives=gives, label=label)


@exercise(
    "interpretability.ablate",
    asked="my_without(model, layer, head) gives the function ids -> logits with that head silent",
    hint="head h owns the channels h·D to (h+1)·D of what attention.out reads",
)
def _(without):
    model = _model()
    ids = torch.randint(11, (2, 7))
    whole = model.logits(ids)[0]
    for layer, head in ((0, 0), (1, 1), (2, 0)):
        with interpret.ablate(model, (layer, head)):
            gives = model.logits(ids)[0]
        came = without(model, layer, head)(ids)
        same(came, gives, f"the logits without head {head} of layer {layer}")
        again = ops.log_softmax(model.logits(ids)[0])
        hint = "work on a copy of the model (copy.deepcopy), or put the weights or hooks back"
        same(again, ops.log_softmax(whole), "the model itself, afterwards,", hint=hint)

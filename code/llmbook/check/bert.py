"""The exercises of the chapter *BERT: filling in instead of writing*."""

import math

import torch
from torch.nn import functional as F

from llmbook import models
from llmbook.check.core import exercise, expect


@exercise(
    "bert.hide",
    asked="my_hide(text, chosen, fate, other, mask_id) gives (inputs, targets), 80/10/10",
    hint="fate below 0.8: mask_id; from 0.8 to below 0.9: other; else, and where not chosen: text",
)
def _(hide):
    text = torch.tensor([[5, 6, 7, 8, 9]])
    other = torch.tensor([[11, 12, 13, 14, 15]])
    fate = torch.tensor([[0.1, 0.85, 0.95, 0.1, 0.8]])
    for chosen, inputs, targets in (
        ([1, 1, 1, 0, 0], [3, 12, 7, 8, 9], [5, 6, 7, -100, -100]),
        ([0, 0, 0, 0, 0], [5, 6, 7, 8, 9], [-100] * 5),
        ([0, 1, 0, 1, 1], [5, 12, 7, 3, 15], [-100, 6, -100, 8, 9]),
    ):
        gives = (torch.tensor([inputs]), torch.tensor([targets]))
        label = f"my_hide with chosen {chosen}"
        expect(hide, text, torch.tensor([chosen]).bool(), fate, other, 3, gives=gives, label=label)


@exercise(
    "bert.bayes",
    asked="my_posterior(scores) turns {word: ln p(the whole story with it)} into the word's law",
    hint="it is a softmax; subtract the largest score before exp, and a score of -inf gives 0",
)
def _(posterior):
    for scores in (
        {"mara": -30.0, "tobin": -30.0 - math.log(3)},
        {"owl": -4.0},
        {"fox": -math.inf, "hare": -2.0, "stag": -2.0},
        {"one": -2000.0, "two": -2001.0},  # exp of either is 0 in floating point
    ):
        top = max(scores.values())
        weights = {word: math.exp(score - top) for word, score in scores.items()}
        gives = {word: w / sum(weights.values()) for word, w in weights.items()}
        expect(posterior, scores, gives=gives)


@exercise(
    "bert.pool",
    asked="my_pool(x, ids, pad_id) gives [B, C]: the mean of x [B, T, C] over tokens not pad_id",
    hint="sum x times a mask of 0 and 1, then divide by how many tokens are real in each row",
)
def _(pool):
    for lengths in ([3, 1], [4, 4, 2], [5]):
        T = max(lengths)
        x = torch.randn(len(lengths), T, 6)
        ids = torch.tensor([[7] * n + [0] * (T - n) for n in lengths])
        gives = torch.stack([row[:n].mean(dim=0) for row, n in zip(x, lengths, strict=True)])
        expect(pool, x, ids, 0, gives=gives, label=f"my_pool for texts of {lengths} tokens")


@exercise(
    "bert.count",
    asked="my_count(V, C, L, T) gives the parameters of the book's BERT with two segments",
    hint="three embeddings and their norm; blocks as in GPT; then the transform, its norm, a bias",
)
def _(count):
    for V, C, L, T in ((10, 4, 1, 8), (86, 64, 2, 256), (30, 8, 3, 5)):
        config = models.BERTConfig(V, context=T, hidden_size=C, num_heads=2, num_layers=L)
        expect(count, V, C, L, T, gives=models.BERT(config).num_params())


@exercise(
    "bert.pseudo",
    asked="my_pseudo(logits, text, mask_id) sums ln p(word | the others) over the words",
    hint="hide a copy's place, call logits on [[...]], take log_softmax at that place alone",
)
def _(pseudo):
    torch.manual_seed(1)
    config = models.BERTConfig(9, context=8, hidden_size=8, num_heads=2, num_layers=1)
    model = models.BERT(config).eval()

    def logits(ids):
        with torch.no_grad():
            return model.logits(torch.as_tensor(ids))[0]

    for text in ([5], [4, 5, 6], [8, 8, 4, 7]):
        total = 0.0
        for place, word in enumerate(text):
            hidden = [*text[:place], 3, *text[place + 1 :]]
            total += logits([hidden])[0, place].log_softmax(-1)[word].item()
        expect(lambda t: pseudo(logits, t, 3), text, gives=total, label=f"my_pseudo for {text}")


@exercise(
    "bert.contrast",
    asked="my_contrast(a, b, tau) gives the contrastive loss of the matching rows [N, C]",
    hint="cosines of every a with every b, divided by tau, are logits; row i's target is column i",
)
def _(contrast):
    for N, C, tau in ((1, 3, 1.0), (4, 8, 0.1), (6, 2, 0.05)):
        a, b = torch.randn(N, C), 3 * torch.randn(N, C)
        logits = F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T / tau
        gives = F.cross_entropy(logits, torch.arange(N)).item()
        expect(contrast, a, b, tau, gives=gives, label=f"my_contrast for {N} pairs, tau {tau}")

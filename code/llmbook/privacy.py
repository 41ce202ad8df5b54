"""What a model keeps of its training text: exposure of planted secrets, membership.

    exposure(code_losses(model, prefix, digits, 4)[0], secret=4071)   # bits; 1.4 is chance
    auc(scores_of_members, scores_of_others)                          # 0.5 is chance

Exposure is by Carlini et al. 2018. Training that bounds what is kept is in `llmbook.dpsgd`.

Dimensions: B batch, T time, K symbols, R candidates, n items.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from llmbook.layers import KVCache
from llmbook.uncertainty import Interval, percentile_interval, resample

# --- Exposure --------------------------------------------------------------------------------


def rank(losses: Tensor, secret: int) -> float:
    """Place of the candidate ``secret`` among ``losses [R]``, the lowest is 1; equals share."""
    mine = losses[secret]
    below, equal = (losses < mine).sum(), (losses == mine).sum()
    return float(below + (equal + 1) / 2)


def exposure(losses: Tensor, secret: int) -> float:
    """log2 R − log2 rank, in bits (Carlini et al. 2018).

    ``losses [R]`` holds −log p of every candidate, the secret among them. log2 R bits: the model
    finds it likeliest. See ``expected_exposure`` for what to expect of a secret never seen.
    """
    return math.log2(len(losses)) - math.log2(rank(losses, secret))


def expected_exposure(candidates: int) -> float:
    """The mean exposure of a secret whose rank is any of 1 … R alike: near 1 / ln 2 = 1.44 bits."""
    ranks = torch.arange(1, candidates + 1, dtype=torch.float64)
    return float(math.log2(candidates) - ranks.log2().mean())


@torch.no_grad()
def code_losses(model: nn.Module, prefixes: Tensor, symbols: Sequence[int], length: int) -> Tensor:
    """−log p, in nats, of every code after each of ``prefixes [B, T]``: ``[B, K ** length]``.

    A code is ``length`` of the K ``symbols``; code number 4071 over ten digits is 4, 0, 7, 1.
    All codes with one beginning share one reading of it, so that only the last symbol costs
    K ** (length − 1) short steps.
    """
    model.eval()
    symbols = torch.as_tensor(symbols)
    losses = []
    for prefix in prefixes.split(8):  # what is remembered of 8,000 beginnings fits in memory
        logits, state = model.logits(prefix)
        loss = torch.zeros(len(prefix), dtype=torch.float64)
        for place in range(length):
            step = -logits[:, -1].log_softmax(-1)[:, symbols].double()  # [b, K]
            loss = (loss[:, None] + step).flatten()
            if place + 1 < length:
                ids = symbols.repeat(len(step))[:, None]
                logits, state = model.logits(ids, _repeated(state, len(symbols)))
        losses.append(loss.view(len(prefix), -1))
    return torch.cat(losses)


def _repeated(state, times: int):
    """A model's state with each row ``times`` times in a row."""
    if isinstance(state, Tensor):
        return state.repeat_interleave(times, dim=0)
    if isinstance(state, KVCache):
        keys, values = (x.repeat_interleave(times, dim=0) for x in state.view())
        return KVCache(keys, values, state.length, [state.length])
    return type(state)(_repeated(part, times) for part in state)


# --- Membership ------------------------------------------------------------------------------


def auc(members: Tensor, others: Tensor) -> float:
    """The chance that a member's score is above another's, ties counting half."""
    edges = others.sort().values
    below = torch.searchsorted(edges, members).double()
    upto = torch.searchsorted(edges, members, right=True).double()
    return float(((below + upto) / 2).mean() / len(others))


def tpr_at(members: Tensor, others: Tensor, fpr: float = 0.01) -> float:
    """The share of members above a threshold that at most ``fpr`` of the others exceed."""
    allowed = math.floor(fpr * len(others))  # so many of the others may be accused
    threshold = others.sort(descending=True).values[allowed]
    return float((members > threshold).double().mean())


def attack_interval(
    measure: Callable[[Tensor, Tensor], float],
    members: Tensor,
    others: Tensor,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """A measure of an attack, members and others each resampled whole."""
    rows = zip(
        resample(len(members), resamples, seed),
        resample(len(others), resamples, seed + 1),
        strict=True,
    )
    draws = torch.tensor([measure(members[i], others[j]) for i, j in rows])
    return percentile_interval(measure(members, others), draws)

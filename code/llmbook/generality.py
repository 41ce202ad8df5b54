"""Why a loss rises on changed text: the four parts of it, and what lets a model adapt.

    ground = survey(shift.source, READER.laws_along, stories)
    parts = ground.parts(perplexity(model, data).losses)
    parts.interval("failure")           # nats a word that the model loses and need not

At each word the new law p', the old law p and the model's q are known. Where p allows all that
p' allows, −ln q = −ln p' + (ln p' − ln p) + (ln p − ln q): floor, *price* and *failure*. Where p'
has words that p forbids, p cannot be a measure, and −ln q = −ln p' + (ln p' − ln q): floor and
*surprise*. The expectations of price and surprise are divergences, never below zero. So what is
left as failure is what a perfect knower of the old language, who follows the story, would not
have lost.

Dimensions: N words (ends included), n stories, V vocabulary, C hidden size, T time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llmbook import models
from llmbook.uncertainty import Interval, bootstrap

PARTS = ("floor", "price", "surprise", "failure")


@dataclass(frozen=True)
class Parts:
    """The parts of a loss, nats at each word ``[N]``; their sum is the loss at that word."""

    floor: Tensor
    price: Tensor
    surprise: Tensor
    failure: Tensor
    covered: Tensor  # the old law allows all that the new one allows here
    tags: list[str]  # N of them
    lengths: Tensor  # [n] words of each story

    @property
    def loss(self) -> Tensor:
        return self.floor + self.price + self.surprise + self.failure

    def mean(self, part: str) -> float:
        """Nats a word of one part, or of the whole ``loss``."""
        return float(getattr(self, part).mean())

    def interval(self, part: str, resamples: int = 1000) -> Interval:
        """The mean with its 95 % interval, stories resampled whole."""
        sums = torch.stack([x.sum() for x in getattr(self, part).split(self.lengths.tolist())])
        return bootstrap(sums, self.lengths, resamples=resamples)

    def by_tag(self) -> dict[str, float]:
        """Tag -> mean failure over the covered words that carry it; tags without one left out."""
        found = {}
        for tag in sorted(set(self.tags)):
            mask = self.covered & torch.tensor([t == tag for t in self.tags])
            if mask.any():
                found[tag] = float(self.failure[mask].mean())
        return found


def expected(home: Parts, away: Parts) -> Tensor:
    """The failure ``[N]`` of each word of ``away`` if its tag failed as at ``home``.

    Direct standardisation: the rates of one population with the mix of another. A tag that home
    lacks has rate 0; words that are not covered have no failure.
    """
    rates = home.by_tag()
    each = torch.tensor([rates.get(tag, 0.0) for tag in away.tags], dtype=torch.float64)
    return torch.where(away.covered, each, torch.zeros_like(each))


def gap(home: Parts, away: Parts, resamples: int = 1000) -> Interval:
    """How much more the model fails than at home, nats a word, phenomenon by phenomenon.

    The mix of phenomena is that of ``away``. The 95 % interval resamples the stories of
    ``away``; the rates at home are taken as they are.
    """
    more = (away.failure - expected(home, away)).split(away.lengths.tolist())
    return bootstrap(torch.stack([x.sum() for x in more]), away.lengths, resamples=resamples)


@dataclass(frozen=True)
class Ground:
    """What is known of some stories without any model; ``[N]`` each."""

    new: Tensor  # ln p' of the word that came
    old: Tensor  # ln p of it; −inf where p forbids it
    covered: Tensor  # p allows all that p' allows here
    tags: list[str]
    lengths: Tensor  # [n]

    def parts(self, losses: Tensor) -> Parts:
        """Take a model's ``losses [N]`` (nats, in the stories' order) apart.

        Raises ValueError when they are not as many as the words.
        """
        if losses.shape != self.new.shape:
            raise ValueError(
                f"{list(losses.shape)} losses for {list(self.new.shape)} words; score the same "
                "stories, whole, with their ends"
            )
        losses, zero = losses.double(), torch.zeros_like(self.new)
        old = torch.where(self.covered, self.old, zero)
        return Parts(
            floor=-self.new,
            price=torch.where(self.covered, self.new - old, zero),
            surprise=torch.where(self.covered, zero, losses + self.new),
            failure=torch.where(self.covered, losses + old, zero),
            covered=self.covered,
            tags=self.tags,
            lengths=self.lengths,
        )


def survey(source, old_laws: Callable, stories: Sequence[Sequence[str]]) -> Ground:
    """Both laws along the stories of ``source``; ``old_laws(words)`` gives the old one's.

    Both have a law for each word and for the end, whose name is the last law's only word.
    """
    new, old, covered, tags = [], [], [], []
    for words in stories:
        steps, theirs = source.laws(words), old_laws(words)
        (end,) = steps[-1].law
        for step, law, word in zip(steps, theirs, [*words, end], strict=True):
            new.append(math.log(step.law[word]))
            old.append(math.log(law[word]) if word in law else -math.inf)
            covered.append(step.law.keys() <= law.keys())
            tags.append(step.tag)
    as_double = {"dtype": torch.float64}
    lengths = torch.tensor([len(words) + 1 for words in stories])
    new, old = torch.tensor(new, **as_double), torch.tensor(old, **as_double)
    return Ground(new, old, torch.tensor(covered), tags, lengths)


def widened(model: nn.Module, extra: int, seed: int = 0) -> nn.Module:
    """A copy of ``model`` that knows ``extra`` more words, without having read any of them.

    Each new row of embedding and head is drawn from a normal law with the mean and the spread of
    the old rows, coordinate by coordinate, as libraries do when a vocabulary grows.
    """
    config = model.config() | {"vocab_size": model.vocab_size + extra}
    bigger = models.build(model.name, config)
    draw = torch.Generator().manual_seed(seed)
    state = bigger.state_dict()
    for name, old in model.state_dict().items():
        if state[name].shape == old.shape:
            state[name] = old.clone()
            continue
        rows = old.mean(0) + old.std(0) * torch.randn(
            (extra, *old.shape[1:]), generator=draw, dtype=old.dtype
        )
        state[name] = torch.cat([old, rows])
    if "head.weight" in state and getattr(getattr(model, "settings", None), "tie", False):
        state["head.weight"] = state["embedding.weight"]
    bigger.load_state_dict(state)
    return bigger.train(model.training)


@torch.no_grad()
def read_along(model: nn.Module, data) -> tuple[Tensor, Tensor, Tensor]:
    """A GPT's hidden states ``[N, C]``, log-probabilities ``[N]`` and words ``[N]``, in order."""
    states, logprobs, words = [], [], []
    for start, length in zip(data.starts.tolist(), data.lengths.tolist(), strict=True):
        ids = data.ids[start : start + length + 1]
        hidden, _ = model.hidden(ids[None, :-1])  # [1, T, C]
        logp = model.head(hidden)[0].double().log_softmax(-1)
        states.append(hidden[0])
        words.append(ids[1:])
        logprobs.append(logp.gather(1, ids[1:, None])[:, 0])
    return torch.cat(states), torch.cat(logprobs), torch.cat(words)


def cache_prob(states: Tensor, words: Tensor, theta: float, size: int) -> Tensor:
    """p_cache of each word ``[N]`` by the last ``size`` places before it
    (Grave et al. 2017, equation 3).

    p_cache(w | h_t) ∝ Σ_i 1[w_i = w] exp(θ cos(h_t, h_i)), the sum over the places i < t that
    are remembered; h_i is the state before w_i came. θ = 0 counts words, as the first cache did
    (Kuhn & De Mori 1990). The cosine stands in the place of the paper's product. At the first
    place nothing is remembered, and the probability is 0.
    """
    h = nn.functional.normalize(states.double(), dim=1)
    found = torch.zeros(len(words), dtype=torch.float64)
    for t in range(1, len(words)):
        past = slice(max(0, t - size), t)
        weight = (theta * (h[past] @ h[t])).softmax(0)
        found[t] = weight[words[past] == words[t]].sum()
    return found


def mixed(logprobs: Tensor, cache: Tensor, share: float) -> Tensor:
    """Losses ``[N]`` of (1 − λ) q + λ p_cache, λ being ``share``."""
    return -((1 - share) * logprobs.exp() + share * cache).log()

"""Perplexity, weighted by tokens, and the excess over a source's floor, overall and per tag.

    result = perplexity(model, Stories(test, end), floor=floor.logprobs, tags=floor.tags)
    result.perplexity, result.excess, result.by_tag["recall"].excess

A mean of means would depend on how texts were cut into batches. Here every token's loss goes
to its own place in one float64 vector, in the data's order, and that vector is summed once.

Dimensions: B batch, T time, V vocabulary, N tokens.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor, nn

from llmbook.data import IGNORE, Stories, Stream


@dataclass(frozen=True)
class TagResult:
    """The tokens that carry one tag. ``excess`` is None when no floor was given."""

    nats: float  # mean cross-entropy a token
    tokens: int
    excess: float | None = None  # nats over the floor's nats on the same tokens


@dataclass(frozen=True)
class Evaluation:
    """A model's score on a text. One nat is 1 / log(2) = 1.443 bits."""

    nats: float  # mean cross-entropy a token
    perplexity: float  # exp(nats)
    tokens: int  # how many were scored
    excess: float | None = None  # nats over the floor's, when a floor was given
    by_tag: dict[str, TagResult] = field(default_factory=dict)
    losses: Tensor | None = field(default=None, repr=False, compare=False)  # [N] nats, in order


@torch.no_grad()
def perplexity(
    model: nn.Module,
    data: Stories | Stream,
    *,
    batch_size: int = 32,
    stride: int | None = None,
    max_batches: int | None = None,
    floor: Sequence[Sequence[float]] | Sequence[float] | None = None,
    tags: Sequence[Sequence[str]] | Sequence[str] | None = None,
) -> Evaluation:
    """Score ``model`` on every target of ``data``, each exactly once.

    stride: for a Stream, see `Stream.plan`. max_batches: score only so many batches, spread
    evenly over the data (for a look during training). floor: the source's log-probability of
    every target, one list a story (a flat list for a Stream). tags: names, in the same shape.
    The result does not depend on batch size, padding or order; the model's mode is kept.
    `Masked` data score the words that they hide, given both sides.
    Raises ValueError when the text is too long for the model or a list's length does not fit,
    TypeError for next words and a model that sees them.
    """
    check_fits(model, data)
    plan = data.plan(batch_size, stride)
    if max_batches is not None:
        plan = _spread(plan, max_batches)
    losses = torch.zeros(data.num_tokens, dtype=torch.float64)
    seen = torch.zeros(data.num_tokens, dtype=torch.bool)
    device, training = device_of(model), model.training
    model.eval()
    try:
        for spans in plan:
            inputs, targets, positions = data.gather(spans)
            logits, _ = model.logits(inputs.to(device))  # [B, T, V]
            scored = targets != IGNORE
            losses[positions[scored]] = token_nats(logits.cpu()[scored], targets[scored])
            seen[positions[scored]] = True
    finally:
        model.train(training)
    return _summary(losses, seen, floor, tags)


def bits_per_byte(result: Evaluation, text: str) -> float:
    """Cross-entropy in bits, divided by the text's UTF-8 bytes: the same for any tokenizer.

    ``result`` must have scored all of ``text``. A Stream never scores its first id, so put the
    vocabulary's end before the text. Raises ValueError when the text is empty.
    """
    size = len(text.encode("utf-8"))
    if not size:
        raise ValueError("the text is empty; bits per byte need at least one byte.")
    return result.nats * result.tokens / math.log(2) / size


def nats_by_story(result: Evaluation, data: Stories) -> Tensor:
    """The summed loss of each story ``[len(data)]``, ends included, in the data's order.

    Raises ValueError unless ``result`` scored every token of ``data``.
    """
    if result.losses is None or len(result.losses) != data.num_tokens:
        raise ValueError(
            f"the result holds {0 if result.losses is None else len(result.losses)} losses, the "
            f"data {data.num_tokens} targets; score all of the same stories first."
        )
    return torch.stack([story.sum() for story in result.losses.split(data.lengths.tolist())])


def token_nats(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy [N] in float64 of logits [N, V] and targets [N].

    The logits are widened a slice at a time: a large vocabulary would not fit at once.
    """
    rows = max(1, 2**22 // logits.shape[-1])
    slices = zip(logits.split(rows), targets.split(rows), strict=True)
    wide = [nn.functional.cross_entropy(z.double(), y, reduction="none") for z, y in slices]
    return torch.cat(wide) if wide else torch.zeros(0, dtype=torch.float64)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's numbers live; the CPU for a model that holds none."""
    numbers = chain(model.parameters(), model.buffers())
    return next((x.device for x in numbers), torch.device("cpu"))


def check_context(model: nn.Module, data: Stories | Stream) -> None:
    """Raise ValueError when ``data`` holds inputs longer than the model accepts."""
    limit = getattr(model, "context", None)
    if limit is not None and data.longest > limit:
        raise ValueError(
            f"the data hold inputs of {data.longest} tokens; the model's context is {limit}. "
            f"Cut the text to windows of at most {limit}, or build the model with a longer context."
        )


def check_fits(model: nn.Module, data: Stories | Stream) -> None:
    """`check_context`, and TypeError when a model that sees both sides is asked for next words."""
    if not getattr(model, "causal", True) and not getattr(data, "hidden", False):
        name = type(model).__name__
        raise TypeError(
            f"a {name} sees the whole text, so as the law of the next word it can only copy it. "
            "Hide words: wrap the data in masking.Masked, or score a text by pseudo_logprobs."
        )
    check_context(model, data)


@torch.no_grad()
def pseudo_logprobs(
    model: nn.Module,
    text: Sequence[int] | Tensor,
    mask_id: int,
    *,
    places: Sequence[int] | None = None,
    batch_size: int = 64,
) -> Tensor:
    """ln p(word | all other words of the text) for each place, [N] in float64 (nats).

    Their sum is the text's pseudo-log-likelihood (Salazar et al. 2020), the score that a masked
    language model can give: one place hidden at a time, so a pass for each. It is not the
    logarithm of a probability of the text. places: only these of ``text``'s, in this order.
    """
    ids = torch.as_tensor(text, dtype=torch.long).reshape(1, -1)
    at = torch.arange(ids.shape[1]) if places is None else torch.as_tensor(places).long()
    device, training = device_of(model), model.training
    model.eval()
    found = []
    try:
        for some in at.split(batch_size):
            rows = torch.arange(len(some))
            inputs = ids.repeat(len(some), 1)
            inputs[rows, some] = mask_id
            logits, _ = model.logits(inputs.to(device))  # [B, T, V]
            found.append(-token_nats(logits.cpu()[rows, some], ids[0, some]))
    finally:
        model.train(training)
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)


def _spread(plan: list, count: int) -> list:
    """``count`` of the batches, evenly spread over the plan."""
    if count < 1:
        raise ValueError(f"max_batches is {count}; expected at least 1, or None for all.")
    count = min(count, len(plan))
    return [plan[i * len(plan) // count] for i in range(count)]


def _summary(
    losses: Tensor, seen: Tensor, floor: Sequence | None, tags: Sequence | None
) -> Evaluation:
    """Means over the seen tokens, overall and for each tag."""
    floors = None
    if floor is not None:
        floors = -torch.tensor(_flat(floor, len(losses), "floor"), dtype=torch.float64)

    def mean(mask: Tensor) -> tuple[float, int, float | None]:
        tokens = int(mask.sum())
        nats = float(losses[mask].sum() / tokens)
        excess = None if floors is None else nats - float(floors[mask].sum() / tokens)
        return nats, tokens, excess

    by_tag = {}
    if tags is not None:
        names = _flat(tags, len(losses), "tags")
        for name in sorted(set(names)):
            mask = seen & torch.tensor([n == name for n in names])
            if mask.any():
                by_tag[name] = TagResult(*mean(mask))
    nats, tokens, excess = mean(seen)
    return Evaluation(nats, _exp(nats), tokens, excess, by_tag, losses[seen])


def _flat(values: Iterable, expected: int, name: str) -> list:
    """One list out of a list per story (or a flat one), of the data's number of targets."""
    values = list(values)
    if values and not isinstance(values[0], str | float | int):
        values = list(chain.from_iterable(values))
    if len(values) != expected:
        raise ValueError(
            f"{name} holds {len(values)} values for {expected} targets; expected one for every "
            "token of every story and one for its end."
        )
    return values


def _exp(nats: float) -> float:
    """exp, with infinity where Python's own raises OverflowError."""
    return math.exp(nats) if nats < 700 else math.inf

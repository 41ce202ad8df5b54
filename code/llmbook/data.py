"""What models train on and are scored on: many short texts (`Stories`) or one long (`Stream`).

    data = Stories([[5, 7, 6], [8, 9]], end=0)
    inputs, targets = data.batch(step=0, batch_size=2, seed=0)
    # inputs  [[0, 5, 7, 6], [0, 8, 9, 0]]     each target is the id after its input;
    # targets [[5, 7, 6, 0], [8, 9, 0, -100]]  -100 marks padding: it is never scored

Both keep one row of ids. The target at position ``p`` is ``ids[p + 1]``; a batch is a list of
spans of that row. `batch` is a pure function of its arguments: there is no hidden iterator to
save, and that is what makes a resumed training run exact.

Dimensions: B batch, T time, N length of the row of ids.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor

IGNORE = -100  # the target that F.cross_entropy leaves out by default

Batch = tuple[Tensor, Tensor]


def random_source(seed: int, purpose: str, number: int) -> torch.Generator:
    """A generator that depends on these three alone, with no pattern between neighbours."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class _Row:
    """A row of ids [N] and the spans (start, length, skip) that are cut from it."""

    ids: Tensor  # [N] long
    padding: int  # the id that fills inputs after a span's end
    longest: int  # the longest input that a batch can hold

    @property
    def num_tokens(self) -> int:
        """The number of targets: every id but the first is predicted once."""
        return len(self.ids) - 1

    def fingerprint(self) -> str:
        """A short hash of the kind, the ids and how they are cut: equal data, equal hash."""
        head = f"{type(self).__name__}/{self.longest}/{self.padding}/".encode()
        return hashlib.sha256(head + self.ids.numpy().tobytes()).hexdigest()[:16]

    def gather(self, spans: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Spans [B, 3] -> inputs [B, T], targets [B, T], positions [B, T].

        A span is (start, length, skip); its first ``skip`` targets are context only. Positions
        number the scored targets from 0 to num_tokens - 1; where targets are -100 they are -1.
        """
        start, length, skip = spans.unsqueeze(-1).unbind(1)  # three times [B, 1]
        time = torch.arange(int(length.max()))  # [T]
        inside, scored = time < length, (time >= skip) & (time < length)  # [B, T]
        here = (start + time).clamp(max=self.num_tokens - 1)  # [B, T]
        inputs = self.ids[here].masked_fill(~inside, self.padding)
        targets = self.ids[here + 1].masked_fill(~scored, IGNORE)
        return inputs, targets, here.masked_fill(~scored, -1)

    def plan(self, batch_size: int, stride: int | None = None) -> list[Tensor]:
        """The spans of each batch of one pass over everything, every target exactly once."""
        raise NotImplementedError

    def epoch(self, batch_size: int) -> Iterator[Batch]:
        """Inputs and targets [B, T] of one pass in a fixed order, every target exactly once."""
        for spans in self.plan(batch_size):
            yield self.gather(spans)[:2]


class Stories(_Row):
    """Many texts, each predicted from its first token to its ``end``, none seeing another.

    sequences: the ids of each text, without the end token (an empty text is one target, the
    end). end: the id that closes a text; as in the row below it also opens the next one.
    Raises ValueError when there is no text, or an id is negative or not a whole number.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], end: int):
        if not len(sequences):
            raise ValueError("no stories were given; expected a list of at least one list of ids.")
        self.padding = end
        row = chain([end], *(chain(sequence, [end]) for sequence in sequences))
        self.ids = _as_ids(list(row))
        self.lengths = torch.tensor([len(sequence) + 1 for sequence in sequences])  # with end
        self.starts = self.lengths.cumsum(0) - self.lengths
        self.longest = int(self.lengths.max())
        self._drawn: tuple[tuple[int, int, int], list[Tensor]] | None = None  # last epoch's plan

    def __len__(self) -> int:
        """The number of stories."""
        return len(self.lengths)

    def batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """The batch of this step: no story comes twice within an epoch, and neighbours in
        length share a batch, which saves most of the padding. An epoch's last batch may be
        smaller. Pure in its arguments."""
        _check_batch(step, batch_size)
        epoch, number = divmod(step, -(-len(self) // batch_size))
        key = (epoch, batch_size, seed)
        if self._drawn is None or self._drawn[0] != key:  # a cache: it changes no result
            order = torch.randperm(len(self), generator=random_source(seed, "stories", epoch))
            self._drawn = (
                key,
                self._group(order, batch_size, 32, random_source(seed, "order", epoch)),
            )
        return self.gather(self._drawn[1][number])[:2]

    def plan(self, batch_size: int, stride: int | None = None) -> list[Tensor]:
        if stride is not None:
            raise ValueError("stride is for a Stream; a story is always read whole: leave it out.")
        _check_batch(0, batch_size)
        everything = torch.arange(len(self))
        return self._group(everything, batch_size, len(self), random_source(0, "plan", 0))

    def _group(
        self, order: Tensor, batch_size: int, pool: int, source: torch.Generator
    ) -> list[Tensor]:
        """Sort by length within pools of ``pool`` batches, cut into batches, shuffle these."""
        pools = order.split(pool * batch_size)
        order = torch.cat([p[self.lengths[p].argsort(stable=True)] for p in pools])
        spans = torch.stack([self.starts, self.lengths, torch.zeros_like(self.starts)], dim=1)
        batches = spans[order].split(batch_size)
        return [batches[i] for i in torch.randperm(len(batches), generator=source).tolist()]


class Stream(_Row):
    """One long text, cut into windows of ``context`` inputs.

    ids: Tensor [N] or a list of ids. Raises ValueError when it is shorter than context + 1
    (the last input of a window needs a target), or an id is negative or not a whole number.
    """

    def __init__(self, ids: Tensor | Sequence[int], context: int):
        if context < 1:
            raise ValueError(f"context is {context}; expected at least 1.")
        self.ids = _as_ids(ids)
        if len(self.ids) < context + 1:
            raise ValueError(
                f"the text has {len(self.ids)} tokens; a context of {context} needs at least "
                f"{context + 1}. Give a longer text or a shorter context."
            )
        self.longest, self.padding = context, int(self.ids[0])

    @property
    def context(self) -> int:
        """The number of inputs in a window."""
        return self.longest

    def batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """Windows [B, context] at uniformly random places. Pure in its arguments."""
        _check_batch(step, batch_size)
        places, source = self.num_tokens - self.context + 1, random_source(seed, "stream", step)
        start = torch.randint(places, (batch_size,), generator=source)
        return self.gather(_spans(start, torch.full_like(start, self.context)))[:2]

    def plan(self, batch_size: int, stride: int | None = None) -> list[Tensor]:
        """Windows in the text's order. ``stride`` (1 to context, default context) is how far
        each moves on: with less than the context they overlap, and every target is scored in
        the first window that holds it, so with at least context - stride tokens before it."""
        _check_batch(0, batch_size)
        stride = self.context if stride is None else stride
        if not 1 <= stride <= self.context:
            raise ValueError(f"stride is {stride}; expected 1 to the context, {self.context}.")
        last = max(0, -(-(self.num_tokens - self.context) // stride))  # windows after the first
        start = torch.arange(last + 1) * stride
        length = (self.num_tokens - start).clamp(max=self.context)
        skip = torch.where(start > 0, self.context - stride, 0)
        return list(_spans(start, length, skip).split(batch_size))


def _spans(start: Tensor, length: Tensor, skip: Tensor | None = None) -> Tensor:
    return torch.stack([start, length, torch.zeros_like(start) if skip is None else skip], dim=1)


def _as_ids(ids: Tensor | Sequence[int]) -> Tensor:
    row = torch.as_tensor(ids)
    if row.ndim != 1:
        raise ValueError(f"the ids have shape {tuple(row.shape)}; expected one row, [N].")
    if not len(row):
        raise ValueError("the text is empty; expected at least two ids.")
    if row.is_floating_point() or row.dtype == torch.bool:
        raise ValueError(f"the ids are of type {row.dtype}; expected whole numbers.")
    if int(row.min()) < 0:
        raise ValueError(f"the id {int(row.min())} is negative; expected ids from 0 upwards.")
    return row.detach().cpu().long()


def _check_batch(step: int, batch_size: int) -> None:
    if batch_size < 1 or step < 0:
        raise ValueError(
            f"batch_size is {batch_size} and step {step}; expected at least 1 and at least 0."
        )

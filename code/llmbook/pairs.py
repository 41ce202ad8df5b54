"""Pairs of texts to learn a mapping from: a sentence and its translation, a text and its summary.

    data = Pairs([[5, 6, 7]], [[8, 9]], end=2)
    inputs, targets = data.batch(step=0, batch_size=1, seed=0)
    # inputs  [[[5, 6, 7, 2],      the source, closed by the end
    #           [2, 8, 9, 0]]]     what the decoder reads: the end opens the target
    # targets  [[8, 9, 2, -100]]   what it should say; -100 is never scored

`Pairs` has the methods of `Stories`, so the one loop of `llmbook.train` trains on it and
`evaluate.perplexity` scores it. Both rows of an input are padded to one length; a model of
`models.seq2seq` leaves the padding out again.

Dimensions: B batch, T time (the longest of source and target, their end included).
"""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from llmbook.data import IGNORE, Batch, random_source

POOL = 8  # batches that are drawn together


class Pairs:
    """Sources and targets as lists of ids, without their ends. ``pad`` must differ from ``end``.

    Raises ValueError when the two lists differ in length, are empty, or hold ``pad`` or ``end``.
    """

    def __init__(
        self,
        sources: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        end: int,
        pad: int = 0,
    ):
        if not len(sources) or len(sources) != len(targets):
            raise ValueError(
                f"{len(sources)} sources and {len(targets)} targets were given; expected one "
                "target for each source, and at least one pair."
            )
        if pad == end:
            raise ValueError(f"pad and end are both {pad}; padding must be told from the end.")
        for name, rows in (("source", sources), ("target", targets)):
            for place, row in enumerate(rows):
                if pad in row or end in row:
                    raise ValueError(
                        f"{name} {place} holds the id of padding ({pad}) or of the end ({end}); "
                        "give texts without them."
                    )
        self.end, self.pad = end, pad
        self.sources = [torch.tensor([*row, end]) for row in sources]
        self.targets = [torch.tensor([*row, end]) for row in targets]
        self.lengths = torch.tensor([len(row) for row in self.targets])
        self.first = torch.cat([torch.zeros(1, dtype=torch.long), self.lengths.cumsum(0)[:-1]])
        self.longest = max(map(len, [*self.sources, *self.targets]))

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def num_tokens(self) -> int:
        """The number of targets, ends included."""
        return int(self.lengths.sum())

    def fingerprint(self) -> str:
        """A short hash of the pairs: equal data, equal hash."""
        digest = hashlib.sha256(f"Pairs/{self.end}/{self.pad}".encode())
        for row in (*self.sources, *self.targets):
            digest.update(b"/" + row.numpy().tobytes())
        return digest.hexdigest()[:16]

    def batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """``batch_size`` random pairs of about one length; pure in its arguments.

        Eight steps in a row share one random draw, sorted by length and dealt out: a batch then
        holds little padding, and over the eight every pair is equally likely.
        """
        drawn, place = divmod(step, POOL)
        source = random_source(seed, "pairs", drawn)
        chosen = torch.randint(len(self), (POOL * batch_size,), generator=source)
        chosen = chosen[self.lengths[chosen].argsort(stable=True)]
        turn = torch.randperm(POOL, generator=source)[place]
        return self.gather(chosen.split(batch_size)[turn])[:2]

    def plan(self, batch_size: int, stride: int | None = None) -> list[Tensor]:
        """The numbers of the pairs of each batch of one pass, in order; ``stride`` is unused."""
        return list(torch.arange(len(self)).split(batch_size))

    def gather(self, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs by number [B] -> inputs [B, 2, T], targets [B, T], positions [B, T].

        Positions number all targets of the data; where a target is -100 they are -1.
        """
        numbers = chosen.tolist()
        T = max(max(len(self.sources[i]), len(self.targets[i])) for i in numbers)
        inputs = torch.full((len(numbers), 2, T), self.pad)
        targets = torch.full((len(numbers), T), IGNORE)
        positions = torch.full((len(numbers), T), -1)
        for row, i in enumerate(numbers):
            source, target = self.sources[i], self.targets[i]
            inputs[row, 0, : len(source)] = source
            inputs[row, 1, 0] = self.end
            inputs[row, 1, 1 : len(target)] = target[:-1]
            targets[row, : len(target)] = target
            positions[row, : len(target)] = self.first[i] + torch.arange(len(target))
        return inputs, targets, positions

    def epoch(self, batch_size: int) -> Iterator[Batch]:
        """Inputs and targets of one pass in order, every target exactly once."""
        for chosen in self.plan(batch_size):
            yield self.gather(chosen)[:2]


def padded(rows: Sequence[Sequence[int]], end: int, pad: int = 0) -> Tensor:
    """Sources as a batch ``[B, S]``: each closed by ``end``, then filled up."""
    longest = max(map(len, rows)) + 1
    return torch.tensor([[*row, end, *[pad] * (longest - 1 - len(row))] for row in rows])

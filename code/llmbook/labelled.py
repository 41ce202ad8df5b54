"""Texts with a label each, in the form that `train.fit` and `evaluate.perplexity` read.

    data = Labelled([[5, 7, 6], [8, 9]], labels=[1, 0], pad_id=0)
    inputs, targets = data.batch(step=0, batch_size=2, seed=0)
    # inputs [[5, 7, 6], [8, 9, 0]], targets [[1], [0]]

A label is the one target of its text: ``[B, 1]`` beside scores ``[B, 1, K]`` (`models.Classifier`).

Dimensions: B batch, T time, n texts, K classes.
"""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from llmbook.data import Batch, random_source


class Labelled:
    """Texts as lists of ids, and a label (0, 1, …) for each.

    context: texts are cut to this many ids, at the end. Raises ValueError for no text, an empty
    text, lists of different lengths, or a label that is negative or no whole number.
    """

    hidden = True  # the targets are no next words: a model may look at the whole text

    def __init__(
        self,
        texts: Sequence[Sequence[int]],
        labels: Sequence[int],
        pad_id: int,
        context: int | None = None,
    ):
        if len(texts) != len(labels) or not len(texts):
            raise ValueError(
                f"{len(texts)} texts and {len(labels)} labels were given; expected as many of "
                "each, and at least one"
            )
        if empty := [i for i, text in enumerate(texts) if not len(text)]:
            raise ValueError(f"text {empty[0]} is empty; give each text at least one id")
        if wrong := [y for y in labels if y != int(y) or y < 0]:
            raise ValueError(f"a label is {wrong[0]}; expected whole numbers from 0 upwards")
        self.texts = [torch.tensor(list(text)[:context]) for text in texts]
        self.labels, self.pad_id = torch.tensor([int(y) for y in labels]), pad_id

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def longest(self) -> int:
        """The longest text, in ids."""
        return max(map(len, self.texts))

    @property
    def num_tokens(self) -> int:
        """The number of targets: a label each."""
        return len(self)

    def fingerprint(self) -> str:
        """A short hash of the texts and labels."""
        rows = (
            [self.pad_id, int(y), *t.tolist()] for y, t in zip(self.labels, self.texts, strict=True)
        )
        return hashlib.sha256(repr(list(rows)).encode()).hexdigest()[:16]

    def subset(self, chosen: Sequence[int] | Tensor) -> "Labelled":
        """The texts at these places, in this order."""
        chosen = torch.as_tensor(chosen).tolist()
        return Labelled([self.texts[i] for i in chosen], self.labels[chosen].tolist(), self.pad_id)

    def draw(self, n: int, seed: int) -> "Labelled":
        """``n`` texts at random, as evenly over the classes as they come; another seed, others.

        A smaller draw of the same seed is the beginning of a larger one. ValueError when there
        are not so many.
        """
        if not 1 <= n <= len(self):
            raise ValueError(f"n is {n}; expected 1 to {len(self)}, the texts that there are")
        order = torch.randperm(len(self), generator=random_source(seed, "labels", 0)).tolist()
        turns: dict[int, int] = {}
        ranked = []
        for i in order:  # in turns: the first of each class, then the second of each …
            y = int(self.labels[i])
            turns[y] = turns.get(y, 0) + 1
            ranked.append((turns[y], i))
        return self.subset([i for _, i in sorted(ranked, key=lambda pair: pair[0])[:n]])

    def batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """Inputs [B, T] and targets [B, 1] of this step, each text once an epoch. Of eight
        batches' texts those of like length come together, which saves most of the padding; one
        batch of an epoch may be smaller. Pure in its arguments."""
        epoch, number = divmod(step, -(-len(self) // batch_size))
        source = random_source(seed, "labelled", epoch)
        pools = torch.randperm(len(self), generator=source).split(8 * batch_size)
        sizes = torch.tensor([len(text) for text in self.texts])
        order = torch.cat([pool[sizes[pool].argsort(stable=True)] for pool in pools])
        batches = order.split(batch_size)
        chosen = torch.randperm(len(batches), generator=source)[number]
        return self.gather(batches[int(chosen)])[:2]

    def plan(self, batch_size: int, stride: int | None = None) -> list[Tensor]:
        """The places of each batch of one pass, neighbours in length together."""
        lengths = torch.tensor([len(text) for text in self.texts])
        return list(lengths.argsort(stable=True).split(batch_size))

    def epoch(self, batch_size: int) -> Iterator[Batch]:
        """Inputs and targets of one pass, every text once."""
        for places in self.plan(batch_size):
            yield self.gather(places)[:2]

    def gather(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs [B, T], targets [B, 1] and the texts' numbers [B, 1]."""
        texts = [self.texts[i] for i in places.tolist()]
        inputs = nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=self.pad_id)
        return inputs, self.labels[places, None], places[:, None]


@torch.no_grad()
def predict(model: nn.Module, data: Labelled, batch_size: int = 64) -> Tensor:
    """Scores of each text, ``[n, K]`` in the data's order; the model's mode is kept."""
    training, found = model.training, []
    places = data.plan(batch_size)
    model.eval()
    try:
        for some in places:
            inputs, _, _ = data.gather(some)
            found.append(model.logits(inputs.to(model.device))[0][:, 0].cpu())
    finally:
        model.train(training)
    scores = torch.cat(found)
    return torch.empty_like(scores).index_copy_(0, torch.cat(places), scores)


def correct(model: nn.Module, data: Labelled) -> Tensor:
    """1 where the best-scored class is the label and 0 elsewhere, ``[n]`` in float64; its mean is
    the accuracy, and `uncertainty.bootstrap` takes it as it is."""
    return (predict(model, data).argmax(-1) == data.labels).double()

"""Hidden words to fill in: the training data of a masked language model (Devlin et al. 2019).

    data = Masked(Stories(texts, end=2), mask_id=3, vocab_size=90, specials=(0, 1, 2, 3))
    inputs, targets = data.batch(step=0, batch_size=8, seed=0)  # [B, T] each
    # inputs: the texts with some words hidden; targets: those words, -100 everywhere else

`Masked` wraps a `Stories` or a `Stream` and has the same methods, so the one loop of
`llmbook.train` trains on it. A text is read whole, with the end token on both sides (BERT's
[CLS] and [SEP]), and padded with ``pad_id``.

Dimensions: B batch, T time, N length of the row of ids, V vocabulary.
"""

import hashlib
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from llmbook.data import IGNORE, Batch, Stories, Stream, random_source

MASK = "<mask>"  # a vocabulary's token for a hidden word: WordVocab([MASK, *words])
RULE = (0.8, 0.1, 0.1)  # of the hidden words: <mask>, another word, left as they are


def hide(
    text: Tensor,
    mask_id: int,
    is_word: Tensor,
    *,
    step: int,
    seed: int,
    share: float = 0.15,
    rule: Sequence[float] = RULE,
) -> Batch:
    """Hide words of ``text [B, T]``: (inputs [B, T], targets [B, T]), -100 where nothing is hidden.

    In each row ``share`` of the words is chosen, rounded, and at least one. Of the chosen ones
    the first share of ``rule`` becomes ``mask_id``, the second any word, the third stays. Which
    ones depends on (seed, step) and the batch's shape alone. is_word [V]: False at ids that are
    never chosen nor drawn (padding, ends).
    """
    source = random_source(seed, "mask", step)
    words = is_word[text]  # [B, T]
    count = (share * words.sum(dim=1)).round().clamp(min=1)  # [B]
    lottery = torch.rand(text.shape, generator=source).masked_fill(~words, 2.0)
    rank = lottery.argsort(dim=1, stable=True).argsort(dim=1)
    chosen = words & (rank < count[:, None])
    fate = torch.rand(text.shape, generator=source)
    known = is_word.nonzero()[:, 0]
    other = known[torch.randint(len(known), text.shape, generator=source)]
    inputs = torch.where(chosen & (fate < rule[0] + rule[1]), other, text)
    inputs = inputs.masked_fill(chosen & (fate < rule[0]), mask_id)
    return inputs, text.masked_fill(~chosen, IGNORE)


class Masked:
    """The texts of ``data`` with words hidden: 15 % of them, of these 80/10/10 as in BERT.

    specials: ids that are never hidden. In training (`batch`) each step hides other words; in
    scoring (`plan` and `gather`) the words hidden, always by ``mask_id``, depend on the place in
    the row of ids alone, so that the score depends on no batch size. Raises ValueError for
    shares that make no sense or ids outside the vocabulary.
    """

    hidden = True  # the targets are hidden words, not next words

    def __init__(
        self,
        data: Stories | Stream,
        mask_id: int,
        vocab_size: int,
        *,
        specials: Collection[int] = (),
        pad_id: int = 0,
        share: float = 0.15,
        rule: Sequence[float] = RULE,
    ):
        highest = max(int(data.ids.max()), mask_id, pad_id, *specials)
        if highest >= vocab_size:
            raise ValueError(
                f"the id {highest} is outside a vocabulary of {vocab_size}; give the size of the "
                "vocabulary with its mask token."
            )
        if not 0 < share <= 1 or len(rule) != 3 or min(rule) < 0 or abs(sum(rule) - 1) > 1e-9:
            raise ValueError(
                f"share is {share} and rule {tuple(rule)}; expected a share above 0 and at most "
                "1, and three shares (masked, another word, left) that sum to 1."
            )
        self.data, self.mask_id, self.pad_id = data, mask_id, pad_id
        self.share, self.rule = share, tuple(rule)
        self.is_word = torch.ones(vocab_size, dtype=torch.bool)
        self.is_word[[mask_id, pad_id, *specials]] = False
        if not self.is_word[data.ids].any():
            raise ValueError("every token of the data is special; there is no word to hide.")
        self.longest = data.longest + 1  # the text and the token before it

    @property
    def num_tokens(self) -> int:
        """The number of places in the data's row of targets, hidden or not."""
        return self.data.num_tokens

    def fingerprint(self) -> str:
        """A short hash of the data and of how they are hidden."""
        words = hashlib.sha256(self.is_word.numpy().tobytes()).hexdigest()
        parts = (self.data.fingerprint(), self.mask_id, self.pad_id, self.share, self.rule, words)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """Inputs and targets [B, T] of this step. Pure in its arguments."""
        text = self.whole(*self.data.batch(step, batch_size, seed))
        inputs, targets = hide(
            text, self.mask_id, self.is_word, step=step, seed=seed, share=self.share, rule=self.rule
        )
        if not (targets != IGNORE).any():
            raise ValueError(
                f"the batch of step {step} holds no word that may be hidden; give longer texts, "
                "or larger batches."
            )
        return inputs, targets

    def whole(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The text [B, T + 1] of a batch whose targets follow its inputs, padded."""
        return torch.cat([inputs[:, :1], targets.masked_fill(targets == IGNORE, self.pad_id)], 1)

    def plan(self, batch_size: int, stride: int | None = None) -> list[Tensor]:
        """The spans of each batch of one pass over everything, every place exactly once."""
        if stride is not None:
            raise ValueError("stride is for next words; hidden words see their whole window.")
        return self.data.plan(batch_size)

    def gather(self, spans: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Spans [B, 3] -> inputs, targets and positions, [B, T] each; -100 and -1 where no word
        is hidden."""
        inputs, targets, here = self.data.gather(spans)
        text = self.whole(inputs, targets)
        here = torch.cat([torch.full_like(here[:, :1], -1), here], dim=1)
        lottery = torch.rand(self.num_tokens, generator=random_source(0, "scored", 0))
        hidden = self.is_word[text] & (here >= 0) & (lottery[here] < self.share)
        targets = text.masked_fill(~hidden, IGNORE)
        return text.masked_fill(hidden, self.mask_id), targets, here.masked_fill(~hidden, -1)

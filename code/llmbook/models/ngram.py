"""Counting: interpolated Kneser–Ney (Kneser & Ney 1995; Chen & Goodman 1999, equation 24).

For a context h of n − 1 words, h' being h without its oldest word,

    p(w | h) = max(c(h w) − D, 0) / c(h ·)  +  D N(h ·) / c(h ·)  ·  p(w | h')

where c(h ·) = Σ_w c(h w), and N(h ·) is the number of different words seen after h. In the
highest order c counts occurrences; in every lower one it counts in how many *different* words'
company h w was seen, c(h w) = |{v : v h w seen}|: "Francisco" is frequent, but follows little
besides "San". The lowest order leans on the uniform law 1/V, so no word is impossible.

Dimensions: B batch, T time, V vocabulary, n order, M different n-grams, R rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmbook.models.base import LanguageModel

BEGIN = -1  # stands in the places before the first word


@dataclass
class Order:
    """The counts of the n-grams of one order, sorted by context, then word.

    Contexts are numbered. A context's key is the number of itself without its oldest word,
    times V + 1, plus the oldest word + 1: so one number stands for any number of words.
    """

    contexts: Tensor  # [K] sorted keys; a context's number is its place here
    first: Tensor  # [K + 1] the words of context k are words[first[k] : first[k + 1]]
    words: Tensor  # [G]
    counts: Tensor  # [G] c(h w)
    totals: Tensor  # [K] c(h ·)
    discount: float  # D

    def mix(self, law: Tensor, node: Tensor, rows: Tensor) -> None:
        """Turn p(· | h') into p(· | h) in the given rows of ``law [R, V]``; h is ``node[row]``."""
        node = node[rows]
        N, total = (self.first[1:] - self.first[:-1])[node], self.totals[node]
        law[rows] *= (self.discount * (N / total))[:, None]
        row = rows.repeat_interleave(N)  # one entry for each word seen after each row's context
        entry = torch.arange(len(row), device=row.device)
        entry += (self.first[node] - N.cumsum(0) + N).repeat_interleave(N)
        share = (self.counts[entry] - self.discount).clamp(min=0) / self.totals[
            node
        ].repeat_interleave(N)
        law[row, self.words[entry]] += share


class NGram(LanguageModel):
    """The n-gram model: ``count`` the text batch by batch, then ask for ``logits``.

    ``discount`` is one D for all orders, or one for each from the unigram up; None estimates
    each as n1 / (n1 + 2 n2), n1 and n2 being how many n-grams have count one and two (Ney et
    al. 1994). Logits are log-probabilities in float64. The state is the last n − 1 ids. The
    buffers ``grams [M, n]`` and ``counts [M]`` are all that was learned: ``state_dict`` and
    ``load_state_dict`` save and restore them, whatever their number.
    """

    name = "ngram"

    def __init__(
        self, vocab_size: int, order: int = 3, discount: float | Sequence[float] | None = None
    ):
        super().__init__()
        given = list(discount) if isinstance(discount, Sequence) else [discount] * order
        if order < 1:
            raise ValueError(f"order is {order}; an n-gram has at least one word")
        if len(given) != order or not all(D is None or 0 <= D <= 1 for D in given):
            raise ValueError(
                f"discount is {discount}; give a number from 0 to 1, or {order} of them"
            )
        self.vocab_size, self.order, self.discounts = vocab_size, order, given
        self.register_buffer("grams", torch.empty(0, order, dtype=torch.long))
        self.register_buffer("counts", torch.empty(0, dtype=torch.long))
        self.waiting: list[Tensor] = []  # n-grams not yet merged into the buffers
        self.tables: list[Order] = []  # the formula's counts, made when first asked for

    def count(self, inputs: Tensor, targets: Tensor) -> None:
        """Add the n-grams that end in each of ``targets [B, T]``; −100 there is skipped."""
        contexts, _ = self.contexts(self.checked(inputs), None)
        self.checked(targets.masked_fill(targets == -100, 0))
        grams = torch.cat([contexts, targets[:, :, None]], dim=2)
        self.waiting.append(grams[targets != -100])

    def logits(self, ids: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        contexts, state = self.contexts(self.checked(ids), state)
        B, T, _ = contexts.shape
        contexts = contexts.flatten(0, 1)
        number, one = number_rows(contexts, self.vocab_size)  # each different context once
        return self.law(contexts[one]).log()[number].view(B, T, self.vocab_size), state

    def contexts(self, ids: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """The n − 1 ids up to each of ``ids [B, T]``, ``[B, T, n − 1]``; the last of them."""
        if state is None:
            state = ids.new_full((len(ids), self.order - 1), BEGIN)
        text = torch.cat([state, ids], dim=1)
        T = ids.shape[1]
        places = torch.arange(T)[:, None] + torch.arange(1, self.order)
        return text[:, places], text[:, T:]

    def law(self, contexts: Tensor) -> Tensor:
        """p(· | h) for each row h of ``contexts [R, n − 1]``, oldest word first: ``[R, V]``."""
        R, V = len(contexts), self.vocab_size
        law = torch.full((1, V), 1 / V, dtype=torch.float64, device=contexts.device)
        rows = torch.arange(R, device=contexts.device)
        node = torch.zeros_like(rows)
        for n, order in enumerate(self.merged().tables):
            if n == 0:  # one law of single words, for all rows
                order.mix(law, node.new_zeros(1), node.new_zeros(1))
                law = law.repeat(R, 1)
                continue
            key = node[rows] * (V + 1) + contexts[rows, -n] + 1
            place = torch.searchsorted(order.contexts, key).clamp(max=len(order.contexts) - 1)
            seen = order.contexts[place] == key
            rows = rows[seen]  # an unseen context keeps the law of the shorter one
            node[rows] = place[seen]
            order.mix(law, node, rows)
        return law.expand(R, V)

    def merged(self) -> "NGram":
        """This model with everything counted so far in its buffers and tables."""
        if self.waiting:
            rows = torch.cat([self.grams, *self.waiting])
            times = torch.cat([self.counts, self.counts.new_ones(len(rows) - len(self.counts))])
            number, one = number_rows(rows, self.vocab_size)
            self.grams = rows[one]
            self.counts = times.new_zeros(len(one)).index_add(0, number, times)
            self.waiting, self.tables = [], []
        if not self.tables and len(self.grams):
            self.tables = count_orders(self.grams, self.counts, self.vocab_size, self.discounts)
        return self

    def num_params(self) -> int:
        """How many counts are stored, over all orders."""
        return sum(len(order.counts) for order in self.merged().tables)

    def config(self) -> dict[str, Any]:
        return {"vocab_size": self.vocab_size, "order": self.order, "discount": self.discounts}

    def _save_to_state_dict(self, *args: Any) -> None:
        self.merged()
        super()._save_to_state_dict(*args)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        for name in ("grams", "counts"):  # take over the number of n-grams as well
            if prefix + name in state_dict:
                setattr(self, name, state_dict[prefix + name].to(self.grams.device, copy=True))
        self.waiting, self.tables = [], []
        super()._load_from_state_dict(state_dict, prefix, *args)


def number_rows(rows: Tensor, vocab_size: int) -> tuple[Tensor, Tensor]:
    """Number the different rows of ``rows [R, n]``: each row's number, one row of each number."""
    number = rows.new_zeros(len(rows))
    one = rows.new_zeros(min(len(rows), 1))
    for column in rows.flip(1).unbind(1):
        keys, number = (number * (vocab_size + 1) + column + 1).unique(return_inverse=True)
        one = rows.new_empty(len(keys))
    one[number] = torch.arange(len(rows), device=rows.device)
    return number, one


def count_orders(
    grams: Tensor, times: Tensor, vocab_size: int, discounts: list[float | None]
) -> list[Order]:
    """The counts c(h w) of every order from the different n-grams ``grams [M, n]``."""
    V, word = vocab_size, grams[:, -1]
    node = torch.zeros_like(word)
    contexts, tables, numbers = node.new_zeros(1), [], []
    for n in range(grams.shape[1]):
        if n > 0:
            key = node * (V + 1) + grams[:, -1 - n] + 1
            contexts, node = key.unique(return_inverse=True)
        keys, number = (node * V + word).unique(return_inverse=True)
        tables.append((contexts, keys))
        numbers.append(number)
    orders = []
    for n, (contexts, keys) in enumerate(tables):
        if n + 1 == len(tables):  # the highest order: how often
            counts = times.new_zeros(len(keys)).index_add(0, numbers[n], times)
        else:  # a lower one: after how many different words
            shorter = torch.empty_like(tables[n + 1][1])
            shorter[numbers[n + 1]] = numbers[n]  # each longer n-gram without its oldest word
            counts = shorter.bincount(minlength=len(keys))
        D = estimate_discount(counts) if discounts[n] is None else discounts[n]
        counts, owner = counts.double(), keys // V
        first = torch.searchsorted(owner, torch.arange(len(contexts) + 1, device=owner.device))
        totals = counts.new_zeros(len(contexts)).index_add(0, owner, counts)
        orders.append(Order(contexts, first, keys % V, counts, totals, D))
    return orders


def estimate_discount(counts: Tensor) -> float:
    """n1 / (n1 + 2 n2); 1/2 when no count is one, for then nothing would be left for new words."""
    n1, n2 = int((counts == 1).sum()), int((counts == 2).sum())
    return n1 / (n1 + 2 * n2) if n1 else 0.5

"""Which word comes from which: word alignment by counting (IBM Model 1), its measure, its picture.

    t = ibm_model_1(pairs)                        # {("dog", "狗"): 0.98, …}
    links = align(t, ["the", "dog"], ["狗"])      # [1]: the first Chinese word comes from word 1
    attention_table(weights, english, chinese, glosses)   # an HTML table, no Chinese in pixels

Dimensions: S source words, T target words.
"""

import html
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Words = Sequence[str]
NULL = ""  # the empty source word, from which a target word comes that nothing else explains


def ibm_model_1(
    pairs: Sequence[tuple[Words, Words]], rounds: int = 8
) -> dict[tuple[str, str], float]:
    """t(target word | source word) for all that ever met in a pair, by EM from a uniform start.

    Every target word comes from one source word of its sentence or from `NULL`, all places alike
    (Brown et al. 1993, section 4.1). A round gives each meeting its share, t over the sum of t in
    the sentence, and then counts the shares. Words that never met have probability 0.
    """
    kinds, link, group, of_source = _meetings(pairs)
    t = torch.ones(len(kinds), dtype=torch.float64)
    for _ in range(rounds):
        total = torch.zeros(int(group[-1]) + 1, dtype=t.dtype).index_add_(0, group, t[link])
        share = t[link] / total[group]  # E: p(this target word comes from that source word)
        count = torch.zeros_like(t).index_add_(0, link, share)  # M: count, then normalise
        mass = torch.zeros(int(of_source.max()) + 1, dtype=t.dtype).index_add_(0, of_source, count)
        t = count / mass[of_source]
    return dict(zip(kinds, t.tolist(), strict=True))


def _meetings(
    pairs: Sequence[tuple[Words, Words]],
) -> tuple[dict[tuple[str, str], int], Tensor, Tensor, Tensor]:
    """Every (source word, target word) with its number; for each meeting that number, and the
    target place it belongs to; for each number its source word."""
    kinds: dict[tuple[str, str], int] = {}
    sources: dict[str, int] = {}
    link, group, of_source, places = [], [], [], 0
    for source, target in pairs:
        for word in target:
            for origin in (NULL, *source):
                kind = kinds.setdefault((origin, word), len(kinds))
                if kind == len(of_source):
                    of_source.append(sources.setdefault(origin, len(sources)))
                link.append(kind)
                group.append(places)
            places += 1
    return kinds, *map(torch.tensor, (link, group, of_source))


def align(t: Mapping[tuple[str, str], float], source: Words, target: Words) -> list[int | None]:
    """For each target word the place of the source word that it most probably comes from; None
    where it is `NULL`."""
    found = []
    for word in target:
        scores = [t.get((NULL, word), 0.0), *(t.get((origin, word), 0.0) for origin in source)]
        best = max(range(len(scores)), key=scores.__getitem__)
        found.append(best - 1 if best else None)
    return found


def dictionary(
    t: Mapping[tuple[str, str], float], pairs: Iterable[tuple[Words, Words]]
) -> dict[str, tuple[str, ...]]:
    """For each source word the target words that most often come from it: none, one or more."""
    counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for source, target in pairs:
        came: dict[int, list[str]] = defaultdict(list)
        for place, word in zip(align(t, source, target), target, strict=True):
            if place is not None:
                came[place].append(word)
        for i, word in enumerate(source):
            counts[word][tuple(came.get(i, ()))] += 1
    return {word: found.most_common(1)[0][0] for word, found in counts.items()}


def pointing_accuracy(
    looks: Iterable[Sequence[int | None]], golds: Iterable[Collection[tuple[int, int]]]
) -> tuple[int, int]:
    """(hits, all): of the target words that have a true link, those whose look is one of theirs.

    looks: for each sentence the source place of each target word. golds: its links (source place,
    target place).
    """
    hits = total = 0
    for look, gold in zip(looks, golds, strict=True):
        for j, place in enumerate(look):
            if any(true == j for _, true in gold):
                total += 1
                hits += (place, j) in gold
    return hits, total


class Table:
    """A piece of HTML as a cell's output, with a text for where HTML is not shown."""

    def __init__(self, markup: str, text: str):
        self.markup, self.text = markup, text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.markup, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


_NAME = "text-align:left;font-weight:normal;white-space:nowrap"
_CELL = "padding:.15em .4em;text-align:center;border:0"


def interlinear(words: Words, glosses: Mapping[str, tuple[str, str]]) -> Table:
    """A Chinese sentence, under each word its pinyin and its English gloss."""
    rows = [words, *([glosses.get(w, ("", "?"))[row] for w in words] for row in (0, 1))]
    styles = (_CELL + ";font-size:1.15em", _CELL + ";font-style:italic", _CELL + ";opacity:.8")
    body = "".join(
        "<tr>" + "".join(f'<td style="{style}">{html.escape(w)}</td>' for w in row) + "</tr>"
        for row, style in zip(rows, styles, strict=True)
    )
    text = "\n".join(" ".join(row) for row in rows)
    return Table(f'<div style="overflow-x:auto"><table lang="zh">{body}</table></div>', text)


def attention_table(
    weights: Tensor,
    source: Words,
    target: Words,
    glosses: Mapping[str, tuple[str, str]],
    gold: Collection[tuple[int, int]] = (),
) -> Table:
    """``weights [T, S]`` as a table: a row for each target word (with its pinyin and gloss), a
    column for each source word, the darker the larger; a ring marks the true links ``gold``."""
    head = "".join(f'<th style="{_CELL};font-weight:normal">{html.escape(w)}</th>' for w in source)
    rows, text = [], ["\t".join(["", *source])]
    for j, word in enumerate(target):
        pinyin, gloss = glosses.get(word, ("", ""))
        label = (
            f"{html.escape(word)} <i>{html.escape(pinyin)}</i> <small>{html.escape(gloss)}</small>"
        )
        cells = []
        for i in range(len(source)):
            w = float(weights[j, i])
            ring = ";box-shadow:inset 0 0 0 2px #D55E00" if (i, j) in gold else ""
            shown = f"{100 * w:.0f}" if w >= 0.095 else ""
            cells.append(f'<td style="{_CELL};background:rgba(0,114,178,{0.75 * w:.2f}){ring}">'
                         f"{shown}</td>")  # fmt: skip
        rows.append(f'<tr><th style="{_CELL};{_NAME}">{label}</th>{"".join(cells)}</tr>')
        text.append("\t".join([word, *(f"{float(w):.2f}" for w in weights[j])]))
    body = f'<tr><th style="border:0"></th>{head}</tr>{"".join(rows)}'
    return Table(f'<div style="overflow-x:auto"><table>{body}</table></div>', "\n".join(text))

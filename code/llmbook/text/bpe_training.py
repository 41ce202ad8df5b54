"""Learning the merges of byte-pair encoding, fast enough for pure Python.

`llmbook.text.bpe` holds the tokenizer that uses them. Three ideas make the difference to counting
everything anew at each merge:

1. A chunk that occurs a thousand times is worked on once, with a weight of a thousand.
2. For each pair of neighbours it is known where it stands, so a merge visits those places alone.
3. The most frequent pair comes from a heap. An entry whose count has become too high is put back
   with the right one when it comes up, not when the count changes.

Source: Sennrich et al. 2016, algorithm 1, over bytes as in Radford et al. 2019 (GPT-2).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

_WALL, _GONE = -1, -2  # the end of a chunk; a symbol that was merged into the one before it


class Places:
    """All symbols of all distinct chunks in one row, as a linked list, with their pairs.

    Attributes:
        symbols: the id at each place; a wall closes each chunk.
        before, after: the neighbouring places that are still in use.
        weight: how often the chunk of this place occurs in the text.
        counts: pair (a, b) -> how often a stands directly before b in the text.
        where: pair -> the places of its a; some may be out of date, which is seen on a visit.
    """

    def __init__(self, chunks: Mapping[bytes, int]):
        self.symbols: list[int] = []
        self.weight: list[int] = []
        for chunk, count in chunks.items():
            self.symbols.extend(chunk)
            self.symbols.append(_WALL)
            self.weight.extend([count] * (len(chunk) + 1))
        self.before = list(range(-1, len(self.symbols) - 1))  # before the first: the last wall
        self.after = list(range(1, len(self.symbols) + 1))
        self.where: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, pair in enumerate(pairwise(self.symbols)):
            self.where[pair].append(place)
        self.counts: dict[tuple[int, int], int] = defaultdict(int)
        for pair in [pair for pair in self.where if _WALL in pair]:
            del self.where[pair]
        for pair, places in self.where.items():
            self.counts[pair] = sum(map(self.weight.__getitem__, places))

    def merge(self, pair: tuple[int, int], new: int) -> set[tuple[int, int]]:
        """Put ``new`` for every a directly before b, from left to right; the pairs it made."""
        (a, b), made = pair, set()
        symbols, before, after = self.symbols, self.before, self.after
        weight, counts, where = self.weight, self.counts, self.where
        places = where.pop(pair, [])
        for place in sorted(places) if a == b else places:
            second = after[place]
            if symbols[place] != a or symbols[second] != b:
                continue  # out of date
            left, right, n = before[place], after[second], weight[place]
            x, y = symbols[left], symbols[right]
            symbols[place], symbols[second] = new, _GONE
            after[place], before[right] = right, place
            if x >= 0:
                counts[x, a] -= n
                counts[x, new] += n
                where[x, new].append(left)
                made.add((x, new))
            if y >= 0:
                counts[b, y] -= n
                counts[new, y] += n
                where[new, y].append(place)
                made.add((new, y))
        return made


def learn_merges(
    chunks: Mapping[bytes, int], alphabet: list[bytes], size: int
) -> tuple[list[bytes], list[tuple[int, int]]]:
    """Tokens and merges of byte-pair encoding.

    Args:
        chunks: how often each chunk of text occurs; a byte stands for a place in the alphabet.
        alphabet: the 256 tokens to begin with.
        size: how many tokens to end with; fewer when every chunk has become one token.

    Returns:
        The tokens, the alphabet first; and the merges in the order in which they were found, each
        a pair of places among the tokens. Of equally frequent pairs the one with the smaller
        numbers is first, as in the ``tokenizers`` library.
    """
    tokens, merges = list(alphabet), []
    number = {token: i for i, token in enumerate(tokens)}
    places = Places(chunks)
    heap = [(-count, pair) for pair, count in places.counts.items()]
    heapq.heapify(heap)
    while len(tokens) < size and heap:
        count, pair = heapq.heappop(heap)
        if pair not in places.where:
            continue  # merged already
        if -count != (now := places.counts[pair]):
            if now > 0:
                heapq.heappush(heap, (-now, pair))
            continue
        token = tokens[pair[0]] + tokens[pair[1]]
        new = number.setdefault(token, len(tokens))
        if new == len(tokens):
            tokens.append(token)
        merges.append(pair)
        for fresh in places.merge(pair, new):
            if (count := places.counts[fresh]) > 0:
                heapq.heappush(heap, (-count, fresh))
    return tokens, merges

"""Applying the merges of byte-pair encoding to a chunk of text, as fast as pure Python allows.

Always the pair that was learned first is joined, and of equal ones the leftmost, until no pair is
left that was learned. `Merger` is a dict from chunk to ids that fills itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise

_SHORT = 128  # bytes; up to here looking through all pairs beats a heap
_REMEMBERED = 1 << 17  # chunks, about 30 MB; then it begins afresh
_NEVER = 1 << 60  # the rank of a pair that is not joined


class Merger(dict):
    """The ids of chunks: ``merger[" the"]`` computes them once and remembers them.

    byte_ids: the id of each byte. merges: the pairs of ids in the order of learning.
    joined: what each pair becomes. size: how many ids there are.
    """

    def __init__(
        self,
        byte_ids: Sequence[int],
        merges: Sequence[tuple[int, int]],
        joined: Sequence[int],
        size: int,
    ):
        self.byte_ids, self.joined = list(byte_ids), list(joined)
        self.rank: list[dict[int, int]] = [{} for _ in range(size)]  # rank[a][b] of the pair a, b
        for place, (a, b) in enumerate(merges):
            self.rank[a][b] = place

    def __missing__(self, chunk: str) -> list[int]:
        ids = list(map(self.byte_ids.__getitem__, chunk.encode()))
        if len(ids) > _SHORT:
            return self.merge_long(ids)  # hardly ever seen again: not worth remembering
        if len(self) >= _REMEMBERED:
            self.clear()
        self[chunk] = ids = self.merge(ids)
        return ids

    def merge(self, ids: list[int]) -> list[int]:
        """Join pairs in ``ids`` itself. For n ids it looks n times through up to n ranks."""
        rank, joined = self.rank, self.joined
        ranks = [rank[a].get(b, _NEVER) for a, b in pairwise(ids)]
        while ranks and (best := min(ranks)) < _NEVER:
            i = ranks.index(best)
            new = ids[i] = joined[best]
            del ids[i + 1], ranks[i]
            if i:
                ranks[i - 1] = rank[ids[i - 1]].get(new, _NEVER)
            if i < len(ranks):
                ranks[i] = rank[new].get(ids[i + 1], _NEVER)
        return ids

    def merge_long(self, ids: list[int]) -> list[int]:
        """What `merge` gives, in about n log n steps: a heap of rank and place, and the ids as a
        linked list, so that a line without spaces as long as a book is no trouble."""
        rank, joined, size = self.rank, self.joined, len(ids)
        before, after = list(range(-1, size - 1)), list(range(1, size + 1))
        heap = [rank[a][b] * size + i for i, (a, b) in enumerate(pairwise(ids)) if b in rank[a]]
        heapq.heapify(heap)
        while heap:
            best, i = divmod(heapq.heappop(heap), size)
            j = after[i]
            if ids[i] < 0 or j == size or rank[ids[i]].get(ids[j]) != best:
                continue  # one of the two has been joined to another since
            new = ids[i] = joined[best]
            ids[j] = -1
            right = after[i] = after[j]
            if right < size:
                before[right] = i
                if (place := rank[new].get(ids[right])) is not None:
                    heapq.heappush(heap, place * size + i)
            if (left := before[i]) >= 0 and (place := rank[ids[left]].get(new)) is not None:
                heapq.heappush(heap, place * size + left)
        return [i for i in ids if i >= 0]

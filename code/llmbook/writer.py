"""Writing with an encoder-decoder: the likeliest next token again and again, or a beam of texts.

    greedy(model, [[5, 6, 7]], end=2)             # [[8, 9]]
    beam(model, [5, 6, 7], end=2, width=4)[0]     # a Hypothesis: tokens, logprob, score

Dimensions: B batch, S source time, V vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from llmbook.beam import Hypothesis, beam_search
from llmbook.models.seq2seq import Seq2Seq
from llmbook.pairs import padded


@torch.no_grad()
def greedy(
    model: Seq2Seq,
    sources: Sequence[Sequence[int]],
    end: int,
    max_length: int = 60,
    batch_size: int = 100,
    forbidden: Sequence[int] = (),
) -> list[list[int]]:
    """For each source the text of the likeliest next tokens, without its end.

    Sources are read in batches of similar length; neither batch nor order changes a text.
    forbidden: tokens that it must not say, such as the unknown one.
    """
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    written: dict[int, list[int]] = {}
    model.eval()
    for at in range(0, len(order), batch_size):
        some = order[at : at + batch_size]
        source = padded([sources[i] for i in some], end, model.settings.pad).to(model.device)
        rows = _greedy(model, source, end, max_length, forbidden)
        for i, row in zip(some, rows, strict=True):
            written[i] = row[: row.index(end)] if end in row else row
    return [written[i] for i in range(len(sources))]


def _greedy(
    model: Seq2Seq, source: Tensor, end: int, max_length: int, forbidden: Sequence[int]
) -> list[list[int]]:
    memory, state, rows = model.encode(source), None, []
    token = torch.full((len(source), 1), end, device=source.device)
    done = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(max_length):
        logits, state = model.decode(token, memory, state)
        last = logits[:, -1]
        last[:, list(forbidden)] = float("-inf")
        token = last.argmax(-1, keepdim=True)
        rows.append(token)
        done |= token[:, 0] == end
        if done.all():
            break
    return torch.cat(rows, dim=1).tolist()


@torch.no_grad()
def beam(
    model: Seq2Seq,
    source: Sequence[int],
    end: int,
    width: int = 4,
    max_length: int = 60,
    length_penalty: float = 1.0,
) -> list[Hypothesis]:
    """The best ``width`` texts for one source, as `beam_search` finds them."""
    model.eval()
    memory = model.encode(padded([source], end, model.settings.pad).to(model.device))

    def step(prefixes: list[list[int]]) -> Tensor:
        ids = torch.tensor(prefixes, device=model.device)
        with torch.no_grad():
            logits, _ = model.decode(ids, memory.repeat(len(ids)))
        return logits[:, -1].log_softmax(-1)

    return beam_search(step, [end], width, max_length, end, length_penalty)

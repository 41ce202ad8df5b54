"""Beam search: the few most probable texts, kept side by side (Graves 2012; Sutskever 2014).

    step = language_model_step(model)                       # or any function of prefixes
    best = beam_search(step, [end], width=4, max_length=40, end_id=end)[0]
    best.tokens, best.logprob, best.score

``step`` is all that the search knows of a model: it takes the prefixes of one length and
returns the log-probabilities of the next token after each. A decoder-only model and the decoder
of an encoder-decoder, whose source sentence the function has closed over, serve alike.

Dimensions: n prefixes, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llmbook.generate import check_causal
from llmbook.models.base import LanguageModel

Step = Callable[[list[list[int]]], Tensor]


@dataclass(frozen=True)
class Hypothesis:
    """A text that the search found."""

    tokens: list[int]  # what follows the first tokens, without the end
    logprob: float  # nats, the end included
    score: float  # logprob / (number of tokens, the end included) ** length_penalty
    finished: bool  # whether the end came; else max_length cut it


def beam_search(
    step: Step,
    first: Sequence[int],
    width: int,
    max_length: int,
    end_id: int | None,
    length_penalty: float = 1.0,
) -> list[Hypothesis]:
    """The best ``width`` texts (or fewer), by score, the best first.

    Args:
        step: gives log-probabilities ``[n, V]`` after n prefixes of one length, each with
            ``first`` at its head; −inf forbids a token.
        first: the tokens that every text begins with: a prompt, or the begin token.
        width: how many prefixes are kept; 1 is greedy search.
        max_length: the most tokens to add, the end included.
        end_id: the token that finishes a text; None when there is none.
        length_penalty: the log-probability is divided by (added tokens) ** this. 0 ranks by
            probability, 1 by the mean per token; above 0 it favours longer texts.

    The conventions are those of transformers' ``generate(num_beams=width,
    early_stopping="never")``. Each round ranks all continuations; the ended ones among the first
    ``width`` are set aside, and the first ``width`` that go on are kept. The search ends when none
    of these can still overtake the texts set aside.
    """
    _check(first, width, max_length)
    running: list[tuple[float, list[int]]] = [(0.0, [])]  # log-probability, added tokens
    done: list[Hypothesis] = []
    for length in range(1, max_length + 1):
        logprobs = step([[*first, *tokens] for _, tokens in running])
        ranked = _continuations(logprobs, running, width)
        last = length == max_length
        running = []
        for place, (logprob, tokens) in enumerate(ranked):
            ended = tokens[-1] == end_id
            if (ended or last) and place < width:
                text = tokens[:-1] if ended else tokens
                done.append(Hypothesis(text, logprob, logprob / length**length_penalty, ended))
            elif not ended and not last and len(running) < width:
                running.append((logprob, tokens))
        done = sorted(done, key=lambda h: -h.score)[:width]
        if not running:
            break
        hoped = max_length if length_penalty > 0 else length  # the length that flatters it most
        if len(done) == width and running[0][0] / hoped**length_penalty <= done[-1].score:
            break
    return done


def _continuations(
    logprobs: Tensor, running: list[tuple[float, list[int]]], width: int
) -> list[tuple[float, list[int]]]:
    """The best continuations of all prefixes: twice ``width``, for up to ``width`` may end.

    A beam of one has no spare: where its best continuation ends, greedy search ends.
    """
    n, V = len(running), logprobs.shape[-1]
    if logprobs.shape != (n, V):
        raise ValueError(
            f"step returned the shape {list(logprobs.shape)} for {n} prefixes; expected "
            f"[{n}, V], the log-probabilities of the next token after each"
        )
    before = torch.tensor([logprob for logprob, _ in running], dtype=torch.float64)
    total = (before[:, None] + logprobs.detach().cpu().double()).flatten()  # [n * V]
    if total.isnan().any():
        raise ValueError("step returned NaN; it must give log-probabilities, such as log_softmax's")
    count = min(total.numel(), 2 * width if width > 1 else 1)
    values, places = total.sort(descending=True, stable=True)
    return [
        (value, [*running[place // V][1], place % V])
        for value, place in zip(values[:count].tolist(), places[:count].tolist(), strict=True)
        if value > float("-inf")
    ]


def language_model_step(model: LanguageModel) -> Step:
    """The ``step`` of a decoder-only model, which reads the last ``context`` tokens anew each time.

    It leaves the model in evaluation mode.
    """
    check_causal(model)
    model.eval()

    @torch.no_grad()
    def step(prefixes: list[list[int]]) -> Tensor:
        ids = torch.tensor(prefixes, device=model.device)
        if model.context is not None:
            ids = ids[:, -model.context :]
        return model.logits(ids)[0][:, -1].log_softmax(dim=-1)  # [n, V]

    return step


def _check(first: Sequence[int], width: int, max_length: int) -> None:
    """A ValueError that names the argument which makes no sense, and what would."""
    if not len(first):
        raise ValueError("first is empty; give at least one token, such as the begin token")
    if width < 1:
        raise ValueError(f"width is {width}; keep at least 1 prefix (1 is greedy search)")
    if max_length < 1:
        raise ValueError(f"max_length is {max_length}; allow at least 1 token")

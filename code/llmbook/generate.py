"""Writing with a language model: one next token after another, drawn from its law.

Dimensions: B batch, T time, V vocabulary.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from llmbook.models.base import LanguageModel


@torch.no_grad()
def generate(
    model: LanguageModel,
    prompt: list[int] | Tensor,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | None = None,
    seed: int | None = None,
    use_cache: bool = True,
) -> list[int] | list[list[int]]:
    """The tokens that follow ``prompt``, without it and without ``stop``.

    A prompt of ids (a list or ``[T]``) gives a list; a batch ``[B, T]``, all of one length,
    gives a list of lists. ``temperature`` divides the logits (0 takes the likeliest token
    always); ``top_k`` keeps the k likeliest tokens, ``top_p`` the fewest that together have
    this probability (Holtzman et al. 2020). ``seed`` makes the draws repeatable. With
    ``use_cache`` the model's state is carried along; without, everything is read again for
    each token, slower and with the same result. Where the text outgrows the model's context,
    its last ``context`` tokens are read.
    """
    check_options(max_new_tokens, temperature, top_k, top_p)
    check_causal(model)
    ids, single = as_batch(prompt, model.device)
    generator = None if seed is None else torch.Generator(ids.device).manual_seed(seed)
    was_training = model.training
    model.eval()
    try:
        reader = model.reader() if use_cache else model.logits
        state, start = None, ids.shape[1]
        done = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        for _ in range(max_new_tokens):
            logits, state = read(model, ids, state, use_cache, reader)
            token = choose(logits, temperature, top_k, top_p, generator)
            ids = torch.cat([ids, token[:, None]], dim=1)
            if stop is not None:
                done |= token == stop
                if done.all():
                    break
    finally:
        model.train(was_training)
    rows = [before(row, stop) for row in ids[:, start:].tolist()]
    return rows[0] if single else rows


def read(
    model: LanguageModel,
    ids: Tensor,
    state: Any,
    use_cache: bool,
    reader: Callable[[Tensor, Any], tuple[Tensor, Any]] | None = None,
) -> tuple[Tensor, Any]:
    """Logits ``[B, V]`` after all of ``ids [B, T]``, and the state there.

    ``state`` is None or stands for all of ``ids`` but the last; ``reader`` is the model's
    ``logits`` or its ``reader()``.
    """
    fits = model.context is None or ids.shape[1] <= model.context
    if use_cache and fits and state is not None:
        ids = ids[:, -1:]
    elif not fits:  # slide: read the last `context` tokens from the beginning
        ids, state = ids[:, -model.context :], None
    logits, state = (reader or model.logits)(ids, state)
    return logits[:, -1], state if use_cache and fits else None


def choose(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One token a row ``[B]``, drawn from ``logits [B, V]``."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None:
        logits = keep_top_p(logits, top_p)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """``logits [B, V]`` with all but the k largest of each row at −inf."""
    kept = logits.topk(min(k, logits.shape[-1]), dim=-1)
    return torch.full_like(logits, float("-inf")).scatter(-1, kept.indices, kept.values)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """``logits [B, V]`` with −inf outside the nucleus: the fewest tokens of total probability p."""
    ordered, index = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(dim=-1)
    before = probs.cumsum(dim=-1) - probs  # what stands before a token, so the first one stays
    ordered = ordered.masked_fill(before >= p, float("-inf"))
    return torch.empty_like(logits).scatter(-1, index, ordered)


@torch.no_grad()
def next_word(model: LanguageModel, ids: list[int] | Tensor) -> Tensor:
    """The law of the token after ``ids``: probabilities ``[V]`` that sum to one."""
    check_causal(model)
    ids, _ = as_batch(ids, model.device)
    was_training = model.training
    model.eval()
    try:
        logits, _ = read(model, ids[:1], None, use_cache=False)
    finally:
        model.train(was_training)
    return logits[0].softmax(dim=-1)


def check_causal(model: LanguageModel) -> None:
    """TypeError for a model that has no law of the next token."""
    if not getattr(model, "causal", True):
        raise TypeError(
            f"a {type(model).__name__} fills in hidden words and has no law of the next one, so "
            "it cannot write. Use a LanguageModel such as GPT; for a hidden word, read "
            "model.logits(ids) at the mask token's place."
        )


def as_batch(prompt: list[int] | Tensor, device: torch.device) -> tuple[Tensor, bool]:
    """The prompt as ``[B, T]``, and whether it was a single one."""
    try:
        ids = torch.as_tensor(prompt, dtype=torch.long, device=device)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "the prompt must be a list of ids, or a batch of such lists of one length; "
            "write prompts of different lengths one by one"
        ) from error
    single = ids.dim() == 1
    ids = ids[None] if single else ids
    if ids.dim() != 2 or ids.shape[1] == 0:
        raise ValueError(
            f"the prompt has shape {list(ids.shape[1:] if single else ids.shape)}; give at least "
            "one token, for instance the vocabulary's end token, after which texts begin"
        )
    return ids, single


def before(row: list[int], stop: int | None) -> list[int]:
    """What stands before the first ``stop``."""
    return row[: row.index(stop)] if stop in row else row


def check_options(
    max_new_tokens: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    """A ValueError that names the option which makes no sense, and what would."""
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; give 0 or more")
    if not temperature >= 0:
        raise ValueError(f"temperature is {temperature}; give 0 (greedy) or a positive number")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; keep at least 1 token, or None for all")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; give a probability above 0 and at most 1")

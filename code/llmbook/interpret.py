"""Looking inside a trained GPT: read the residual stream, change it, and see what the model says.

    streams = residuals(model, ids)               # [layers + 1, B, T, C]
    laws = logit_lens(model, ids)                 # [layers + 1, B, T, V] log-probabilities
    with ablate(model, (1, 3)):                   # head 3 of layer 1 silent
        worse = perplexity(model, data)
    logits = patch(model, ids, 1, streams[1], [5])   # position 5 of stream 1 from another run

Stream 0 is what enters the first block, stream s what leaves block s, and the last one is what
the final norm and the head read. Everything works by forward hooks that are taken out again,
whatever happens in between; no weight is ever changed.

Dimensions: B batch, T time, C hidden size, H heads, D = C / H head size, V vocabulary, N rows,
K classes.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llmbook.models import GPT


def sites(model: GPT) -> list[nn.Module]:
    """The modules whose input is stream 0, 1, …: each block, then the final norm."""
    if not isinstance(model, GPT):
        raise TypeError(
            f"{type(model).__name__} has no residual stream that this module can read; give a GPT"
        )
    return [*model.blocks, model.norm]


@contextlib.contextmanager
def observing(model: GPT) -> Iterator[None]:
    """No gradients and no dropout inside the block; the model's mode comes back after it."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def residuals(model: GPT, ids: Tensor) -> Tensor:
    """The residual stream ``[layers + 1, B, T, C]`` of a run over ``ids [B, T]``."""
    seen: list[Tensor] = []
    with contextlib.ExitStack() as hooks, observing(model):
        for site in sites(model):
            handle = site.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
            hooks.callback(handle.remove)
        model.logits(ids)
    return torch.stack(seen)


def read(model: GPT, stream: Tensor) -> Tensor:
    """What the model's own norm and head say of ``stream [..., C]``: logits ``[..., V]``."""
    sites(model)
    with observing(model):
        return model.head(model.norm(stream))


def logit_lens(model: GPT, ids: Tensor) -> Tensor:
    """The law that every stream would already give: log-probabilities ``[layers + 1, B, T, V]``.

    The last one is the model's own law. (nostalgebraist 2020, "interpreting GPT: the logit lens".)
    """
    return read(model, residuals(model, ids)).log_softmax(dim=-1)


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """D(p ‖ q) in nats along the last dimension of two log-laws; an impossible word adds zero."""
    p = log_p.exp()
    return torch.where(p > 0, p * (log_p - log_q), 0.0).sum(dim=-1)


@contextlib.contextmanager
def edit(model: GPT, layer: int, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Inside the block, stream ``layer`` is ``change(stream)``; both are ``[B, T, C]``."""
    places = sites(model)
    if not 0 <= layer < len(places):
        raise ValueError(f"stream {layer} is none of the model's streams 0 to {len(places) - 1}")
    handle = places[layer].register_forward_pre_hook(
        lambda _, inputs: (change(inputs[0]), *inputs[1:])
    )
    try:
        yield
    finally:
        handle.remove()


def patch(
    model: GPT, ids: Tensor, layer: int, stream: Tensor, positions: Sequence[int] | None = None
) -> Tensor:
    """Logits ``[B, T, V]`` of ``ids [B, T]`` with a part of one stream from another run.

    Args:
        layer: the stream to change, 0 to the number of blocks.
        stream: ``[B, T, C]``, the other run's.
        positions: where it is put in; everywhere without them.
    """
    B, T = ids.shape
    if stream.shape[:2] != (B, T):
        raise ValueError(
            f"the stream has shape {list(stream.shape)} and the text {[B, T]}; both runs need the "
            "same number of texts and tokens (choose texts that differ in a word, not in length)"
        )
    where = torch.arange(T) if positions is None else torch.as_tensor(positions, dtype=torch.long)

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, where] = stream[:, where].to(x)
        return x

    with observing(model), edit(model, layer, change):
        return model.logits(ids)[0]


@contextlib.contextmanager
def ablate(model: GPT, *heads: tuple[int, int]) -> Iterator[None]:
    """Inside the block, the named heads ``(layer, head)``, counted from 0, add nothing.

    Their D channels of what the output matrix W^O reads are set to zero.
    """
    sites(model)
    with contextlib.ExitStack() as hooks:
        for layer, head in heads:
            H = model.settings.num_heads
            if not (0 <= layer < len(model.blocks) and 0 <= head < H):
                raise ValueError(
                    f"there is no head {(layer, head)}: layers go from 0 to "
                    f"{len(model.blocks) - 1}, heads from 0 to {H - 1}"
                )
            D = model.settings.hidden_size // H
            handle = model.blocks[layer].attention.out.register_forward_pre_hook(
                lambda _, inputs, own=slice(head * D, (head + 1) * D): _silenced(inputs[0], own)
            )
            hooks.callback(handle.remove)
        yield


def _silenced(y: Tensor, own: slice) -> Tensor:
    """``y [B, T, C]`` with the channels ``own`` at zero, as a copy."""
    y = y.clone()
    y[..., own] = 0.0
    return y


# --- Induction -------------------------------------------------------------------------------


def repeated(
    tokens: Sequence[int], length: int, batch: int, seed: int = 0, start: int | None = None
) -> Tensor:
    """``[batch, 2 · length]`` random tokens said twice, after a token ``start`` if one is given.

    No token occurs twice within the half where there are enough of them, so that each has one
    earlier place only.
    """
    source = torch.Generator().manual_seed(seed)
    pool = torch.as_tensor(tokens)
    if len(pool) >= length:
        chosen = torch.rand(batch, len(pool), generator=source).argsort(dim=1)[:, :length]
    else:
        chosen = torch.randint(len(pool), (batch, length), generator=source)
    half = pool[chosen]
    opening = [] if start is None else [torch.full((batch, 1), start)]
    return torch.cat([*opening, half, half], dim=1)


def prefix_matching(model: GPT, ids: Tensor, length: int) -> Tensor:
    """How much each head looks at the token *after* the earlier copy of the present one.

    ``ids [B, T]`` ends with the same ``length`` tokens twice; gives ``[layers, H]``, the mean
    weight over the second copy (Olsson et al. 2022, "prefix matching").
    """
    with observing(model):
        weights = model.attention_weights(ids)  # [layers, B, H, T, T]
    return back(weights, length - 1)[..., -length:].mean(dim=(1, 3))


def back(weights: Tensor, distance: int) -> Tensor:
    """The weight ``[..., T - distance]`` from each position on the one ``distance`` before it."""
    return weights.diagonal(offset=-distance, dim1=-2, dim2=-1)


# --- Probes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """A linear classifier of a stream: scores W (x − mean) + b, ``[N, K]`` for ``x [N, C]``."""

    weight: Tensor  # [K, C]
    bias: Tensor  # [K]
    mean: Tensor  # [C]

    def __call__(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.weight.T + self.bias

    def accuracy(self, x: Tensor, y: Tensor) -> float:
        """The share of ``x [N, C]`` whose class ``y [N]`` gets the highest score."""
        return (self(x).argmax(dim=-1) == y).double().mean().item()


def probe(x: Tensor, y: Tensor, classes: int, decay: float = 1e-3, steps: int = 60) -> Probe:
    """Logistic regression of classes ``y [N]`` (0 … K − 1) on ``x [N, C]``, by L-BFGS.

    ``decay`` times the sum of squared weights is added to the mean loss; the inputs are centred
    and divided by one number, so that the decay means the same for streams of any size.
    """
    if x.dim() != 2 or len(x) != len(y) or not len(x):
        raise ValueError(f"x {list(x.shape)} and y {list(y.shape)}: give [N, C] and [N], N > 0")
    if int(y.min()) < 0 or int(y.max()) >= classes:
        raise ValueError(f"classes go from 0 to {classes - 1}; y has {int(y.min())} to {y.max()}")
    x, mean = x.double(), x.double().mean(dim=0)
    size = (x - mean).square().mean().sqrt().clamp(min=1e-12)
    z = (x - mean) / size
    W = torch.zeros(classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([W, b], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(z @ W.T + b, y) + decay * W.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    return Probe((W.detach() / size).float(), b.detach().float(), mean.float())

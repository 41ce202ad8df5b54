"""Learning rates as pure functions of the step, and optimizers with the usual groups.

    factor = cosine(step, steps=1000, warmup=100)     # 0 < factor <= 1
    optimizer = adamw(model, lr=3e-3)                 # no decay on biases, norms, embeddings

Every group remembers its peak as ``initial_lr`` (torch's own name); a training loop sets
``group["lr"] = group["initial_lr"] * factor`` before each update.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

Schedule = Callable[..., float]  # (step, steps, warmup, final) -> factor of the peak


def constant(step: int, steps: int, warmup: int = 0, final: float = 0.0) -> float:
    """Warm up, then stay at the peak (``final`` plays no part)."""
    return _warm(step, warmup)


def linear(step: int, steps: int, warmup: int = 0, final: float = 0.0) -> float:
    """Warm up, then fall on a straight line to ``final`` at step ``steps``."""
    return _warm(step, warmup) * (1 - (1 - final) * _progress(step, steps, warmup))


def cosine(step: int, steps: int, warmup: int = 0, final: float = 0.0) -> float:
    """Warm up, then fall on half a cosine to ``final`` at step ``steps``.

    The last update has step ``steps - 1``, just above the end: none is spent at rate zero.
    Loshchilov and Hutter, "SGDR", arXiv:1608.03983, equation 5, without restarts.
    """
    wave = (1 + math.cos(math.pi * _progress(step, steps, warmup))) / 2
    return _warm(step, warmup) * (final + (1 - final) * wave)


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "linear": linear, "constant": constant}


def _warm(step: int, warmup: int) -> float:
    """From 1/warmup at step 0 to 1 at step warmup - 1: the first update is never at rate 0."""
    return min(1.0, (step + 1) / warmup) if warmup else 1.0


def _progress(step: int, steps: int, warmup: int) -> float:
    """The part of the way after the warm-up that lies behind, 0 to 1."""
    return min(1.0, max(0, step - warmup) / max(1, steps - warmup))


def parameter_groups(model: nn.Module, lr: float, weight_decay: float) -> list[dict]:
    """Matrices decay; biases, gains of norms and embeddings do not.

    Decay pulls a weight to zero unless the data hold it up. A rare word's embedding gets few
    gradients, so decay would wash it out; a norm's gain belongs near one, not near zero.
    """
    plain = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    decays = [p for p in trained if p.ndim >= 2 and id(p) not in plain]
    rest = [p for p in trained if p.ndim < 2 or id(p) in plain]
    groups = [(decays, weight_decay), (rest, 0.0)]
    return [
        {"params": params, "lr": lr, "initial_lr": lr, "weight_decay": decay}
        for params, decay in groups
        if params
    ]


def adamw(
    model: nn.Module,
    lr: float = 3e-3,
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.99),
) -> torch.optim.AdamW:
    """AdamW (arXiv:1711.05101) over `parameter_groups`. Its second beta is below torch's .999:
    small batches for a few thousand steps want a memory of about a hundred."""
    return torch.optim.AdamW(parameter_groups(model, lr, weight_decay), lr=lr, betas=betas)


def sgd(model: nn.Module, lr: float = 0.1, weight_decay: float = 0.0) -> torch.optim.SGD:
    """Plain stochastic gradient descent over `parameter_groups`."""
    return torch.optim.SGD(parameter_groups(model, lr, weight_decay), lr=lr)


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adamw": adamw, "sgd": sgd}


def make(
    optimizer: str | Callable | torch.optim.Optimizer | None,
    model: nn.Module,
    lr: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """An optimizer from a name of ``OPTIMIZERS``, a function of the model, or one made already.

    None means "adamw". Raises ValueError for an unknown name.
    """
    if optimizer is None or isinstance(optimizer, str):
        name = optimizer or "adamw"
        if name not in OPTIMIZERS:
            raise ValueError(f"optimizer is {name!r}; expected one of {', '.join(OPTIMIZERS)}.")
        made = OPTIMIZERS[name](model, lr=lr, weight_decay=weight_decay)
    else:
        made = optimizer if hasattr(optimizer, "param_groups") else optimizer(model)
    for group in made.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return made


def clip_gradients(parameters: Iterable[Tensor], limit: float | None) -> Tensor:
    """Scale all gradients together so that their joint norm is at most ``limit``; return the
    norm before (Pascanu, Mikolov and Bengio, arXiv:1211.5063). None only measures."""
    limit = math.inf if limit is None else limit
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    return norm.full_tensor() if hasattr(norm, "full_tensor") else norm  # of shards: put together

"""Learning rates as pure functions of the step, and optimizers with the usual groups.

    factor = cosine(step, steps=1000, warmup=100)     # 0 < factor <= 1
    optimizer = adamw(model, lr=3e-3)                 # no decay on biases, norms, embeddings
    optimizer = muon(model, lr=3e-3)                  # Muon for hidden matrices, AdamW beside it

Every group remembers its peak as ``initial_lr`` (torch's own name); a training loop sets
``group["lr"] = group["initial_lr"] * factor`` before each update.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from llmbook import ops

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


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is orthogonalised, for matrices (Jordan et al. 2024, "Muon").

    Updates are those of ``torch.optim.Muon(adjust_lr_fn="match_rms_adamw")``, computed in the
    gradient's own precision: torch's class works in bfloat16, which many CPUs only imitate (a
    step of the book's GPT took four times as long with it).
    """

    def __init__(self, params: Iterable, lr: float, weight_decay: float, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            mu, lr = group["momentum"], group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                B = state["momentum_buffer"].lerp_(p.grad, 1 - mu)
                direction = _direction(p.grad.lerp(B, mu))  # a look ahead, as Nesterov's
                # Its entries' root mean square is 1/√max(shape); that of AdamW's is near 0.2.
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(direction, alpha=-0.2 * math.sqrt(max(p.shape)) * lr)


def orthogonalise(G: Tensor) -> Tensor:
    """``ops.orthogonalise(G)`` in half the time for matrices that are not square.

    Its five steps multiply X from the left by polynomials of A = X Xᵀ. These commute, so they
    can be gathered in Q ``[rows, rows]`` while A follows, and X is touched twice in all: for A,
    and at the end for Q X. (Many more steps would need the plain form: what rounding adds to a
    singular value of zero grows here with every step.)
    """
    rows, columns = G.shape
    if rows == columns:
        return ops.orthogonalise(G)
    a, b, c = ops.NEWTON_SCHULZ
    X = G if rows < columns else G.T
    X = X / X.norm().clamp(min=1e-7)
    A = X @ X.T
    Q = eye = torch.eye(len(A), dtype=A.dtype, device=A.device)
    for _ in range(5):
        P = torch.addmm(a * eye + b * A, A, A, alpha=c)
        Q = P @ Q
        A = P @ A @ P
    X = Q @ X
    return X if rows < columns else X.T


def _direction(update: Tensor) -> Tensor:
    """`orthogonalise`, also for a matrix that lies in shards: it is put together for that."""
    if not hasattr(update, "full_tensor"):
        return orthogonalise(update)
    from torch.distributed.tensor import distribute_tensor

    whole = orthogonalise(update.full_tensor())  # the same in every process
    mesh, placements = update.device_mesh, update.placements
    return distribute_tensor(whole, mesh, placements, src_data_rank=None)


class MuonAdamW(torch.optim.Optimizer):
    """Muon for some groups and AdamW for the others, as one optimizer with one state.

    Each kind of group is updated by its own class; both read the groups and the state of this
    one, so schedules, checkpoints and resumption see a single optimizer.
    """

    def __init__(
        self, muon_groups: list[dict], adamw_groups: list[dict], betas: tuple[float, float]
    ):
        self.parts = [
            Muon(muon_groups, lr=0.0, weight_decay=0.0),  # the groups bring their own
            torch.optim.AdamW(adamw_groups, betas=betas),
        ]
        super().__init__([g for part in self.parts for g in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let both parts work on this optimizer's groups and state."""
        first = len(self.parts[0].param_groups)
        self.parts[0].param_groups = self.param_groups[:first]
        self.parts[1].param_groups = self.param_groups[first:]
        for part in self.parts:
            part.state = self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # load_state_dict puts new groups and a new state in place
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of all groups; returns what ``closure`` does, where one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss


def muon(
    model: nn.Module,
    lr: float = 3e-3,
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.99),
) -> MuonAdamW:
    """Muon for the matrices between hidden layers, AdamW for embeddings, the head, biases and
    norms (Jordan et al. 2024, "Muon").

    Muon's update is scaled so that its entries are about as large as AdamW's (Liu et al.,
    arXiv:2502.16982, equation 4), so that one ``lr`` and one ``weight_decay`` serve both.
    Raises ValueError for a model that has no such matrix.
    """
    looked_up = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    looked_up |= {id(p) for name, p in model.named_parameters() if name.startswith("head.")}
    hidden, rest = [], []
    for group in parameter_groups(model, lr, weight_decay):
        for p in group["params"]:
            kind = hidden if p.ndim == 2 and id(p) not in looked_up else rest
            kind.append((p, group["weight_decay"]))
    if not hidden:
        raise ValueError(
            f"this {type(model).__name__} has no matrix between hidden layers, so Muon has "
            'nothing to do. Give optimizer="adamw".'
        )
    return MuonAdamW(_by_decay(hidden, lr), _by_decay(rest, lr), betas)


def _by_decay(pairs: list[tuple[Tensor, float]], lr: float) -> list[dict]:
    """Parameters and their decay as groups, one for each decay."""
    decays = dict.fromkeys(decay for _, decay in pairs)
    return [
        {"params": [p for p, d in pairs if d == decay], "lr": lr, "initial_lr": lr,
         "weight_decay": decay}
        for decay in decays
    ]  # fmt: skip


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": adamw,
    "muon": muon,
    "sgd": sgd,
}


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

"""The task of ``llmbook.frameworks`` in JAX, with the optimizers of Optax.

JAX has arrays and transformations of functions (``grad``, ``jit``, ``vmap``) and no layers: a model
is a function of its weights. So this is the equations again, ``lax.scan`` in the loop's place.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from llmbook.frameworks import ADAMW, SGD_RATE, Task


def states(weights: dict[str, Any], x: Any) -> Any:
    """Every h of the LSTM over ``x [B, T, I]``: ``[B, T, C]``."""
    import jax
    import jax.numpy as jnp

    W = jnp.concatenate([weights["weight_hh"], weights["weight_ih"]], axis=1)  # acts on [h, x]

    def step(state: tuple, x_t: Any) -> tuple:
        h, c = state
        i, f, g, o = jnp.split(jnp.hstack([h, x_t]) @ W.T + weights["bias"], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((len(x), weights["weight_hh"].shape[1]), x.dtype)
    _, hs = jax.lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))
    return hs.swapaxes(0, 1)


def loss(weights: dict[str, Any], x: Any, targets: Any) -> tuple[Any, tuple]:
    """The mean cross-entropy, and ``(h, logits)``."""
    import jax
    import jax.numpy as jnp

    h = states(weights, x)
    logits = h @ weights["head.weight"].T + weights["head.bias"]
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1)
    return -chosen.mean(), (h, logits)


def optimizers() -> dict[str, Any]:
    """Pairs of pure functions: ``init(weights)`` and ``update(gradients, state, weights)``."""
    import optax

    beta_1, beta_2 = ADAMW["betas"]
    rate, eps, decay = ADAMW["lr"], ADAMW["eps"], ADAMW["weight_decay"]
    adamw = optax.adamw(rate, b1=beta_1, b2=beta_2, eps=eps, weight_decay=decay)
    return {"sgd": optax.sgd(SGD_RATE), "adamw": adamw, "adamw_as_named": adamw}


def run(task: Task, dtype: str) -> dict[str, np.ndarray]:
    """All answers."""
    with precision(dtype):
        import jax
        import jax.numpy as jnp
        import optax

        plain, x = task.cast(dtype)
        weights = {name: jnp.asarray(w) for name, w in plain.items()}
        learn = jax.jit(jax.value_and_grad(loss, has_aux=True))
        (nats, (h, logits)), grads = learn(weights, jnp.asarray(x), jnp.asarray(task.targets))
        answers = {"h": h, "logits": logits, "loss": nats}
        answers |= {f"gradients.{name}": g for name, g in grads.items()}
        for kind, optimizer in optimizers().items():
            updates, _ = optimizer.update(grads, optimizer.init(weights), weights)
            after = optax.apply_updates(weights, updates)
            answers |= {f"{kind}.{name}": w for name, w in after.items()}
        return {name: np.asarray(value) for name, value in answers.items()}


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    """JAX computes in 32 bits, whatever it is given, until it is told that 64 are meant."""
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def defaults() -> dict[str, Any]:
    """What Optax's AdamW takes when nothing is said; it must be told a rate."""
    import optax

    signature = inspect.signature(optax.adamw).parameters
    keys = {"beta 1": "b1", "beta 2": "b2", "epsilon": "eps", "weight decay": "weight_decay"}
    return {"lr": None} | {ours: signature[theirs].default for ours, theirs in keys.items()}


def versions() -> dict[str, str]:
    """The versions that answered."""
    import jax
    import optax

    return {"jax": jax.__version__, "optax": optax.__version__}

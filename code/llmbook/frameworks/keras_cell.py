"""The task of ``llmbook.frameworks`` in Keras on TensorFlow.

What differs from torch: weights are kept as [inputs, outputs], one bias instead of two, a loss is a
function of (targets, outputs), and AdamW adds epsilon before it corrects for the bias of its means.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from llmbook.frameworks import ADAMW, SGD_RATE, Task

#: Keras's order of ``model.trainable_variables``, and whether it keeps the transpose.
ORDER = {"weight_ih": True, "weight_hh": True, "bias": False, "head.weight": True,
         "head.bias": False}  # fmt: skip


def build(weights: dict[str, np.ndarray], dtype: str) -> Any:
    """A Keras model from ``x [B, T, I]`` to logits ``[B, T, V]`` with torch's weights."""
    import keras

    (V, C), I = weights["head.weight"].shape, weights["weight_ih"].shape[1]  # noqa: E741
    model = keras.Sequential([
        keras.Input((None, I), dtype=dtype),
        keras.layers.LSTM(C, return_sequences=True, dtype=dtype),  # gates in torch's order
        keras.layers.Dense(V, dtype=dtype),
    ])  # fmt: skip
    model.set_weights([weights[n].T if flipped else weights[n] for n, flipped in ORDER.items()])
    return model


def gradients(model: Any, x: np.ndarray, targets: np.ndarray) -> tuple[Any, list]:
    """The mean cross-entropy, and its gradient by every weight."""
    import keras
    import tensorflow as tf

    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(targets, model(x), from_logits=True)
        loss = tf.reduce_mean(losses)
    return loss, tape.gradient(loss, model.trainable_variables)


def optimizers() -> dict[str, Any]:
    """SGD; AdamW so that it equals torch's at the first step; AdamW with the same numbers."""
    import keras

    def adamw(epsilon: float) -> Any:
        return keras.optimizers.AdamW(
            ADAMW["lr"], ADAMW["weight_decay"], *ADAMW["betas"], epsilon=epsilon
        )

    correction = math.sqrt(1 - ADAMW["betas"][1])  # Keras's epsilon acts as epsilon / this
    return {
        "sgd": keras.optimizers.SGD(SGD_RATE),
        "adamw": adamw(ADAMW["eps"] * correction),
        "adamw_as_named": adamw(ADAMW["eps"]),
    }


def run(task: Task, dtype: str) -> dict[str, np.ndarray]:
    """All answers; the weights after a step are those of the same model, begun anew."""
    import keras

    weights, x = task.cast(dtype)
    model = build(weights, dtype)
    states = keras.Model(model.inputs[0], model.layers[0].output)
    loss, grads = gradients(model, x, task.targets)
    answers = {"h": states(x), "logits": model(x), "loss": loss}
    answers = {name: np.asarray(value) for name, value in answers.items()}
    answers |= named("gradients", grads)
    for name, optimizer in optimizers().items():
        model = build(weights, dtype)
        optimizer.apply_gradients(
            zip(gradients(model, x, task.targets)[1], model.trainable_variables, strict=True)
        )
        answers |= named(name, model.trainable_variables)
    return answers


def named(kind: str, values: list) -> dict[str, np.ndarray]:
    """Keras's list of arrays under torch's names, turned as torch keeps them."""
    return {
        f"{kind}.{name}": np.asarray(value).T if flipped else np.asarray(value)
        for (name, flipped), value in zip(ORDER.items(), values, strict=True)
    }


def defaults() -> dict[str, float]:
    """What Keras's AdamW takes when nothing is said."""
    import keras

    signature = inspect.signature(keras.optimizers.AdamW.__init__).parameters
    keys = {"lr": "learning_rate", "beta 1": "beta_1", "beta 2": "beta_2", "epsilon": "epsilon",
            "weight decay": "weight_decay"}  # fmt: skip
    return {ours: signature[theirs].default for ours, theirs in keys.items()}


def versions() -> dict[str, str]:
    """The versions that answered."""
    import keras
    import tensorflow as tf

    return {"tensorflow": tf.__version__, "keras": keras.__version__}

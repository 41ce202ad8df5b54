"""The exercises of the chapter *Tools*."""

import io
import json
import math
import pickle
import struct

import torch

from llmbook.check.core import exercise, expect


@exercise(
    "tools.keras",
    asked="my_keras(state) gives [kernel [I, 4C], recurrent kernel [C, 4C], bias [4C]]",
    hint="Keras keeps [inputs, outputs] and one bias; torch keeps the transpose, and adds its two",
)
def _(convert):
    for inputs, cells in ((3, 5), (1, 1), (4, 4)):
        state = torch.nn.LSTM(inputs, cells).state_dict()
        gives = [state["weight_ih_l0"].T, state["weight_hh_l0"].T]
        gives.append(state["bias_ih_l0"] + state["bias_hh_l0"])
        label = f"my_keras of an LSTM with {inputs} inputs and {cells} cells"
        expect(convert, state, gives=gives, label=label)


@exercise(
    "tools.gates",
    asked="my_gates(W) has the rows of W in the order i, o, f, g instead of i, f, g, o",
    hint="W.chunk(4) gives the four blocks; torch.cat puts them together in any order",
)
def _(reorder):
    for shape in ((4, 1), (8, 3), (12,)):
        W = torch.randn(*shape)
        i, f, g, o = W.chunk(4)
        expect(reorder, W, gives=torch.cat([i, o, f, g]), label=f"my_gates of {list(shape)}")


@exercise(
    "tools.epsilon",
    asked="my_epsilon(eps, beta_2, t) gives Keras's epsilon that acts as torch's eps at step t",
    hint="Keras's epsilon acts as itself divided by the root of 1 - beta_2 ** t",
)
def _(epsilon):
    for eps, beta_2, t in ((1e-8, 0.99, 1), (1e-6, 0.999, 10), (1e-8, 0.95, 1000), (1.0, 0.0, 3)):
        gives = eps * math.sqrt(1 - beta_2**t)
        expect(epsilon, eps, beta_2, t, gives=gives, rtol=1e-6, atol=0.0)


def _file(tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> bytes:
    from safetensors.torch import save

    return save(tensors, metadata)


@exercise(
    "tools.header",
    asked="my_header(raw) gives {name: number of entries} of a safetensors file's tensors",
    hint="8 bytes of length (struct '<Q'), then that many bytes of JSON; leave out __metadata__",
)
def _(header):
    files = [
        ({"w": torch.zeros(2, 3), "b": torch.zeros(4, dtype=torch.float16)}, None),
        ({"scalar": torch.tensor(1.0), "none": torch.zeros(0, 3)}, {"made by": "a test"}),
        ({f"layer.{k}": torch.zeros(k + 1) for k in range(30)}, None),
    ]
    for tensors, metadata in files:
        gives = {name: tensor.numel() for name, tensor in tensors.items()}
        label = f"my_header of a file with {len(tensors)} tensors"
        label += " and metadata" if metadata else ""
        expect(header, _file(tensors, metadata), gives=gives, label=label)


@exercise(
    "tools.decay",
    asked="my_decay(steps, lr, weight_decay) gives the part of a weight that decay leaves",
    hint="every step multiplies by 1 - lr(t) * weight_decay; t goes from 0 to steps - 1",
)
def _(decay):
    rates = {
        "a constant rate": lambda t: 0.01,
        "a falling rate": lambda t: 0.1 / (t + 1),
        "no rate": lambda t: 0.0,
    }
    for words, lr in rates.items():
        for steps, strength in ((0, 0.1), (1, 0.5), (40, 0.1)):
            gives = math.prod(1 - lr(t) * strength for t in range(steps))
            label = f"my_decay over {steps} steps at {words} with decay {strength}"
            expect(decay, steps, lr, strength, gives=gives, label=label, rtol=1e-6)


@exercise(
    "tools.kind",
    asked='my_kind(raw) gives "zip", "pickle", "safetensors" or "unknown"',
    hint="look at the first bytes; a safetensors header must lie within the file",
)
def _(kind):
    archive = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, archive)
    header = json.dumps({}).encode()
    cases = [
        ("an archive of torch.save", archive.getvalue(), "zip"),
        ("a pickle", pickle.dumps([1, 2], protocol=4), "pickle"),
        ("a pickle of protocol 2", pickle.dumps([1, 2], protocol=2), "pickle"),
        ("a safetensors file", _file({"w": torch.zeros(2)}), "safetensors"),
        ("a pickle of protocol 0", pickle.dumps([1, 2], protocol=0), "unknown"),
        ("no bytes", b"", "unknown"),
        ("a header that goes beyond the file", struct.pack("<Q", 10**6) + header, "unknown"),
        ("a text", b"eight  b{}", "unknown"),
        ("one byte of a pickle", b"\x80", "unknown"),
    ]
    for words, raw, gives in cases:
        expect(kind, raw, gives=gives, label=f"my_kind of {words}")

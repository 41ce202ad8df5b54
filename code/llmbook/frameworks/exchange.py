"""The book's models as ONNX files: a graph of standard operations, for engines without Python.

    >>> to_onnx(gpt, "gpt.onnx")                       # ids [B, T] -> logits [B, T, V]
    >>> step_to_onnx(lstm, "lstm.onnx")                # a word, h, c -> logits, h, c
    >>> run("gpt.onnx", ids=ids)["logits"]             # by onnxruntime

Export records what a model does with one example, with sizes as symbols. So whatever looks at the
*values* of a tensor in Python cannot go along: here the check that every id is in the vocabulary.
An engine that gets another id fails or reads elsewhere, so check before you call it.

The book's chapter: Tools.
"""

from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from llmbook.models import GPT, LSTMLM


class Logits(nn.Module):
    """A GPT as a function of ``ids [B, T]`` alone, of operations that ONNX has."""

    def __init__(self, model: GPT):
        super().__init__()
        self.model = copy.deepcopy(model).eval()
        self.model.checked = lambda ids, past=0: ids  # looks at values: see the module's text
        for block in self.model.blocks:
            block.attention.record_weights = True  # the plain attention, not torch's own kernel
        with torch.no_grad():  # fills the rotary tables up to the longest text
            self.model.logits(torch.zeros(1, model.context, dtype=torch.long))

    def forward(self, ids: Tensor) -> Tensor:
        return self.model.logits(ids)[0]


class Step(nn.Module):
    """One step of a one-layer LSTM: ``word [B]``, ``h, c [B, C]`` -> logits and the new h, c.

    The state goes in and out of the graph, so any text can be read, word by word.
    """

    def __init__(self, model: LSTMLM):
        super().__init__()
        self.model = copy.deepcopy(model).eval()

    def forward(self, word: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, c, _ = self.model.layers[0].step(self.model.embedding(word), (h, c))
        return self.model.head(h), h, c


def to_onnx(model: GPT, path: str | Path) -> None:
    """Write a GPT as a graph from ``ids`` to ``logits``, for any batch and up to its context."""
    B = torch.export.Dim("B", min=1, max=4096)
    T = torch.export.Dim("T", min=2, max=model.context)
    example = (torch.zeros(2, min(8, model.context), dtype=torch.long),)
    _export(Logits(model), example, path, ["ids"], ["logits"], ({0: B, 1: T},))


def step_to_onnx(model: LSTMLM, path: str | Path) -> None:
    """Write one step of an LSTM as a graph. ValueError for a model of more than one layer."""
    if model.num_layers != 1:
        raise ValueError(f"the LSTM has {model.num_layers} layers; a step is written for one")
    B = torch.export.Dim("B", min=1, max=4096)
    state = torch.zeros(2, model.hidden_size)
    example = (torch.zeros(2, dtype=torch.long), state, state.clone())
    names = ["word", "h", "c"], ["logits", "new_h", "new_c"]
    _export(Step(model), example, path, *names, ({0: B}, {0: B}, {0: B}))


def _export(
    module: nn.Module, example: tuple, path: str | Path, inputs: list[str], outputs: list[str],
    sizes: Any,
) -> None:  # fmt: skip
    """torch's exporter, without its reports of packages that the book does not use."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(), example, dynamo=True, input_names=inputs, output_names=outputs,
            dynamic_shapes=sizes, verbose=False,
        )  # fmt: skip
        program.save(str(path))


def run(path: str | Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What onnxruntime computes from the graph in a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))

"""The book's language models, from counting to the transformer, behind one interface."""

from typing import Any

from llmbook.models.base import LanguageModel
from llmbook.models.gpt import GPT, GPTConfig
from llmbook.models.mlp import MLPLM
from llmbook.models.ngram import NGram
from llmbook.models.recurrent import GRULM, LSTMLM, RNNLM

NAMES: dict[str, type[LanguageModel]] = {
    model.name: model for model in (NGram, MLPLM, RNNLM, LSTMLM, GRULM, GPT)
}


def build(name: str, config: dict[str, Any]) -> LanguageModel:
    """The untrained model ``name`` (a key of ``NAMES``) with the arguments of ``config``."""
    if name not in NAMES:
        raise ValueError(f"no model is called {name!r}; choose one of {', '.join(NAMES)}")
    return GPT(GPTConfig(**config)) if name == "gpt" else NAMES[name](**config)


__all__ = [
    "GPT",
    "GRULM",
    "LSTMLM",
    "MLPLM",
    "NAMES",
    "RNNLM",
    "GPTConfig",
    "LanguageModel",
    "NGram",
    "build",
]

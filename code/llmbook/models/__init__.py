"""The book's models, from counting to the transformer, behind one interface."""

from typing import Any

from llmbook.models.base import LanguageModel, TokenModel
from llmbook.models.bert import BERT, BERTConfig
from llmbook.models.copying import CopyingConfig, CopyingSeq2Seq
from llmbook.models.gpt import GPT, GPTConfig
from llmbook.models.mlp import MLPLM
from llmbook.models.ngram import NGram
from llmbook.models.recurrent import GRULM, LSTMLM, RNNLM
from llmbook.models.seq2seq import RecurrentSeq2Seq, Seq2SeqConfig, TransformerSeq2Seq

NAMES: dict[str, type[TokenModel]] = {
    model.name: model for model in (NGram, MLPLM, RNNLM, LSTMLM, GRULM, GPT, BERT)
}
NAMES |= {model.name: model for model in (RecurrentSeq2Seq, TransformerSeq2Seq, CopyingSeq2Seq)}
CONFIGS = {"gpt": GPTConfig, "bert": BERTConfig}  # of the models that take one
CONFIGS |= {model.name: Seq2SeqConfig for model in (RecurrentSeq2Seq, TransformerSeq2Seq)}
CONFIGS[CopyingSeq2Seq.name] = CopyingConfig


def build(name: str, config: dict[str, Any]) -> TokenModel:
    """The untrained model ``name`` (a key of ``NAMES``) with the arguments of ``config``."""
    if name not in NAMES:
        raise ValueError(f"no model is called {name!r}; choose one of {', '.join(NAMES)}")
    return NAMES[name](CONFIGS[name](**config)) if name in CONFIGS else NAMES[name](**config)


__all__ = [
    "BERT",
    "GPT",
    "GRULM",
    "LSTMLM",
    "MLPLM",
    "NAMES",
    "RNNLM",
    "BERTConfig",
    "CopyingConfig",
    "CopyingSeq2Seq",
    "GPTConfig",
    "LanguageModel",
    "NGram",
    "RecurrentSeq2Seq",
    "Seq2SeqConfig",
    "TokenModel",
    "TransformerSeq2Seq",
    "build",
]

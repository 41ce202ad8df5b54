"""How each model of the zoo is made: corpus, network, budget in optimizer steps, seed.

Each takes less than eight minutes of one CPU core. `make` does the whole of it and is what
``python -m llmbook.zoo NAME`` runs.
"""

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch

import llmbook
from llmbook import checkpoint, models
from llmbook.data import Stories, Stream
from llmbook.evaluate import perplexity
from llmbook.run import History
from llmbook.text import BPETokenizer, CharVocab, Vocab, WordVocab
from llmbook.train import fit
from llmbook.zoo import FOLDER


@dataclass(frozen=True)
class Recipe:
    """What makes one model."""

    about: str  # what it is for
    corpus: str  # a key of CORPORA
    model: str  # a key of models.NAMES
    config: dict[str, Any]  # the model's, without the vocabulary's size
    training: dict[str, Any]  # arguments of fit: steps, batch_size, lr ...
    seed: int = 0


RECIPES: dict[str, Recipe] = {
    "tales-gpt": Recipe(
        "a transformer that has learned Tales almost to its floor",
        "tales",
        "gpt",
        {"context": 256, "hidden_size": 64, "num_heads": 4, "num_layers": 2},
        {"steps": 6000, "batch_size": 16, "lr": 3e-3},
    ),
    "tales-lstm": Recipe(
        "an LSTM whose gates can be watched on Tales",
        "tales",
        "lstm",
        {"hidden_size": 128},
        {"steps": 4000, "batch_size": 16, "lr": 6e-3},
    ),
    "tales-rnn": Recipe(
        "a plain recurrent network on Tales, to set beside the LSTM",
        "tales",
        "rnn",
        {"hidden_size": 128},
        {"steps": 4000, "batch_size": 16, "lr": 2e-3},
    ),
    "english-gpt": Recipe(
        "a character-level transformer on Python's own English",
        "pydocs",
        "gpt",
        {
            "context": 128, "hidden_size": 96, "num_heads": 4, "num_layers": 4, "dropout": 0.05,
            "positions": "rotary", "activation": "squared_relu", "norm": "rms", "bias": False,
            "tie": False, "qk_norm": True, "zero_init": True,
        },
        {"steps": 1000, "batch_size": 12, "lr": 4e-3},
    ),
    "english-gpt2": Recipe(
        "GPT-2's architecture with its own byte-level BPE, pre-trained on Python's own English",
        "english",
        "gpt",
        {
            "context": 128, "hidden_size": 128, "num_heads": 4, "num_layers": 4,
            "positions": "learned",  # the rest as in GPT-2; first weights fit the narrow width
        },
        {"steps": 800, "batch_size": 8, "lr": 8e-3, "optimizer": "muon", "warmup": 0.05},
    ),
}  # fmt: skip

TOKENS = 1024  # of the English model's tokenizer


@dataclass
class Data:
    """A corpus made ready: vocabulary, parts, where it comes from, its floor where known."""

    vocab: Vocab
    train: Stories | Stream
    valid: Stories | Stream
    provenance: dict[str, Any]
    floor: list | None = None
    tags: list | None = None
    notes: dict[str, Any] = field(default_factory=dict)


def tales_data(recipe: Recipe) -> Data:
    """20,000 stories to learn from and 500 others to validate on, both with known floor."""
    from llmbook.corpora import tales

    vocab = WordVocab(tales.WORDS)
    parts = tales.splits(seed=recipe.seed)
    data = {
        name: Stories([vocab.encode(story) for story in stories], end=vocab.end_id)
        for name, stories in parts.items()
    }
    floor = tales.floor(parts["valid"])
    source = {
        "source": "llmbook.corpora.tales.splits", "seed": recipe.seed, "licence": "Apache-2.0",
        "stories": {name: len(parts[name]) for name in ("train", "valid")},
    }  # fmt: skip
    notes = {"floor": floor.nats}
    return Data(vocab, data["train"], data["valid"], source, floor.logprobs, floor.tags, notes)


def pydocs_data(recipe: Recipe) -> Data:
    """The prose of Python's own help texts, character by character."""
    from llmbook.corpora import pydocs

    train, valid = pydocs.text("train"), pydocs.text("valid")
    vocab = CharVocab.from_text(train)
    context = recipe.config["context"]
    rows = [Stream(vocab.encode(text), context) for text in (train, valid)]
    return Data(vocab, *rows, pydocs.provenance())


def english_data(recipe: Recipe) -> Data:
    """All plain English of the Python installation as tokens of its own BPE.

    ``<|endoftext|>`` opens the row and closes each document; validation is that of pydocs.
    """
    from llmbook.corpora import english, pydocs

    documents = english.documents("train")
    vocab = BPETokenizer.train(documents, TOKENS)
    ids = [vocab.end_id]
    for document in documents:
        ids += [*vocab.encode(document), vocab.end_id]
    text = pydocs.text("valid")
    valid = vocab.encode(text)
    context = recipe.config["context"]
    notes = {"tokens_to_learn_from": len(ids), "bytes": len(text.encode())}
    rows = [Stream(row, context) for row in (ids, valid)]
    return Data(vocab, *rows, english.provenance(), notes=notes)


CORPORA: dict[str, Callable[[Recipe], Data]] = {
    "tales": tales_data,
    "pydocs": pydocs_data,
    "english": english_data,
}


def make(name: str, folder: Path = FOLDER, progress: bool = True) -> dict[str, Any]:
    """Train a model by its recipe, write its two files into ``folder``, return its card."""
    checkpoint.check_writable(folder / f"{name}.safetensors")
    recipe = RECIPES[name]
    data = CORPORA[recipe.corpus](recipe)
    torch.manual_seed(recipe.seed)
    model = models.build(recipe.model, {"vocab_size": len(data.vocab), **recipe.config})
    history = fit(
        model, data.train, valid_data=data.valid, seed=recipe.seed, progress=progress,
        **{"eval_every": recipe.training["steps"] // 5, "eval_batches": 8} | recipe.training,
    )  # fmt: skip
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, model, extra={"vocabulary": data.vocab.to_dict()}, dtype=torch.float16)
    # What is scored is what was stored: the weights after rounding to half precision.
    scored = perplexity(checkpoint.load_model(path), data.valid, floor=data.floor, tags=data.tags)
    card = {
        "name": name,
        **asdict(recipe),
        "command": f"python -m llmbook.zoo {name}",
        "data": data.provenance,
        "parameters": model.num_params(),
        "stored_as": "float16",
        "validation": {"nats": scored.nats, "perplexity": scored.perplexity,
                       "tokens": scored.tokens, "excess": scored.excess, **data.notes},
        "by_tag": {t: {"nats": r.nats, "excess": r.excess, "tokens": r.tokens}
                   for t, r in scored.by_tag.items()},
        "cpu_seconds": round(history.cpu_seconds[-1], 1),
        "versions": {"llmbook": llmbook.__version__, "torch": torch.__version__.split("+")[0],
                     "safetensors": safetensors.__version__, "python": platform.python_version()},
        "licence": "Apache-2.0",
        "log": thin(history),
    }  # fmt: skip
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    checkpoint.write_whole(folder / f"{name}.json", text.encode())
    return card


def thin(history: History, points: int = 100) -> dict[str, list]:
    """About ``points`` updates of the history: the loss and norm are means over what is left
    out, all else is as it was at the last of them."""
    every = max(1, len(history.loss) // points)
    ends = range(every, len(history.loss) + 1, every)

    def mean(values: list[float]) -> list[float]:
        return [round(sum(values[end - every : end]) / every, 4) for end in ends]

    def last(values: list[float]) -> list[float]:
        return [float(f"{values[end - 1]:.6g}") for end in ends]

    return {
        "step": [history.step[end - 1] for end in ends], "loss": mean(history.loss),
        "grad_norm": mean(history.grad_norm), "lr": last(history.lr),
        "cpu_seconds": last(history.cpu_seconds), "valid_step": history.valid_step,
        "valid_loss": [round(x, 4) for x in history.valid_loss],
    }  # fmt: skip

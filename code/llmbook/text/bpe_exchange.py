"""A byte-level BPE as the ``tokenizer.json`` of the libraries tokenizers and transformers.

The form is that of ``tokenizers.Tokenizer.save``. What BPETokenizer cannot do exactly as that
library would (another pattern, a normaliser, a space put first …) is refused with its name.
"""

from __future__ import annotations

import json
from typing import Any

from llmbook.text.bpe_files import Parts, _pair, from_letters, letters

_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_ADDED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def to_tokenizers(
    vocab: dict[bytes, int], merges: list[tuple[int, int]], specials: dict[str, int]
) -> dict[str, Any]:
    """The content of a ``tokenizer.json``."""
    names = {i: letters(token) for token, i in vocab.items()}
    everything = names | {i: token for token, i in specials.items()}
    model = {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
        "ignore_merges": False, "vocab": {everything[i]: i for i in sorted(everything)},
        "merges": [[names[a], names[b]] for a, b in merges],
    }  # fmt: skip
    added = [
        {"id": i, "content": token, **_ADDED, "special": True}
        for token, i in sorted(specials.items(), key=lambda item: item[1])
    ]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": None, "pre_tokenizer": dict(_LEVEL), "post_processor": None,
        "decoder": dict(_LEVEL), "model": model,
    }  # fmt: skip


def from_tokenizers(data: Any) -> Parts:
    """Vocabulary, merges and special tokens of such a content; ValueError where it is none, or
    asks for what this tokenizer does not do."""
    try:
        model = data["model"]
        _require(model.get("type", "BPE") == "BPE", f"its model is {model.get('type')}, not BPE")
        for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
            _require(not model.get(name), f"{name} is {model.get(name)!r}")
        _require(not model.get("ignore_merges"), "it ignores merges where a chunk is a token")
        _require(not data.get("normalizer"), "it has a normalizer")
        _check_pre_tokenizer(data.get("pre_tokenizer") or {})
        specials = {}
        for token in data.get("added_tokens") or []:
            strips = [name for name in ("single_word", "lstrip", "rstrip") if token.get(name)]
            _require(not strips, f"the added token {token['content']!r} has {strips and strips[0]}")
            specials[token["content"]] = token["id"]
        vocab = {from_letters(t): i for t, i in model["vocab"].items() if t not in specials}
        return vocab, [_pair(pair, vocab) for pair in model["merges"]], specials
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "this is no tokenizer.json of a byte-level BPE "
            f"({type(error).__name__}: {error}); tokenizers.Tokenizer.save writes one"
        ) from None


def _check_pre_tokenizer(pre: dict[str, Any]) -> None:
    _require(pre.get("type") == "ByteLevel", f"its pre-tokenizer is {pre.get('type')}")
    _require(pre.get("use_regex", True), "its pre-tokenizer does not use GPT-2's pattern")
    _require(not pre.get("add_prefix_space"), "it puts a space before the text (add_prefix_space)")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(
            f"this tokenizer.json cannot be read exactly: {otherwise}. Expected a BPE over bytes "
            "with GPT-2's pattern, as BPETokenizer.to_tokenizers writes it"
        )


def dumps(data: dict[str, Any]) -> str:
    """The text of a ``tokenizer.json``."""
    return json.dumps(data, ensure_ascii=False, indent=2)

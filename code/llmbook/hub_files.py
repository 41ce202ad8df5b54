"""A model of the zoo as a folder that transformers' ``from_pretrained`` reads.

    export("english-gpt2")     # -> the path of the folder, made once and then reused

The folder lies in a cache of the user (``LLMBOOK_CACHE``, else ``XDG_CACHE_HOME`` or ``~/.cache``;
where that cannot be written, a folder of the user's own among the temporary ones). It is made
beside its place and renamed, so it is there whole or not at all. It carries a list of its files
with their SHA-256; a folder that no longer fits its list is made again.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from llmbook import zoo
from llmbook.models import GPT, convert
from llmbook.text import BPETokenizer

FORMAT = 1  # raise it when what `write` puts into a folder changes
MANIFEST = "llmbook.json"


def can_export(name: str) -> bool:
    """Whether a model of the zoo is a GPT-2 with a byte-level BPE, judged by its card."""
    card = zoo.card(name)
    return card["model"] == "gpt" and card["config"].get("positions") == "learned"


def export(name: str, root: Path | None = None) -> str:
    """The folder of the zoo's model ``name``; made if it is not there or is damaged.

    Raises ValueError where the zoo has no such model or it is no GPT-2, and OSError where no
    folder can be written.
    """
    if name not in zoo.names():
        raise ValueError(
            f"the zoo has no {name!r}; it has {', '.join(zoo.names())}. Train it with "
            f"python -m llmbook.zoo {name}"
        )
    source = hashlib.sha256((zoo.FOLDER / f"{name}.safetensors").read_bytes())
    source.update(f"{FORMAT} {json.dumps(zoo.card(name), sort_keys=True)}".encode())
    root = cache() if root is None else Path(root)
    goal = root / f"{name}-{source.hexdigest()[:16]}"
    if is_whole(goal):
        return str(goal)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    try:
        write(name, fresh)
        _put(fresh, goal)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return str(goal)


def _put(fresh: Path, goal: Path) -> None:
    """Rename ``fresh`` to ``goal``. Where another run was quicker its folder stays, if whole."""
    with contextlib.suppress(OSError):
        os.rename(fresh, goal)
    if is_whole(goal):
        return
    aside = Path(tempfile.mkdtemp(prefix=".damaged.", dir=goal.parent))
    try:
        os.rename(goal, aside / "old")
        os.rename(fresh, goal)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write(name: str, folder: Path) -> None:
    """Everything that belongs into the folder, the list of it last."""
    model, vocab = zoo.load(name)
    if not isinstance(model, GPT) or not isinstance(vocab, BPETokenizer):
        raise ValueError(
            f"{name} is a {type(model).__name__} with a {type(vocab).__name__}; only a GPT with a "
            "BPETokenizer can be saved as a GPT-2"
        )
    write_model(model, vocab, name, folder)
    (folder / "README.md").write_text(zoo.card_text(name), encoding="utf-8")
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    listed = {"name": name, "files": {path.name: _digest(path) for path in files}}
    (folder / MANIFEST).write_text(json.dumps(listed, indent=1), encoding="utf-8")


def write_model(model: GPT, vocab: BPETokenizer, name: str, folder: Path) -> None:
    """A GPT and its tokenizer in the files of a GPT-2. The configuration holds ``name``."""
    theirs = convert.to_transformers(model, vocab.end_id)
    theirs.config.llmbook_name = name
    theirs.save_pretrained(folder)
    data = json.loads(vocab.to_tokenizers(folder / "tokenizer.json"))["model"]
    lines = ["#version: 0.2", *(" ".join(pair) for pair in data["merges"])]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    text = json.dumps(data["vocab"], ensure_ascii=False)
    (folder / "vocab.json").write_text(text, encoding="utf-8")
    end = vocab.tokens[vocab.end_id]
    settings = {
        "tokenizer_class": "GPT2Tokenizer", "model_max_length": model.context,
        "bos_token": end, "eos_token": end, "unk_token": end, "add_prefix_space": False,
    }  # fmt: skip
    text = json.dumps(settings, ensure_ascii=False, indent=1)
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def is_whole(folder: Path) -> bool:
    """Whether the folder holds exactly what its list says, to the byte."""
    try:
        listed = json.loads((folder / MANIFEST).read_bytes())["files"]
        found = {path.name for path in folder.iterdir()} - {MANIFEST}
        return found == set(listed) and all(_digest(folder / f) == d for f, d in listed.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cache() -> Path:
    """The folder in which exported models are kept; it is made where it is missing."""
    own = os.environ.get("LLMBOOK_CACHE", "").strip()
    if own:
        Path(own).mkdir(parents=True, exist_ok=True)
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache"
    usual = Path(base) / "llmbook"
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: the user has no home
        usual.mkdir(parents=True, exist_ok=True)
        if os.access(usual, os.W_OK):
            return usual
    return _temporary()


def _temporary() -> Path:
    """A folder among the temporary ones that is this user's alone."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(getattr(os, "getuid", lambda: "user")())
    folder = Path(tempfile.gettempdir()) / f"llmbook-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise OSError(
            f"{folder} belongs to another user, so nothing is kept there. Set LLMBOOK_CACHE to a "
            "folder of your own"
        )
    return folder

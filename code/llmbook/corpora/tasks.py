"""Two labelled sets that need no annotator and no download, for the chapter on fine-tuning.

    >>> thing_or_action("train")[0]     # English: what does this docstring describe?
    >>> water("train")[0]               # Tales: is the company near water now?

**thing_or_action.** The first paragraph of a docstring of the standard library; label 1 where it
stands in a class or at the head of a module (a *thing*), 0 in a function or method (an *action*).
Labels come from the syntax tree, so they are right by construction; a class that is documented
like a function ("Return …") is still a class. A split holds whole packages: no package is in two
of them. Every text that the book's English models may have learned from is left out. Of the
actions, of which there are four times as many, a quarter is kept, chosen by the hash of the text;
so which texts there are depends on nothing but themselves. About 1,650 texts in Python 3.11.
Licence PSF-2.0. Limits: one language, one kind of prose, and some labels that no reader could
tell ("See RFC 2822.").

**water.** A story up to "by the", after which it names the place where the company is; label 1
where that is a river, bridge, well or ford. Only stories in which the company has walked on: so
at least two places stand in the text, and only their order tells the answer. Made by
`corpora.tales`; CC BY 4.0. Limits: the language of Tales, eight places.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmbook.corpora import docstrings, pydocs, tales
from llmbook.corpora.pydocs import SPLITS, check_split

WATER = frozenset({"river", "bridge", "well", "ford"})
_WORDS = (4, 50)  # fewest and most words of a docstring's first paragraph
_ENDS = (0.566, 0.7)  # a package's place in [0, 1): train, valid, test
_KEPT = 0.25  # of the actions
_SEEDS = {"train": 7_001, "valid": 7_002, "test": 7_003}


class Item(NamedTuple):
    """A text, its label, and what it was taken from (a module, or "tales")."""

    text: str
    label: int
    source: str


def place(name: str) -> float:
    """A number in [0, 1) that depends on the name alone, evenly spread."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 16**8


def split_of(module: str) -> str:
    """The split of everything in the module's package."""
    at = place(module.split(".")[0])
    return SPLITS[0] if at < _ENDS[0] else SPLITS[1] if at < _ENDS[1] else SPLITS[2]


def unseen(block: str) -> bool:
    """Whether a paragraph cannot be in the train split of `pydocs` and `english`."""
    text = pydocs.clean(block)
    learned = pydocs.split_of(pydocs.key_of(text)) == "train"
    return not (learned and pydocs.is_prose(block, text))


def described(tree: ast.Module) -> Iterator[tuple[bool, str]]:
    """Whether it is a thing, and the docstring, of a module and every definition in it."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, docstrings._DEFINITIONS) and (doc := ast.get_docstring(node, False)):
            yield isinstance(node, ast.Module | ast.ClassDef), inspect.cleandoc(doc)
        inner = [child for block in docstrings._BLOCKS for child in getattr(node, block, ())]
        stack.extend(reversed(inner))


@functools.cache
def _things() -> tuple[Item, ...]:
    root, found = Path(sysconfig.get_path("stdlib")), {}
    with docstrings._collector_off(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in docstrings.modules(root):
            module = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError, OSError):
                continue
            for thing, doc in described(tree):
                block = doc.split("\n\n")[0]
                text, key = pydocs.clean(block), pydocs.key_of(block)
                fits = _WORDS[0] <= len(text.split()) <= _WORDS[1] and unseen(block)
                if fits and (thing or place(key) < _KEPT):
                    found.setdefault(key, Item(text, int(thing), module))
    return tuple(found.values())


def thing_or_action(split: str | None = None) -> list[Item]:
    """The docstrings' first paragraphs of a split (of all without one); 1 is a thing."""
    check_split(split)
    return [item for item in _things() if split in (None, split_of(item.source))]


def water(split: str, n: int = 1_100) -> list[Item]:
    """The first ``n`` stories of a split that have walked on and come to "by the"; 1 is near water.

    Words are separated by spaces. No text stands in two splits (with the default numbers).
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    found: dict[str, Item] = {}
    for story in tales.sample(seed=_SEEDS[split], n=10 * n):
        asked = [i for i in range(2, len(story)) if story[i - 1 : i + 1] == ["by", "the"] and i > 2]
        if asked and "walked" in story[: asked[-1]]:
            text, now = " ".join(story[: asked[-1] + 1]), story[asked[-1] + 1]
            found.setdefault(text, Item(text, int(now in WATER), "tales"))
        if len(found) == n:
            break
    return list(found.values())

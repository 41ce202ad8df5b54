"""The reader's own texts as passages: every .txt, .md and .rst file below a folder.

    >>> passages(Path("notes"))[0]
    Passage(text='…', source='notes/cats.md:3')

Chapter: applications/question_answering.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from llmbook.retrieval.answer import Passage
from llmbook.text.normalise import decode

KINDS = (".txt", ".md", ".rst")
LIMIT = 20_000_000  # bytes in all: an index of more takes minutes and gigabytes
LONGEST = 1_000  # characters of a passage; longer paragraphs are cut between words


def files(folder: Path) -> list[Path]:
    """The text files below a folder, sorted; hidden files and folders are left out.

    Raises FileNotFoundError, NotADirectoryError, or ValueError when there is no such file.
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}; the current one is {Path.cwd()}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give the folder that holds it")
    found = []
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        paths = (Path(place, n) for n in names if not n.startswith("."))
        found += [p for p in paths if p.suffix.lower() in KINDS and p.is_file()]
    if not found:
        kinds = ", ".join(KINDS)
        raise ValueError(f"{folder} holds no text: no file below it ends in one of {kinds}")
    return sorted(found)


def _refuse(error: OSError) -> None:
    """A folder that may not be read is an error, not an empty folder."""
    raise error


def passages(folder: Path, limit: int = LIMIT) -> list[Passage]:
    """The paragraphs of all text files below a folder, each with its file and line.

    limit: how many bytes are taken at most, in all; sizes are looked at before anything is read.
    Raises the errors of `files`, and ValueError for too much text, a file that holds binary data
    or is not UTF-8, and files without a word.
    """
    paths = files(folder)
    sizes = {path: path.stat().st_size for path in paths}
    if (total := sum(sizes.values())) > limit:
        largest = max(sizes, key=sizes.get)
        raise ValueError(
            f"{folder} holds {total / 1e6:,.1f} MB of text, at most {limit / 1e6:,.0f} MB can be "
            f"searched (the largest file is {largest}, {sizes[largest] / 1e6:,.1f} MB); give a "
            "smaller folder"
        )
    found = [passage for path in paths for passage in _of_file(path)]
    if not found:
        raise ValueError(f"the {len(paths)} text files below {folder} hold no word")
    return found


def _of_file(path: Path) -> Iterator[Passage]:
    raw = path.read_bytes()
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(
            f"{path} holds binary data (a zero byte at offset {raw.index(0)}), not text; remove "
            "the file from the folder or give it its true ending"
        )
    text = decode(raw, str(path)).replace("\r\n", "\n").replace("\r", "\n")
    line, start = 1, 0
    for block in re.finditer(r"\S(?:.|\n(?![ \t]*(?:\n|\Z)))*", text):
        line, start = line + text.count("\n", start, block.start()), block.start()
        for piece in pieces(" ".join(block.group().split())):
            if re.search(r"[^\W_]", piece):
                yield Passage(piece, f"{path.as_posix()}:{line}")


def pieces(text: str, longest: int = LONGEST) -> Iterator[str]:
    """A paragraph in parts of at most ``longest`` characters, cut between words where there are."""
    while len(text) > longest:
        cut = text.rfind(" ", 0, longest + 1)
        cut = cut if cut > 0 else longest
        yield text[:cut]
        text = text[cut:].lstrip()
    yield text

"""The reader's own text: a UTF-8 file, or an error that says which byte is wrong and where."""

from __future__ import annotations

from pathlib import Path

from llmbook.text.normalise import decode


def text_file(path: str | Path) -> str:
    """The text of a UTF-8 file; a byte-order mark is dropped and line ends become ``\\n``.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: with the path and what to do.
        ValueError: the file is empty, holds a single character (there is no next character to
            learn), or is not UTF-8; the message then names the byte, its offset and its line.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the path of one text file")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {path}; the current folder is {Path.cwd()}"
        ) from None
    except PermissionError:
        raise PermissionError(f"{path} may not be read; change its permissions") from None
    text = decode(raw, str(path)).replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < 2:
        found = "is empty" if not text else f"holds the single character {text!r}"
        raise ValueError(f"{path} {found}; a model needs at least two characters to learn from")
    return text

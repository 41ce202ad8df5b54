"""The reader's own text: a UTF-8 file, or an error that says which byte is wrong and where."""

from __future__ import annotations

from pathlib import Path


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
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(_encoding_fault(path, raw, error)) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < 2:
        found = "is empty" if not text else f"holds the single character {text!r}"
        raise ValueError(f"{path} {found}; a model needs at least two characters to learn from")
    return text


def _encoding_fault(path: Path, raw: bytes, error: UnicodeDecodeError) -> str:
    """What is wrong with the bytes, where, and the command that mends it."""
    for mark, name in ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if raw.startswith(mark):
            return (
                f"{path} begins with the bytes {mark.hex(' ')}: it is {name}, not UTF-8; convert "
                f"it: iconv -f {name} -t UTF-8 {path.name} > converted.txt"
            )
    # With a byte-order mark the decoder counts from behind it.
    offset = error.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
    line = raw.count(b"\n", 0, offset) + 1
    return (
        f"{path} is not UTF-8: byte 0x{raw[offset]:02x} at offset {offset} (line {line}): "
        f"{error.reason}; find its real encoding and convert it, for example: "
        f"iconv -f WINDOWS-1252 -t UTF-8 {path.name} > converted.txt"
    )

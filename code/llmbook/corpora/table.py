"""The reader's own table: a CSV file in UTF-8, or an error that says what is wrong and where."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from llmbook.text.normalise import decode

LARGEST = 200_000_000  # bytes: what is read into memory at once


class Table(NamedTuple):
    """The columns' names, the rows, and the line of the file on which each row ends."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_table(path: str | Path, columns: Sequence[str], delimiter: str = ",") -> Table:
    """The table of a CSV file whose first row names its columns; empty lines are passed over.

    Args:
        columns: names that the header must hold, each once, and whose fields must not be empty.
        delimiter: the character between fields.

    Raises:
        FileNotFoundError, IsADirectoryError: with the path.
        ValueError: the file is too large, empty, binary or not UTF-8; a quotation mark is never
            closed; a row has another number of fields than the header; a column is missing, there
            twice, or empty in a row. The message names the line.
    """
    text = _text(Path(path))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(_fault(str(path), reader.line_num, error)) from None
    if not rows:
        raise ValueError(f"{path} is empty; expected a row of column names, and rows below it")
    header = [name.strip() for name in rows[0]]
    _check_header(str(path), header, columns, delimiter)
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(header):
            raise ValueError(
                f"{path}, line {line}: the row has {len(row)} fields, the header {len(header)}; "
                f"a text that holds {delimiter!r} or a line end must stand in double quotes"
            )
        if empty := [name for name in columns if not row[header.index(name)].strip()]:
            raise ValueError(f"{path}, line {line}: the column {empty[0]!r} is empty; fill it in")
    if len(rows) == 1:
        raise ValueError(f"{path} has column names and no rows below them")
    return Table(header, rows[1:], lines[1:])


def _text(path: Path) -> str:
    """The file's text; errors as `read_table` promises."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the path of one CSV file")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if (size := path.stat().st_size) > LARGEST:
        raise ValueError(f"{path} has {size:,} bytes, at most {LARGEST:,} are read; give a part")
    raw = path.read_bytes()
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ValueError(f"{path} is a workbook or an archive, not CSV; save it as CSV in UTF-8")
    text = decode(raw, str(path))
    if "\0" in text:
        raise ValueError(f"{path} holds zero bytes, so it is a binary file and not CSV")
    return text


def _fault(path: str, line: int, error: csv.Error) -> str:
    """What the csv module found, in words for people."""
    said = str(error)
    if "unexpected end" in said or "field larger" in said:
        what = "a double quote opens a field and is never closed"
    elif "expected after" in said:
        what = 'a double quote stands inside a quoted field; write it twice ("")'
    else:
        what = said
    return f"{path}, line {line}: {what}"


def _check_header(path: str, header: list[str], columns: Sequence[str], delimiter: str) -> None:
    for name in columns:
        if header.count(name) == 1:
            continue
        found = ", ".join(repr(h[:40]) for h in header[:20])
        if name in header:
            raise ValueError(f"{path} has the column {name!r} {header.count(name)} times: {found}")
        hint = ""
        if len(header) == 1:
            others = [d for d in (";", "\t", ",", "|") if d != delimiter and d in header[0]]
            hint = f"; perhaps {others[0]!r} is what separates its fields" if others else ""
        raise ValueError(f"{path} has no column {name!r}; it has {found}{hint}")

"""Files that are written whole or not at all.

A file is written beside its goal, flushed to the disk and then renamed, so that at every moment
the name holds either the whole earlier file or the whole new one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: str | Path, data: bytes) -> None:
    """Put ``data`` at ``path`` so that no moment, no full disk and no interruption leaves a
    half-written file there: write beside it, flush to the disk, rename.

    Raises OSError when it cannot be written; the earlier file stays as it was.
    """
    goal = goal_of(path)
    temporary = beside(goal)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, goal)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _flush_folder(goal.parent)


def goal_of(path: str | Path) -> Path:
    """The file itself where ``path`` is a link: the link stays a link."""
    return Path(os.path.realpath(path))


def beside(goal: Path) -> Path:
    """A name in the same folder (a rename is atomic only within one file system)."""
    return goal.with_name(f".{goal.name}.{secrets.token_hex(4)}.tmp")


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut, where the system allows it."""
    with contextlib.suppress(OSError):  # Windows opens no folders; the file is whole anyway
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

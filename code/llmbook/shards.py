"""A text too long for memory: token files on the disk that look like one `Stream`.

    write_shards(tokenizer.encode_iterable(lines), "corpus", shard_tokens=10**8)
    data = Shards("corpus", context=1024)
    inputs, targets = data.batch(step=0, batch_size=32, seed=0)   # reads 32 windows, no more

What it adds over `Stream`: the row of ids is not a tensor but a list of memory-mapped files, of
which the system reads the pages that a batch touches and forgets them again. The same ids give
the same batches, however they are cut into files.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llmbook.data import Stream

SUFFIXES = (".npy", ".bin")  # numpy's own format; bare uint16 numbers, as nanoGPT writes them


class _Row:
    """The ids of all files behind one another; ``row[places]`` reads those alone."""

    def __init__(self, files: Sequence[Path]):
        self.files = files
        self.parts = [_mapped(file) for file in files]
        self.ends = np.cumsum([len(part) for part in self.parts])  # [number of files]

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, places: Tensor) -> Tensor:
        """The ids at ``places`` (any shape, int64), as a tensor of that shape."""
        flat = places.numpy().reshape(-1)
        which = np.searchsorted(self.ends, flat, side="right")  # the file of each place
        ids = np.empty(flat.shape, dtype=np.int64)
        for number in np.unique(which):
            mine = which == number
            start = self.ends[number] - len(self.parts[number])
            ids[mine] = self.parts[number][flat[mine] - start]
        return torch.from_numpy(ids.reshape(places.shape))


class Shards(Stream):
    """The files of a folder (or a list of files), in the order of their names, as one Stream.

    Raises ValueError when there is no file, one holds no row of whole numbers, or all together
    are shorter than context + 1; FileNotFoundError for a folder or file that is not there.
    """

    def __init__(self, files: str | Path | Sequence[str | Path], context: int):
        if context < 1:
            raise ValueError(f"context is {context}; expected at least 1.")
        self.ids = _Row(_listed(files))
        if len(self.ids) < context + 1:
            raise ValueError(
                f"the files hold {len(self.ids)} tokens; a context of {context} needs at least "
                f"{context + 1}. Give more files or a shorter context."
            )
        self.longest = context
        self.padding = int(self.ids[torch.zeros(1, dtype=torch.int64)])

    def fingerprint(self) -> str:
        """A hash of the length and of 64 samples of 4,096 ids, for all of it would take long to
        read. It does not depend on how the ids are cut into files."""
        size, span = len(self.ids), 4096
        total = hashlib.sha256(f"Shards/{self.longest}/{size}/".encode())
        for start in np.linspace(0, max(0, size - span), 64).astype(np.int64):
            here = torch.arange(int(start), min(size, int(start) + span))
            total.update(self.ids[here].numpy().tobytes())
        return total.hexdigest()[:16]


def write_shards(
    ids: Iterable[int], folder: str | Path, shard_tokens: int = 10**8, dtype: str = "uint16"
) -> list[Path]:
    """Write a stream of ids into numbered .npy files, in the memory of one file.

    Every file is whole or not there. Raises ValueError for ids that ``dtype`` cannot hold, and
    FileExistsError when the folder holds shards already: two corpora would run into one.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.npy")) or any(folder.glob("*.bin")):
        raise FileExistsError(f"{folder} holds shards already; empty it or give another folder.")
    written, source, kind = [], iter(ids), np.dtype(dtype)
    while part := list(islice(source, shard_tokens)):
        row, top = np.array(part, dtype=np.int64), np.iinfo(kind).max
        if row.min() < 0 or row.max() > top:
            raise ValueError(
                f"the ids run from {row.min()} to {row.max()}; {dtype} holds 0 to {top}. Give "
                "dtype='uint32', or encode with a smaller vocabulary."
            )
        path = folder / f"{len(written):06}.npy"
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            np.save(file, row.astype(kind))
        os.replace(temporary, path)
        written.append(path)
    return written


def _listed(files: str | Path | Sequence[str | Path]) -> list[Path]:
    if isinstance(files, str | Path):
        folder = Path(files)
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}; give one that holds shards.")
        files = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)
        if not files:
            raise ValueError(f"{folder} holds no file that ends in {' or '.join(SUFFIXES)}.")
    return [Path(file) for file in files]


def _mapped(file: Path) -> np.ndarray:
    """The file's ids, read when they are looked at."""
    if file.suffix == ".bin":
        if file.stat().st_size % 2:
            raise ValueError(f"{file} is cut short: uint16 numbers take two bytes each.")
        return np.memmap(file, dtype="<u2", mode="r")
    try:
        row = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file} is no whole .npy file ({error}); write it again.") from error
    if row.ndim != 1 or row.dtype.kind not in "ui":
        raise ValueError(
            f"{file} holds {row.dtype} numbers of shape {row.shape}; expected one row of whole "
            "numbers."
        )
    return row

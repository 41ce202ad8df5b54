"""`make run`: pair every chapter with its notebook and execute those that are stale.

    python book/tools/run_chapters.py                       # what changed
    python book/tools/run_chapters.py --force PATH.md …     # these, changed or not

Two chapters run at a time, each in a fresh process in the one environment of the tests. A
notebook is replaced whole when its run succeeded; when a cell fails, the cell and its error are
shown and the old notebook stays as it was.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import one_environment
from chapters import EDITIONS, ROOT, Chapter, chapters

AT_ONCE = 2
SLOW = 120  # seconds: the bound that a chapter keeps on two cores
CELL_TIMEOUT = 900  # seconds: a cell that hangs ends the run with its name, not silence


@dataclass(frozen=True)
class Outcome:
    """What became of one chapter's run. `error` is empty when it succeeded."""

    name: str
    seconds: float
    peak_bytes: int
    error: str = ""


def execute(chapter: Chapter, on_cell: Callable[[int, int], None] | None = None) -> Outcome:
    """Run every cell of a chapter and store its notebook if all went well.

    `on_cell(number, total)` is called as each code cell begins.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = chapter.paired()
    fingerprint = chapter.fingerprint()  # before the run: a file edited meanwhile stays stale
    total = sum(c.cell_type == "code" for c in notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cell.metadata.pop("execution", None)
    started, done = time.perf_counter(), 0

    def begin(cell: dict, **_: object) -> None:
        nonlocal done
        if cell["cell_type"] == "code":
            done += 1
            if on_cell:
                on_cell(done, total)

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        # Else each kernel says that its sockets (of this machine to itself) are not encrypted.
        extra_arguments=["--IPKernelApp.log_level=40"],
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(chapter.md.parent)}},
        on_cell_execute=begin,
    )
    error = ""
    with PeakMemory() as memory:
        try:
            client.execute()
        except CellExecutionError as failure:
            error = f"code cell {done} of {total} failed:\n{_plain(str(failure))}"
        except CellTimeoutError:
            error = f"code cell {done} of {total} did not end within {CELL_TIMEOUT} s"
        except DeadKernelError:
            error = f"the kernel died in code cell {done} of {total} (out of memory?)"
    seconds = time.perf_counter() - started
    if not error:
        notebook.metadata.get("language_info", {}).pop("version", None)
        notebook.metadata["llmbook"] = {"hash": fingerprint}
        chapter.write(notebook)
    return Outcome(chapter.name, seconds, memory.peak, error)


class PeakMemory:
    """The largest resident memory of this process's children, in bytes, sampled while inside."""

    def __init__(self, every: float = 0.1) -> None:
        self.peak = 0
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        me = psutil.Process()
        while not self._stop.wait(self._every):
            total = 0
            for child in me.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:  # it ended between the list and the question
                    continue
            self.peak = max(self.peak, total)


def select(paths: list[str], root: Path = ROOT) -> list[Chapter]:
    """The chapters named on the command line (all of them for none).

    A text, its notebook, a folder, or a bare slug (`rnn`) names a chapter. Raises ValueError
    with the known ones.
    """
    known = chapters(root)
    if not paths:
        return known
    chosen = []
    for path in paths:
        stem = Path(path.removesuffix(".md").removesuffix(".ipynb"))
        places = {root / stem, *(root / edition / stem for edition in EDITIONS)}
        found = [
            c
            for c in known
            if c.md.stem == path or places & {c.md.with_suffix(""), *c.md.parents[:-1]} - {root}
        ]
        if not found:
            names = "\n  ".join(c.name for c in known) or "none yet"
            raise ValueError(f"there is no chapter {path!r}. There are:\n  {names}")
        chosen += found
    return list(dict.fromkeys(chosen))


def run(todo: list[Chapter]) -> list[Outcome]:
    """Execute chapters, `AT_ONCE` at a time, showing how far they are."""
    if not todo:
        return []
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, _display(len(todo)) as display:
        queue = manager.Queue()
        # A fresh process for each chapter: nothing of one can reach another.
        with ProcessPoolExecutor(AT_ONCE, context, max_tasks_per_child=1) as pool:
            futures = {pool.submit(_work, c, queue): c for c in todo}
            outcomes = []
            listener = threading.Thread(target=_listen, args=(queue, display), daemon=True)
            listener.start()
            for future in as_completed(futures):
                outcomes.append(_outcome(future, futures[future]))
                display.finish(outcomes[-1])
            queue.put(None)
            listener.join()
    order = {c.name: i for i, c in enumerate(todo)}
    return sorted(outcomes, key=lambda o: order[o.name])


def _outcome(future: Future, chapter: Chapter) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # one broken chapter must not hide what became of the others
        return Outcome(chapter.name, 0.0, 0, f"{type(error).__name__}: {error}")


def _work(chapter: Chapter, queue: Queue) -> Outcome:
    one_environment.apply(root=chapter.root)
    return execute(chapter, lambda cell, total: queue.put((chapter.name, cell, total)))


def _listen(queue: Queue, display: object) -> None:
    while (message := queue.get()) is not None:
        display.begin_cell(*message)


def _display(total: int) -> object:
    from run_display import Display

    return Display(total, SLOW)


def _plain(text: str) -> str:
    """Text without the colours that IPython puts into a traceback."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 1 when a chapter failed, 2 for a chapter that is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="*", help="a text, a folder or a slug (default: all)")
    parser.add_argument("--force", action="store_true", help="run what is not stale, too")
    parser.add_argument("--list", action="store_true", help="only say what would run")
    options = parser.parse_args(arguments)
    try:
        chosen = select(options.chapter)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    todo = [c for c in chosen if options.force or c.is_stale()]
    if options.list:
        print("\n".join(c.name for c in todo) or "nothing is stale")
        return 0
    paired = [c for c in chosen if c not in todo and c.write(c.paired())]
    for chapter in paired:
        print(f"{chapter.name}: only its words changed; paired again, nothing to execute")
    if not todo:
        print(f"{len(chosen)} chapters, none stale")
        return 0
    outcomes = run(todo)
    return 1 if any(o.error for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

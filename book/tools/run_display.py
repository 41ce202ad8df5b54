"""What `make run` shows: a bar over the chapters, then a table of times and memory."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


class Display:
    """A progress bar on a terminal, one line for each finished chapter elsewhere.

    Used as a context; leaving it prints the table, then each failure.
    """

    def __init__(self, total: int, slow: float) -> None:
        self._slow = slow
        self._console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._all = self._progress.add_task("chapters", total=total)
        self._tasks: dict[str, int] = {}
        self._outcomes: list = []

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def begin_cell(self, name: str, cell: int, total: int) -> None:
        """A code cell of a chapter begins."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(f"  {escape(name)}", total=total)
        self._progress.update(self._tasks[name], completed=cell - 1)

    def finish(self, outcome: object) -> None:
        """A chapter has ended, well or not."""
        self._outcomes.append(outcome)
        if outcome.name in self._tasks:
            self._progress.remove_task(self._tasks[outcome.name])
        self._progress.advance(self._all)
        mark = "[red]✘[/red]" if outcome.error else "[green]✔[/green]"
        self._progress.console.print(f"{mark} {escape(outcome.name)}  {outcome.seconds:.0f} s")

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if not self._outcomes:
            return
        self._console.print(self._table())
        for outcome in self._outcomes:
            if outcome.error:
                self._console.rule(f"[red]{escape(outcome.name)}[/red]")
                self._console.print(escape(outcome.error), soft_wrap=True)
                self._console.print("Its notebook was left as it was.")
            elif outcome.seconds > self._slow:
                self._console.print(
                    f"[yellow]{escape(outcome.name)} took {outcome.seconds:.0f} s; a chapter "
                    f"stays under {self._slow:.0f} s: train fewer steps or a smaller model.[/]"
                )

    def _table(self) -> Table:
        table = Table()
        table.add_column("chapter")
        table.add_column("seconds", justify="right")
        table.add_column("peak memory (MB)", justify="right")
        for outcome in sorted(self._outcomes, key=lambda o: o.name):
            table.add_row(
                escape(outcome.name) + (" [red]failed[/red]" if outcome.error else ""),
                f"{outcome.seconds:.1f}",
                f"{outcome.peak_bytes / 1e6:.0f}",
            )
        return table

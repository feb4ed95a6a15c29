"""What people see on a terminal: messages, tables with units, progress bars with the time left."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from tlmlp.text import one_line


class Messages(Console):
    """A terminal for words that may come from files: what is printed stays as it is, [x] and :smile: too."""

    def __init__(self) -> None:
        super().__init__(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def marked(self, style: str, mark: str, text: object = "") -> None:
        """Print ``mark`` in the ``style`` (a colour, "bold") and ``text`` behind it as it is."""
        self.print(Text.assemble((mark, style), f" {text}" if text else ""))

    def warn(self, text: object) -> None:
        """``warning: TEXT``."""
        self.marked("yellow", "warning:", text)

    def note(self, text: object) -> None:
        """``note: TEXT``."""
        self.marked("yellow", "note:", text)


#: Messages and progress; results go to standard output.
console = Messages()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = True) -> None:
    """Print a table on standard output; the first column is left-aligned, the rest right-aligned if they are numbers."""
    out = Table(title=Text(one_line(title)), title_justify="left")
    for n, column in enumerate(columns):
        out.add_column(Text(column), justify="right" if numbers and n > 0 else "left")
    for row in rows:
        out.add_row(*("" if cell is None else Text(one_line(str(cell))) for cell in row))
    width = None if sys.stdout.isatty() else 140
    Console(file=sys.stdout, highlight=False, width=width).print(out)


class _Lines:
    """Progress for logs: one line at most every ten seconds, and one at the end."""

    def __init__(self, description: str, total: int):
        self.description, self.total, self.done = description, total, 0
        self.start = self.last = time.monotonic()

    def advance(self, n: int = 1, note: str = "") -> None:
        self.done += n
        now = time.monotonic()
        if self.done >= self.total or now - self.last > 10.0:
            self.last = now
            spent = now - self.start
            left = spent / max(self.done, 1) * (self.total - self.done)
            console.print(
                f"{self.description}: {self.done}/{self.total}, {spent:.0f} s, {left:.0f} s left {note}".rstrip()
            )


class _Bar:
    def __init__(self, bars: Progress, task: TaskID):
        self.bars, self.task = bars, task

    def advance(self, n: int = 1, note: str = "") -> None:
        self.bars.update(self.task, advance=n, note=note)


@contextmanager
def progress(description: str, total: int) -> Iterator[_Lines | _Bar]:
    """A bar with time left on a terminal, plain lines elsewhere; call ``.advance(n, note)`` as work gets done."""
    if not console.is_terminal:
        yield _Lines(description, total)
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
    ) as bars:
        yield _Bar(bars, bars.add_task(description, total=total, note=""))

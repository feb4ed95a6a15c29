"""What people see while Snakemake works: one line per finished command, with the time left."""

from __future__ import annotations

import re
import time

from tlmlp.console import console

_STARTED = re.compile(r"^(?:local)?rule (\w+):")
_JOB = re.compile(r"^ +jobid: (\d+)")
_FINISHED = re.compile(r"^Finished job(?:id:)? (\d+)")
_STATS_ROW = re.compile(r"^(\w+) +(\d+)$")
_PROBLEM = re.compile(r"error|exception|missing", re.IGNORECASE)


class Progress:
    """Reads Snakemake's lines."""

    def __init__(self, jobs: int):
        self.jobs = jobs
        #: Commands still to do by rule, from the table that Snakemake prints first.
        self.remaining: dict[str, int] = {}
        self.total = 0
        self._running: dict[str, tuple[str, float]] = {}
        self._seconds: dict[str, list[float]] = {}
        self._rule = ""
        self._in_stats = False

    def line(self, text: str) -> None:
        """Take one line of Snakemake's."""
        if text.startswith("Job stats:"):
            self._in_stats = not self.total  # a repeated table is of what is left already
        elif self._in_stats and (match := _STATS_ROW.match(text)):
            self._count(match[1], int(match[2]))
        elif match := _STARTED.match(text):
            self._rule = match[1]
        elif match := _JOB.match(text):
            self._running.setdefault(match[1], (self._rule, time.monotonic()))
        elif match := _FINISHED.match(text):
            self._finish(match[1])
        elif _PROBLEM.search(text) and not text.startswith(" "):
            console.print(text)

    def _count(self, rule: str, count: int) -> None:
        if rule == "total":
            self._in_stats = False
            self.total = sum(self.remaining.values())
        elif rule != "all":
            self.remaining[rule] = count

    def _finish(self, job: str) -> None:
        rule, started = self._running.pop(job, ("", 0.0))
        if rule not in self.remaining:
            return
        self.remaining[rule] -= 1
        seconds = time.monotonic() - started
        self._seconds.setdefault(rule, []).append(seconds)
        done = self.total - sum(self.remaining.values())
        console.print(f"{done}/{self.total} {rule}, {seconds:.0f} s; {self._left()}")

    def _left(self) -> str:
        """Time left, from the mean time of each rule so far; rules that have not run yet count as the mean of all."""
        every = [second for times in self._seconds.values() for second in times]
        mean = sum(every) / len(every)
        seconds = 0.0
        for rule, count in self.remaining.items():
            times = self._seconds.get(rule)
            seconds += count * (sum(times) / len(times) if times else mean)
        seconds /= self.jobs
        if seconds < 90:
            return f"{seconds:.0f} s left"
        return f"{seconds / 60:.0f} minutes left" if seconds < 5400 else f"{seconds / 3600:.1f} hours left"

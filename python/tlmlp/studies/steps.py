"""The quickstart is a list of steps: command lines that can be repeated by hand, each done once and remembered.

The studies run by Snakemake, the quickstart does not: Snakemake would add 42 packages (64 MB, 40 s of processor time to
install) to what ``scripts/setup.sh`` needs, and Python 3.11.
"""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json, atomic_write_text


@dataclass(frozen=True)
class Step:
    """One command of a study, run in the study's folder; ``argv`` names files relative to it."""

    name: str
    argv: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command line to repeat the step, run in the study's folder."""
        return shlex.join(self.argv)


class Runner:
    """Runs the steps of a study in the folder ``out``; a step whose stamp has the same command is not run again."""

    def __init__(self, out: Path):
        self.out = out
        self.steps: list[Step] = []

    def run(self, *steps: Step, threads: int = 1) -> None:
        """Run ``steps`` side by side, ``threads`` threads each; standard output goes to ``logs/NAME.log``.

        Raises TlmlpError with the failing step's last line when one fails; the others end first.
        """
        self.steps += steps
        waiting = [step for step in steps if not self.is_done(step)]
        for step in steps:
            console.marked("bold", step.name, f" {step.command if step in waiting else 'done before'}")
        running = [(step, self._start(step, threads, alone=len(waiting) == 1)) for step in waiting]
        failures = [failure for step, process in running if (failure := self._finish(step, process))]
        if failures:
            raise TlmlpError("; ".join(failures))

    def seconds(self, step_name: str) -> float:
        """Wall time that a step took when it was run."""
        return json.loads(self._stamp(step_name).read_text())["seconds"]

    def _stamp(self, name: str) -> Path:
        return self.out / "logs" / f"{name}.done.json"

    def is_done(self, step: Step) -> bool:
        """Whether this very command was run here before, to its end."""
        stamp = self._stamp(step.name)
        return stamp.is_file() and json.loads(stamp.read_text())["argv"] == list(step.argv)

    def _start(self, step: Step, threads: int, alone: bool) -> "_Running":
        argv = [sys.executable, "-m", "tlmlp", *step.argv[1:]] if step.argv[0] == "tlmlp" else list(step.argv)
        # Waiting threads sleep: spinning ones stall a run wherever the machine has other work to do.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
        programs = str(Path(sys.executable).parent)  # lmp of this environment, activated or not
        environment["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
        draws = alone and console.is_terminal  # a lone step draws its own progress bar
        process = subprocess.Popen(
            argv,
            cwd=self.out,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if draws else subprocess.PIPE,
        )
        running = _Running(process, time.monotonic())
        prefix = "" if alone else f"{step.name}: "
        running.relay(process.stdout, None if step.argv[0] == "tlmlp" else prefix)  # tables are for the log
        running.relay(process.stderr, prefix)
        return running

    def _finish(self, step: Step, running: "_Running") -> str | None:
        status = running.wait()
        atomic_write_text(self.out / "logs" / f"{step.name}.log", "\n".join([f"$ {step.command}", *running.lines, ""]))
        if status:
            lines = [line for line in running.lines if line.strip()] or ["no output"]
            reason = next((line for line in reversed(lines) if "rror" in line), lines[-1])
            return f"{step.name} ended with status {status}: {reason} (see {self.out}/logs/{step.name}.log)"
        seconds = round(time.monotonic() - running.start, 2)
        atomic_write_json(self._stamp(step.name), {"argv": list(step.argv), "seconds": seconds})
        return None


@dataclass
class _Running:
    process: subprocess.Popen[str]
    start: float
    lines: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def relay(self, stream: IO[str] | None, prefix: str | None) -> None:
        """Collect the lines of ``stream`` and show them behind ``prefix`` unless it is None."""

        def read() -> None:
            for line in stream or ():
                self.lines.append(line.rstrip())
                if prefix is not None and line.strip():
                    console.print(f"  {prefix}{line.rstrip()}")

        self.threads.append(threading.Thread(target=read, daemon=True))
        self.threads[-1].start()

    def wait(self) -> int:
        for thread in self.threads:
            thread.join()
        return self.process.wait()


def tlmlp(*arguments: str | Path) -> tuple[str, ...]:
    """``argv`` of a ``tlmlp`` command."""
    return ("tlmlp", *map(str, arguments))

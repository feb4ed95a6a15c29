"""A process that runs replicas in LAMMPS one after the other: tasks come as lines of JSON, answers go back likewise.

It ends with its parent, in the midst of a run too, so that nothing of a killed test keeps running.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlmlp.errors import TlmlpError

#: s between two messages about progress.
EVERY = 0.5


class Worker:
    """The other end, in the parent. One thread may use it."""

    def __init__(self) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tlmlp.analysis.stability_worker", str(os.getpid())],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, task: dict[str, Any], progress: Callable[[int], None]) -> dict[str, Any]:
        """The record of a run.

        :raises TlmlpError: when the run could not start, or the process ended in it
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self._process.stdout:
            answer = json.loads(line)
            if "steps" in answer:
                progress(answer["steps"])
            elif "error" in answer:
                raise TlmlpError(answer["error"])
            else:
                return answer["record"]
        status = self._process.wait()
        raise TlmlpError(
            f"the process of the run of {task['name']} with seed {task['seed']} ended with status {status}: the same command "
            "does this run again"
        )

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


def main() -> None:
    """Tasks until the input ends."""
    from tlmlp.analysis.monitor import RunFiles
    from tlmlp.analysis.replicas import run_in_lammps
    from tlmlp.analysis.stability_settings import StabilitySettings

    parent = int(sys.argv[1])
    # What libraries print must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    waiting, last = 0, time.monotonic()

    def progress(steps: int) -> None:
        nonlocal waiting, last
        if os.getppid() != parent:
            os._exit(1)
        waiting += steps
        if waiting and time.monotonic() - last > EVERY:
            say(steps=waiting)
            waiting, last = 0, time.monotonic()

    for line in sys.stdin:
        task = json.loads(line)
        settings = StabilitySettings.model_validate(task["settings"])
        files = RunFiles(Path(task["out"]), task["name"], task["seed"])
        try:
            record = run_in_lammps(settings, Path(task["model"]), files, progress)
        except (TlmlpError, OSError) as error:
            say(error=" ".join(str(error).split()))
            continue
        say(steps=waiting + settings.steps - record["steps"])
        waiting = 0
        say(record=record)


if __name__ == "__main__":
    main()

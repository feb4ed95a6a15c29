"""Kill a training with SIGKILL at the n-th time it replaces a file or finishes an update, for many n; go on each time.

usage: kill_driver.py CONFIG.yaml RUN n n n ...   each n counts the events of one process; the last one runs to the end.
A forked child does the work, so that torch is imported once.
"""

import os
import signal
import sys

import ase.io
import torch

from tlmlp.train import fit, resume
from tlmlp.train.loop import launch, trainer

torch.set_num_threads(1)
assert ase.io  # slow imports, made once and not in every child


def run_until(event: int | None, config: str, run: str) -> int:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == event:
            os.kill(os.getpid(), signal.SIGKILL)

    replace, update = os.replace, trainer.Trainer._one_update

    def replace_and_count(*paths) -> None:
        count()  # the new file is complete but has not taken its place
        replace(*paths)
        count()

    def update_and_count(self) -> None:
        update(self)
        count()

    os.replace, trainer.Trainer._one_update = replace_and_count, update_and_count
    try:
        started = any(
            name.endswith(".pt") for _, _, names in os.walk(os.path.join(run, "checkpoints")) for name in names
        )
        result = resume(run) if started else fit(config, run)
        os._exit(0 if result.finished else 3)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(4)


config_file, run_folder, *events = sys.argv[1:]
launch.print_errors = lambda title, comparisons: None
for event in events:
    status = run_until(int(event), config_file, run_folder)
    if not os.WIFSIGNALED(status):
        sys.exit(f"event {event}: the process ended with status {status} before it was killed")
if status := run_until(None, config_file, run_folder):
    sys.exit(f"the last process ended with status {status}")

"""One process per run directory."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tlmlp.errors import TlmlpError


@contextmanager
def run_lock(run: Path) -> Iterator[None]:
    """Hold the directory ``run`` (made where needed); the lock goes away with the process, however it ends.

    Half-written files that a killed process left behind are removed.

    :raises TlmlpError: when another process holds it, or it cannot be written
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        handle = os.open(run / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise TlmlpError(f"{run}: cannot be used as a run directory ({error.strerror})") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            raise TlmlpError(f"{run}: in use by {holder}; wait for it, or choose another directory") from None
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        for folder in (run, run / "checkpoints"):
            for part in folder.glob(".*.part"):
                part.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)

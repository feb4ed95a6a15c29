"""One process per run directory."""

import errno
import fcntl
import os
import socket
import stat
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
        # A link in somebody else's folder must not lead out of it: the lock is written, half-written files are deleted.
        if (run / "checkpoints").is_symlink():
            raise TlmlpError(f"{run}: its checkpoints are a link to another folder; put the folder itself there")
        handle = os.open(run / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise TlmlpError(f"{run}: its .lock is a link to another file; remove the link") from None
        raise TlmlpError(f"{run}: cannot be used as a run directory ({error.strerror})") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise TlmlpError(f"{run}: its .lock is no file of its own; remove it")
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

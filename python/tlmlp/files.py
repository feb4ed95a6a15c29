"""Files that are either the old or the new version, whatever happens while they are written."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from tlmlp.errors import TlmlpError


def atomic_write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` through a temporary file beside it, synced to disk, then renamed over it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    # The permissions are those of any new file; asking for the umask would change it for other threads for a moment.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_out(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that results could not be written to, before they are computed; nothing of the try is left.

    :raises TlmlpError: with the reason
    """
    folder = Path(folder)
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    probe = folder / f".{secrets.token_hex(6)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise TlmlpError(f"{folder} cannot hold the results: {error.strerror}; choose another --out") from None
    finally:
        for one in made:
            with contextlib.suppress(OSError):
                one.rmdir()


def remove_parts(path: str | os.PathLike[str]) -> None:
    """Delete the temporary files that killed writers of ``path`` left beside it; those that are being written stay."""
    path = Path(path)
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        try:
            with part.open("rb") as stream:
                if time.time() - os.fstat(stream.fileno()).st_mtime > 60.0:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    part.unlink()
        except OSError:
            pass


def atomic_write_text(path: str | os.PathLike[str], text: str) -> None:
    """:func:`atomic_write_bytes` for UTF-8 text."""
    atomic_write_bytes(path, text.encode())


def atomic_write_json(path: str | os.PathLike[str], value: Any) -> None:
    """:func:`atomic_write_bytes` for JSON, indented, one trailing newline; NaN and infinity are refused."""
    atomic_write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def sha256_bytes(content: bytes) -> str:
    """Hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of the file at ``path``."""
    with open(path, "rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()

"""Fetch a file by HTTP so that only its exact, verified content ever appears under its name."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tlmlp.errors import TlmlpError

BLOCK = 1 << 16


@dataclass(frozen=True)
class Pin:
    """The expected digest of a file: its SHA-256, or the SHA-1 by which git names its content in a commit."""

    digest: str
    kind: str = "sha256"

    def of(self, path: Path) -> str:
        """Digest of the file at ``path``, of the same kind."""
        if self.kind == "sha256":
            digest = hashlib.sha256()
        else:
            digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        with open(path, "rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def matches(self, path: Path) -> bool:
        return self.of(path) == self.digest


def download(
    url: str,
    path: Path,
    pin: Pin,
    *,
    attempts: int = 4,
    wait_s: float = 1.0,
    timeout_s: float = 30.0,
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Fetch ``url`` into ``path`` unless the right file is there already.

    The bytes collect in PATH.part, from which an interrupted download continues (also in a later call); the file gets
    its name after its digest matched. Lost connections, short answers and server errors are tried again, ``attempts``
    times, waiting ``wait_s``, twice that, and so on. ``advance`` receives the number of bytes as they arrive.

    Raises :class:`TlmlpError` for an address that does not exist, for content with another digest, and for a connection
    that stays broken. Content with another digest is deleted; what came before a break is kept.
    """
    if path.is_file() and pin.matches(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(wait_s * 2.0 ** (attempt - 1))
        resumed = part.is_file() and part.stat().st_size > 0
        try:
            _fetch(url, part, timeout_s, advance)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing after the bytes that are here: a whole file, or one of another version
                pass
            elif error.code < 500 and error.code != 429:
                raise TlmlpError(f"{url}: the server answers {error.code} {error.reason}; check the address") from None
            else:
                reason = f"the server answers {error.code} {error.reason}"
                continue
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(getattr(error, "reason", None) or error) or type(error).__name__
            continue
        got = pin.of(part)
        if got == pin.digest:
            with open(part, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(part, path)
            return
        part.unlink()
        if not resumed:
            raise TlmlpError(
                f"{url}: the content has {pin.kind} {got}, expected {pin.digest}; it was thrown away. "
                "The address serves another version, or a proxy changed it"
            )
        reason = "the continued download had the wrong content"
    raise TlmlpError(
        f"{url}: gave up after {attempts} attempts ({reason}); run the command again to continue, or give "
        "a local copy with --source"
    )


def _fetch(url: str, part: Path, timeout_s: float, advance: Callable[[int], None]) -> None:
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "tlmlp", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        continued = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status == 206 and not continued:
            raise OSError("the server sent another range than asked for")
        length = answer.headers.get("Content-Length")
        came = 0
        with open(part, "ab" if continued else "wb") as stream:
            while block := answer.read(BLOCK):
                stream.write(block)
                came += len(block)
                advance(len(block))
        if length is not None and came < int(length):
            raise OSError(f"the connection ended after {came} of {length} bytes")

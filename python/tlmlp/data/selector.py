"""FILE@INDEX: which frames of which file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from tlmlp.errors import TlmlpError
from tlmlp.text import are, counted

T = TypeVar("T")

_INDEX = re.compile(r"-?\d+|(-?\d*):(-?\d*)(:-?[1-9]\d*|:)?")


def split_selector(path: str) -> tuple[Path, str | None]:
    """File and index of ``FILE@INDEX``; the index is None without one. A file whose whole name exists is that file."""
    if "@" in path and not Path(path).exists():
        file, _, index = path.rpartition("@")
        return Path(file), index
    return Path(path), None


def select(items: Sequence[T], index: str | None, path: str) -> list[T]:
    """The ``items`` that ``index`` (5, -1, :10, ::2) names.

    :raises TlmlpError: for another kind of index, and for one that no frame has
    """
    if index is None:
        return list(items)
    if not _INDEX.fullmatch(index):
        raise TlmlpError(f"{path}: the index after @ must be like 5 or :10 or ::2, got {index!r}")
    size = len(items)
    if ":" not in index:
        n = int(index)
        if not -len(items) <= n < len(items):
            raise TlmlpError(
                f"{path}: there {are(size)} {counted(size, 'frame')}, numbered from 0 to {size - 1}; "
                f"the index {n} asks for one that is not there"
            )
        return [items[n]]
    chosen = list(items)[slice(*(int(part) if part else None for part in index.split(":")))]
    if items and not chosen:
        raise TlmlpError(
            f"{path}: there {are(size)} {counted(size, 'frame')}, and the index {index!r} chooses none of them"
        )
    return chosen


def is_query(index: str | None) -> bool:
    """Whether ``index`` is a query of an ASE database (``data.db@energy<-3``)."""
    return index is not None and any(sign in index for sign in "=<>")

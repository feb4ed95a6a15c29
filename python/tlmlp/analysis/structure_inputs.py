"""What a structure analysis is given beside trajectories: their groups, and a measured curve."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatch

import numpy as np

from tlmlp.errors import TlmlpError


def group_names(paths: Sequence[str | os.PathLike[str]], patterns: Sequence[str] = ()) -> list[str]:
    """Group of each path: NAME of the first of the ``NAME=PATTERN`` that it fits; without patterns, its folder.

    :raises TlmlpError: for another form, a path that fits none, or a pattern that no path fits
    """
    if not patterns:
        folders = [os.path.dirname(os.path.abspath(path)) for path in paths]
        common = os.path.commonpath(folders) if folders else ""
        return [os.path.relpath(folder, common) if folder != common else os.path.basename(folder) for folder in folders]
    pairs = [tuple(text.split("=", 1)) for text in patterns]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise TlmlpError(f"--group takes NAME=PATTERN, got {next(p for p in patterns if not all(p.partition('=')))!r}")
    names = []
    for path in paths:
        name = next((name for name, pattern in pairs if fnmatch(os.fspath(path), pattern)), None)
        if name is None:
            raise TlmlpError(
                f"{path} fits none of the patterns {', '.join(pattern for _, pattern in pairs)} of --group"
            )
        names.append(name)
    empty = next((name for name, _ in pairs if name not in names), None)
    if empty is not None:
        raise TlmlpError(f"no trajectory is of the group {empty}")
    return names


def read_experiment(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """r (Å) and g of a CSV file of two columns, with or without a header line; r rises.

    :raises TlmlpError: when it is missing or has anything else
    """
    try:
        with open(path) as stream:
            rows = [line.replace(";", ",").split(",") for line in stream if line.strip() and not line.startswith("#")]
    except OSError as error:
        raise TlmlpError(f"{path} cannot be read: {error.strerror}") from None
    values = []
    for number, row in enumerate(rows):
        try:
            values.append([float(word) for word in row[:2]])
        except ValueError:
            if number:
                raise TlmlpError(
                    f"{path}: expected two columns of numbers, r in Å and g, got {','.join(row).strip()!r}"
                ) from None
    table = np.array(values)
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2 or not np.isfinite(table).all():
        raise TlmlpError(f"{path}: expected two columns of numbers, r in Å and g, of two lines or more")
    if (np.diff(table[:, 0]) <= 0.0).any():
        raise TlmlpError(f"{path}: r, the first column, must rise from line to line")
    return table[:, 0], table[:, 1]

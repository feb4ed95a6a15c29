"""The .cfg files of MTP (MLIP): energies in eV, forces in eV/Å, PlusStress, the virial, in eV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tlmlp.data.image import Image
from tlmlp.data.types import numbers_of_types
from tlmlp.errors import TlmlpError

_VOIGT = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}


def read_mtp(text: str, file: str, types: Sequence[str] | None) -> list[Image]:
    """The configurations of ``text``.

    :param types: elements of the types 0, 1, ...; the format has no names
    :raises TlmlpError: with the line, for blocks that are not complete, and without ``types``
    """
    lines = text.split("\n")
    images: list[Image] = []
    at = 0
    while at < len(lines):
        word = lines[at].strip()
        if not word:
            at += 1
        elif word == "BEGIN_CFG":
            end = next((k for k in range(at, len(lines)) if lines[k].strip() == "END_CFG"), None)
            if end is None:
                raise TlmlpError(f"{file}, line {at + 1}: BEGIN_CFG has no END_CFG; is the file truncated?")
            try:
                images.append(_configuration(lines[at + 1 : end], f"{file}#{len(images)}", types))
            except (ValueError, IndexError, StopIteration) as error:
                raise TlmlpError(
                    f"{file}, line {at + 1}: not a complete configuration ({error or 'entries missing'})"
                ) from None
            at = end + 1
        else:
            raise TlmlpError(f"{file}, line {at + 1}: BEGIN_CFG was expected, got {word[:40]!r}")
    return images


def _configuration(lines: list[str], source: str, types: Sequence[str] | None) -> Image:
    rows = iter([line.split() for line in lines if line.strip()])
    size = 0
    cell = np.zeros((3, 3))
    periods = 0
    values: dict[str, object] = {}
    table: np.ndarray | None = None
    columns: list[str] = []
    for row in rows:
        key = row[0].rstrip(":")
        if key == "Size":
            size = int(next(rows)[0])
        elif key.lower() == "supercell":
            periods = 0
            while periods < 3:
                words = next(rows)
                try:
                    cell[periods] = [float(w) for w in words]
                except ValueError:
                    rows = _pushed_back(words, rows)
                    break
                periods += 1
            if periods < 3:
                words = next(rows)
                columns, table = _atoms(words, rows, size)
        elif key in ("AtomData", "Atomic_data"):
            columns, table = _atoms(row, rows, size)
        elif key == "Energy":
            values["energy"] = float(next(rows)[0])
        elif key in ("PlusStress", "Virial"):
            virial = np.zeros((3, 3))
            for name, word in zip(row[1:], next(rows), strict=True):
                i, j = _VOIGT[name]
                virial[i, j] = virial[j, i] = float(word)
            values["virial"] = virial
        elif key == "Stress":
            raise TlmlpError(f"{source}: 'Stress:' has another sign than 'PlusStress:'; convert with a newer mlp")
        elif key == "Feature":
            values.setdefault(f"feature_{row[1]}", " ".join(row[2:]))
        else:
            raise ValueError(f"unknown entry {row[0]!r}")
    if table is None:
        raise ValueError("no AtomData")
    named = {name: table[:, k] for k, name in enumerate(columns)}
    if "cartes_x" in named:
        positions = np.stack([named[f"cartes_{x}"] for x in "xyz"], axis=1)
    else:
        positions = np.stack([named[f"direct_{x}"] for x in "xyz"], axis=1) @ cell
    if "fx" in named:
        values["forces"] = np.stack([named[f"f{x}"] for x in "xyz"], axis=1)
    numbers = numbers_of_types(named["type"].astype(int).tolist(), 0, types, source)
    return Image(positions, cell, np.array([k < periods for k in range(3)]), numbers, values, source)


def _pushed_back(words: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield words
    yield from rows


def _atoms(head: list[str], rows: Iterator[list[str]], size: int) -> tuple[list[str], np.ndarray]:
    if head[0].rstrip(":") not in ("AtomData", "Atomic_data"):
        raise ValueError(f"AtomData was expected, got {head[0]!r}")
    columns = head[1:]
    table = np.array([[float(w) for w in next(rows)] for _ in range(size)])
    if size < 1 or table.shape != (size, len(columns)):
        raise ValueError(f"{size} atoms with {len(columns)} columns were announced")
    return columns, table

"""Extended XYZ, line by line: every line of the file belongs to a frame or is refused with its number.

Empty lines between frames are passed over. Values are those that ASE's reader gives, of files that it reads.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from tlmlp.data.header import TRUTH, Column, Header, parse_header
from tlmlp.data.image import Image
from tlmlp.data.notes import Notes
from tlmlp.errors import TlmlpError
from tlmlp.text import counted

_VECTORS = ("VEC1", "VEC2", "VEC3")
UNNAMED_COLUMNS = (
    "the lines of atoms have {:.0f} columns, but no Properties names them: only species and positions are read"
)
#: The second line of a trajectory of CP2K.
_CP2K_COMMENT = re.compile(r"^\s*i\s*=\s*\d+,.*\bE\s*=\s*[-+\d.]")
CP2K_TRAJECTORY = (
    "{place}: this is a trajectory of CP2K (-pos-1.xyz, -frc-1.xyz or -vel-1.xyz): the columns are positions, forces or "
    "velocities without saying which, E in its comments is in Hartree, and there is no cell; read the main output of "
    "single points, or bring positions, forces and cell together with cp2kdata or dpdata (cp2k/aimd_output)"
)


def read_extxyz(text: str, file: str, notes: Notes) -> list[Image]:
    """The frames of ``text``, in file order.

    :raises TlmlpError: with the line number, where a frame is not as its count of atoms and its header say
    """
    lines = text.split("\n")
    images: list[Image] = []
    at = 0
    while True:
        while at < len(lines) and not lines[at].strip():
            at += 1
        if at == len(lines):
            break
        count = _count(lines[at], f"{file}, line {at + 1}", len(images))
        if at + 2 + count > len(lines) or (at + 2 + count == len(lines) and not lines[-1].strip()):
            there = len([line for line in lines[at + 2 :] if line.strip()])
            raise TlmlpError(
                f"{file}, line {at + 1}: the file ends inside frame {len(images)}, which has {counted(count, 'atom')}, "
                f"{there} of them in the file; is it truncated?"
            )
        if _CP2K_COMMENT.match(lines[at + 1]):
            raise TlmlpError(CP2K_TRAJECTORY.format(place=f"{file}, line {at + 2}"))
        try:
            header = parse_header(lines[at + 1])
        except TlmlpError as error:
            raise TlmlpError(f"{file}, line {at + 2}: {error}") from None
        source = f"{file}#{len(images)}"
        images.append(_frame(lines[at + 2 : at + 2 + count], header, source, f"{file}, line", at + 3, notes))
        at += 2 + count
        at += _vectors(lines, at, images[-1], header, file)
    return images


def _count(line: str, place: str, frames: int) -> int:
    try:
        count = int(line)
    except ValueError:
        what = "the number of atoms of the next frame" if frames else "a number of atoms"
        raise TlmlpError(f"{place}: {what} was expected, got {line.strip()[:40]!r}") from None
    if count < 1:
        raise TlmlpError(f"{place}: a frame has at least one atom, got {count}")
    return count


def _frame(lines: list[str], header: Header, source: str, place: str, first: int, notes: Notes) -> Image:
    n, width = len(lines), header.width
    words = " ".join(lines).split()
    if len(words) != n * width:
        if not header.named_columns and len(words) % n == 0 and len(words) > n * width:
            wider = len(words) // n
            if all(len(line.split()) == wider for line in lines):
                notes.add(UNNAMED_COLUMNS, source, wider)
                words = [word for line in lines for word in line.split()[:width]]
        if len(words) != n * width:
            row = next((k for k, line in enumerate(lines) if len(line.split()) != width), 0)
            raise TlmlpError(
                f"{place} {first + row}: {width} columns were expected, got {len(lines[row].split())}"
                + (": an empty line inside a frame" if not lines[row].strip() else f": {lines[row].strip()[:60]!r}")
            )
    # Columns of text are taken out first, so that the rest is converted at once.
    text = [c for c in header.columns if c.type in ("S", "L")]
    numeric = [c for c in header.columns if c.type not in ("S", "L")]
    values: dict[str, Any] = dict(header.values)
    species: list[str] | None = None
    for column in text:
        rows = [words[column.start + k :: width] for k in range(column.width)]
        if column.name == "species":
            species = rows[0]
        elif column.type == "L":
            values[column.name] = _truths(rows, column, place, first)
    for column in reversed(text):
        _drop(words, column, width)
        width -= column.width
    table = _numbers(words, n, place, first)
    numbers = None if species is None else _atomic_numbers(species, place, first)
    positions, start = np.empty((n, 3)), 0
    for column in numeric:
        block = table[:, start : start + column.width]
        start += column.width
        if column.name == "pos":
            positions = block
        elif column.name == "Z":
            numbers = _agree(numbers, block[:, 0].astype(np.int64), place, first)
        else:
            if column.name in values:
                raise TlmlpError(f"{place} {first - 1}: {column.name!r} is both a key and a column; leave one")
            values[column.name] = block if column.width > 1 else block[:, 0]
    cell = np.zeros((3, 3)) if header.lattice is None else header.lattice
    pbc = header.pbc or ((False,) * 3 if header.lattice is None else (True,) * 3)
    assert numbers is not None
    return Image(positions, cell, np.array(pbc), numbers, values, source)


def _drop(words: list[str], column: Column, width: int) -> None:
    for k in reversed(range(column.width)):
        del words[column.start + k :: width - (column.width - 1 - k)]


def _numbers(words: list[str], n: int, place: str, first: int) -> np.ndarray:
    try:
        return np.array(list(map(float, words))).reshape(n, -1)
    except ValueError:
        pass
    try:  # Fortran's 1.0D-3
        return np.array([float(word.replace("D", "E").replace("d", "e")) for word in words]).reshape(n, -1)
    except ValueError:
        per_line = len(words) // n
        bad = next(k for k, word in enumerate(words) if not _is_number(word))
        raise TlmlpError(f"{place} {first + bad // per_line}: a number was expected, got {words[bad]!r}") from None


def _is_number(word: str) -> bool:
    try:
        float(word.replace("D", "E").replace("d", "e"))
    except ValueError:
        return False
    return True


def _truths(rows: list[list[str]], column: Column, place: str, first: int) -> np.ndarray:
    for row in rows:
        for k, word in enumerate(row):
            if word not in TRUTH and word not in ("0", "1"):
                raise TlmlpError(f"{place} {first + k}: {column.name!r} must be T or F, got {word!r}")
    truths = np.array([[TRUTH.get(word, word == "1") for word in row] for row in rows]).T
    return truths if column.width > 1 else truths[:, 0]


@lru_cache(maxsize=1)
def _symbols() -> dict[str, int]:
    from ase.data import atomic_numbers

    return {symbol: z for symbol, z in atomic_numbers.items() if z > 0}


def _atomic_numbers(species: list[str], place: str, first: int) -> np.ndarray:
    known = _symbols()
    found = {}
    for symbol in dict.fromkeys(species):
        z = known.get(symbol) or known.get(symbol.capitalize())
        if z is None:
            row = species.index(symbol)
            what = "a type, not an element" if symbol.isdigit() else "no element"
            raise TlmlpError(f"{place} {first + row}: a chemical symbol was expected, {symbol!r} is {what}")
        found[symbol] = z
    return np.array([found[symbol] for symbol in species], dtype=np.int64)


def _agree(symbols: np.ndarray | None, numbers: np.ndarray, place: str, first: int) -> np.ndarray:
    if symbols is not None and not np.array_equal(symbols, numbers):
        row = int(np.flatnonzero(symbols != numbers)[0])
        raise TlmlpError(f"{place} {first + row}: species and Z name different elements")
    return numbers


def _vectors(lines: list[str], at: int, image: Image, header: Header, file: str) -> int:
    """Number of lines VEC1 to VEC3 behind a plain frame, which give its cell."""
    count = 0
    while at + count < len(lines) and lines[at + count].lstrip().startswith("VEC"):
        words = lines[at + count].split()
        try:
            if count > 2 or words[0] != _VECTORS[count] or header.lattice is not None:
                raise ValueError
            x, y, z = map(float, words[1:])
        except ValueError:
            raise TlmlpError(
                f"{file}, line {at + count + 1}: VEC1, VEC2, VEC3 with three numbers each may follow a frame without "
                f"Lattice, got {lines[at + count].strip()[:60]!r}"
            ) from None
        image.cell = image.cell.copy() if count else np.zeros((3, 3))
        image.cell[count] = (x, y, z)
        image.pbc[count] = True
        count += 1
    return count

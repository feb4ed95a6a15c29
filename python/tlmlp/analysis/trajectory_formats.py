"""How the frames of a file are read: text dumps of LAMMPS, extended XYZ, and whatever ASE opens."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from tlmlp.data.types import refuse_types
from tlmlp.errors import TlmlpError

#: Position columns of a LAMMPS dump, best first: the same in every direction, whether fractional, whether unwrapped.
_DUMP_POSITIONS = (
    (("xu", "yu", "zu"), False, True),
    (("xsu", "ysu", "zsu"), True, True),
    (("x", "y", "z"), False, False),
    (("xs", "ys", "zs"), True, False),
)
#: ps in the time unit of a dump's ``ITEM: UNITS``.
_PS_PER_TIME = {"metal": 1.0, "real": 1e-3, "si": 1e12, "nano": 1e3}


@dataclass(frozen=True)
class RawFrame:
    """One frame as it is in a file."""

    symbols: list[str]
    positions: np.ndarray
    cell: np.ndarray
    time: float | None = None
    unwrapped: bool = False


def _periodic(pbc: Sequence[bool], number: int) -> None:
    if not all(pbc):
        raise TlmlpError(
            f"frame {number} is not periodic in all directions (pbc {[bool(p) for p in pbc]}): densities and distances "
            "need a cell that is"
        )


# Extended XYZ

_QUOTED = r'(?:"([^"]*)"|(\S+))'
_LATTICE, _PROPERTIES = re.compile(rf"\bLattice={_QUOTED}"), re.compile(rf"\bProperties={_QUOTED}")
_PBC, _TIME = re.compile(rf"\bpbc={_QUOTED}"), re.compile(rf"\btime_ps={_QUOTED}")


def _value(pattern: re.Pattern[str], comment: str) -> str | None:
    found = pattern.search(comment)
    return None if found is None else found.group(1) or found.group(2)


def _extxyz_columns(properties: str) -> tuple[int, list[int]]:
    """Column of the symbol and columns of the positions."""
    words, at, places = properties.split(":"), 0, {}
    for name, width in zip(words[::3], words[2::3], strict=True):
        places[name] = at
        at += int(width)
    if "pos" not in places or "species" not in places:
        raise TlmlpError(f"expected `species` and `pos` among its Properties, got {properties}")
    return places["species"], [places["pos"] + k for k in range(3)]


def extxyz_frames(stream: TextIO, notes: list[str]) -> Iterator[RawFrame]:
    for number in itertools.count():
        head = stream.readline()
        if not head.strip():
            return
        count, comment = int(head), stream.readline()
        lattice, properties = _value(_LATTICE, comment), _value(_PROPERTIES, comment)
        if properties is None:
            raise TlmlpError(f"frame {number} has no Properties in its second line")
        if lattice is None:
            raise TlmlpError(f"frame {number} has no cell (Lattice=...): densities and distances need one")
        _periodic([word in ("T", "1", "True", "true") for word in (_value(_PBC, comment) or "T T T").split()], number)
        symbol, columns = _extxyz_columns(properties)
        lines = list(itertools.islice(stream, count))
        if len(lines) < count or (lines and len(lines[-1].split()) <= columns[-1]):
            notes.append(f"the file ends inside of frame {number}, which is left out")
            return
        time = _value(_TIME, comment)
        yield RawFrame(
            [line.split(None, symbol + 1)[symbol] for line in lines],
            np.loadtxt(lines, usecols=columns, ndmin=2) if lines else np.zeros((0, 3)),
            np.array(lattice.split(), dtype=float).reshape(3, 3),
            None if time is None else float(time),
        )


# LAMMPS


def dump_frames(stream: TextIO, elements: Sequence[str] | None, notes: list[str]) -> Iterator[RawFrame]:
    """Frames of a text dump, atoms in the order of their numbers."""
    time, scale = None, None
    number = 0
    while line := stream.readline():
        item = line.removeprefix("ITEM:").split()
        if item[:1] == ["UNITS"]:
            scale = _PS_PER_TIME.get(stream.readline().strip())
        elif item[:1] == ["TIME"]:
            time = float(stream.readline())
        elif item[:1] == ["TIMESTEP"]:
            stream.readline()
        elif item[:3] == ["NUMBER", "OF", "ATOMS"]:
            count = int(stream.readline())
        elif item[:2] == ["BOX", "BOUNDS"]:
            cell, corner = _dump_box(stream, item[2:], number)
        elif item[:1] == ["ATOMS"]:
            lines = list(itertools.islice(stream, count))
            if len(lines) < count or (lines and len(lines[-1].split()) < len(item) - 1):
                notes.append(f"the file ends inside of frame {number}, which is left out")
                return
            ps = None if time is None or scale is None else time * scale
            yield _dump_frame(lines, item[1:], cell, corner, elements, ps)
            number += 1


def _dump_box(stream: TextIO, words: list[str], number: int) -> tuple[np.ndarray, np.ndarray]:
    rows = [[float(word) for word in stream.readline().split()] for _ in range(3)]
    if "abc" in words:  # general triclinic: three lattice vectors with the origin behind each
        values = np.array(rows)
        _periodic([word[0] == "p" for word in words[-3:]], number)
        return values[:, :3], values[:, 3]
    tilted = len(rows[0]) == 3
    _periodic([word[0] == "p" for word in words[3 if tilted else 0 :]], number)
    low, high = np.array(rows)[:, 0], np.array(rows)[:, 1]
    xy, xz, yz = (row[2] for row in rows) if tilted else (0.0, 0.0, 0.0)
    # A dump gives the box around the tilted cell.
    low = low - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high = high - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
    lx, ly, lz = high - low
    return np.array([[lx, 0.0, 0.0], [xy, ly, 0.0], [xz, yz, lz]]), low


def _dump_frame(
    lines: list[str],
    names: list[str],
    cell: np.ndarray,
    corner: np.ndarray,
    elements: Sequence[str] | None,
    time: float | None,
) -> RawFrame:
    found = next((entry for entry in _DUMP_POSITIONS if set(entry[0]) <= set(names)), None)
    if found is None:
        raise TlmlpError(f"expected columns x y z, xs ys zs, xu yu zu or xsu ysu zsu, got {' '.join(names)}")
    wanted, fractional, unwrapped = found
    images = [name for name in ("ix", "iy", "iz") if name in names] if not unwrapped else []
    columns = [names.index(name) for name in (*wanted, *images)]
    values = np.loadtxt(lines, usecols=columns, ndmin=2) if lines else np.zeros((0, len(columns)))
    positions = values[:, :3] @ cell if fractional else values[:, :3] - corner
    if len(images) == 3:
        positions, unwrapped = positions + values[:, 3:] @ cell, True
    symbols = _dump_symbols(lines, names, elements)
    if "id" in names:
        place = names.index("id")
        order = np.argsort([int(line.split(None, place + 1)[place]) for line in lines], kind="stable")
        positions, symbols = positions[order], [symbols[k] for k in order]
    return RawFrame(symbols, positions, cell, time, unwrapped)


def _dump_symbols(lines: list[str], names: list[str], elements: Sequence[str] | None) -> list[str]:
    if "element" in names:
        refuse_types(elements, "", "--elements")
        place = names.index("element")
        return [line.split(None, place + 1)[place] for line in lines]
    if elements is None:
        raise TlmlpError("the dump has no column `element`: give --elements, the symbols of types 1, 2, ...")
    if "type" not in names:
        raise TlmlpError(f"the dump has neither the column `element` nor `type`, got {' '.join(names)}")
    place = names.index("type")
    kinds = [int(line.split(None, place + 1)[place]) for line in lines]
    if kinds and max(kinds) > len(elements):
        raise TlmlpError(f"the dump has the type {max(kinds)}, but --elements names {len(elements)}")
    return [elements[kind - 1] for kind in kinds]


# All other formats


def ase_frames(path: Path) -> Iterator[RawFrame]:
    import ase.io

    try:
        for number, atoms in enumerate(ase.io.iread(path, index=":")):
            if not atoms.cell.rank == 3:
                raise TlmlpError(f"frame {number} has no cell: densities and distances need three lattice vectors")
            _periodic(atoms.pbc.tolist(), number)
            time = atoms.info.get("time_ps")
            yield RawFrame(
                atoms.get_chemical_symbols(),
                atoms.positions.copy(),
                atoms.cell.array.copy(),
                None if time is None else float(time),
            )
    except TlmlpError:
        raise
    except Exception as error:  # every format of ASE has its own
        raise TlmlpError(
            f"cannot be read as a trajectory: {' '.join(str(error).split()) or type(error).__name__}"
        ) from None

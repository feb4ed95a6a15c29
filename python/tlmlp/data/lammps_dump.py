"""LAMMPS text dumps, through ASE, with what ASE fills in taken out: energies of zero, and elements from types."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from tlmlp.data.image import Image, image_from_atoms
from tlmlp.data.notes import Notes
from tlmlp.data.types import numbers_of_types, refuse_types
from tlmlp.errors import TlmlpError
from tlmlp.text import counted, one_line

#: Unit styles of LAMMPS that ASE converts.
UNITS = ("metal", "real", "si", "cgs", "electron", "nano", "micro")
CONVERTED = "ITEM: UNITS is {units}: positions and forces are converted to Å and eV/Å"
#: How far, in u or as a share, a mass may lie from that of the element that it is taken for.
MASS_AGREES = (0.1, 0.005)
#: Columns that are read, or that say the same in another way.
READ = ("id", "type", "element", "mass", "fx", "fy", "fz", *(f"{x}{of}" for x in "xyz" for of in ("", "s", "u", "su")))
PASSED_OVER = "columns that are passed over, because no label is taken from them: {}"
ASSUMED = "the dump does not name its units (dump_modify units yes): metal is assumed, Å and eV/Å"


def read_lammps_dump(text: str, file: str, types: Sequence[str] | None, notes: Notes) -> list[Image]:
    """The frames of a dump; forces if it has them, no energies.

    :param types: elements of the types 1, 2, ... of a dump without a column ``element``
    :raises TlmlpError: for units that cannot be converted, atoms without elements, and a file that ends inside a frame
    """
    from ase.io.lammpsrun import read_lammps_dump_text

    lines = text.split("\n")
    units, blocks = "metal", []
    stated = False
    at = 0
    while at < len(lines):
        item = lines[at].strip()
        if item == "ITEM: UNITS":
            units, stated = lines[at + 1].strip() if at + 1 < len(lines) else "", True
            if units not in UNITS:
                raise TlmlpError(
                    f"{file}, line {at + 2}: ITEM: UNITS is {units!r}, which cannot be converted to eV and Å"
                )
        if item == "ITEM: TIMESTEP":
            blocks.append((at, units))
        at += 1
    images: list[Image] = []
    for n, (start, unit) in enumerate(blocks):
        end = blocks[n + 1][0] if n + 1 < len(blocks) else len(lines)
        block = [line for line in lines[start:end] if line.strip()]
        if "ITEM: UNITS" in (line.strip() for line in block):  # belongs to the next frame
            k = next(k for k, line in enumerate(block) if line.strip() == "ITEM: UNITS")
            if k + 2 >= len(block) and n + 1 < len(blocks):
                block = block[:k]
        source = f"{file}#{n}"
        columns = _check(block, f"{file}, line {start + 1}")
        numbers = None
        if "element" not in columns and (types is not None or "mass" not in columns):
            numbers = numbers_of_types(_types(block, columns), 1, types, source)
        else:
            refuse_types(types, source)
            _refuse_no_elements(block, columns, source)
        try:
            fd = io.StringIO("\n".join(block) + "\n")
            atoms = read_lammps_dump_text(fd, index=0, units=unit)
        except Exception as error:
            raise TlmlpError(f"{source}: cannot be read ({' '.join(str(error).split())})") from None
        image = image_from_atoms(atoms, source)
        image.values = dict(image.values)
        image.values.pop("energy", None)  # ASE fills in 0.0
        if numbers is not None:
            image.numbers = numbers
        if "fx" in columns and "forces" not in image.values:
            raise TlmlpError(f"{source}: the dump must have fx, fy and fz together")
        images.append(image)
        if not stated:
            notes.add(ASSUMED, file)
        elif unit != "metal":
            notes.add(CONVERTED.format(units=unit), file)
        passed_over = [name for name in columns if name not in READ]
        if passed_over:
            notes.add(
                PASSED_OVER.format(", ".join(map(one_line, passed_over)).replace("{", "{{").replace("}", "}}")), file
            )
    return images


def _refuse_no_elements(block: list[str], columns: list[str], source: str) -> None:
    """:class:`TlmlpError` where the column element holds no symbols, or the column mass a mass of no element."""
    from ase.data import atomic_masses, atomic_numbers

    column = "element" if "element" in columns else "mass"
    head = next(k for k, line in enumerate(block) if line.startswith("ITEM: ATOMS"))
    for word in sorted(
        {row.split()[columns.index(column)] for row in block[head + 1 :] if not row.startswith("ITEM:")}
    ):
        if column == "element":
            if atomic_numbers.get(word, 0) < 1:
                raise TlmlpError(f"{source}: the column element holds {word!r}, which is no chemical symbol; write the dump with "
                                 "dump_modify element Si Ge, or take the column out and give --types Si,Ge")  # fmt: skip
            continue
        try:
            mass = float(word)
        except ValueError:
            mass = float("nan")
        if not np.abs(atomic_masses[1:] - mass).min() <= max(MASS_AGREES[0], MASS_AGREES[1] * mass):
            raise TlmlpError(f"{source}: the column mass holds {word}, which is the mass of no element; say which elements the types "
                             "are with --types (data.types), like --types Si,Ge")  # fmt: skip


def _types(block: list[str], columns: list[str]) -> list[int]:
    """The types of the atoms, in the order of their ids, which is that of ASE."""
    if "type" not in columns:
        return []
    head = next(k for k, line in enumerate(block) if line.startswith("ITEM: ATOMS"))
    rows = [line.split() for line in block[head + 1 :] if not line.startswith("ITEM:")]
    if "id" in columns:
        rows.sort(key=lambda row: int(row[columns.index("id")]))
    return [int(row[columns.index("type")]) for row in rows]


def _check(block: list[str], place: str) -> list[str]:
    """The columns of one frame, whose number of lines must be that of its atoms."""
    try:
        count = int(block[next(k for k, line in enumerate(block) if "NUMBER OF ATOMS" in line) + 1])
        head = next(k for k, line in enumerate(block) if line.startswith("ITEM: ATOMS"))
    except (StopIteration, IndexError, ValueError):
        raise TlmlpError(f"{place}: the dump has no whole frame here; is the file truncated?") from None
    rows = [line for line in block[head + 1 :] if not line.startswith("ITEM:")][: max(count, 0) + 1]
    columns = block[head].split()[2:]
    if len(rows) != count or any(len(row.split()) != len(columns) for row in rows[-1:]):
        raise TlmlpError(
            f"{place}: a frame of {counted(count, 'atom')} has {counted(len(rows), 'whole line')}; is the file truncated?"
        )
    ids = [int(row.split()[columns.index("id")]) for row in rows] if "id" in columns else []
    if len(set(ids)) != len(ids):
        raise TlmlpError(f"{place}: two atoms have the same id")
    return columns

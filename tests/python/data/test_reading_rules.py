"""The rules of docs/data.md ("What is refused, what is converted, what is said"), a table of inputs for each.

A row is an input and its right outcome: the values read, or the words of the refusal, or what is said. New findings
become rows here.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tlmlp.data import Notes, read_frames
from tlmlp.errors import TlmlpError

HARTREE, BOHR = 27.211386245988, 0.529177210903
CELL = "0 2.735 2.735 2.735 0 2.735 2.735 2.735 0"
LATTICE = f'Lattice="{CELL}"'
VOLUME = 2.0 * 2.735**3
P = "Properties=species:S:1:pos:R:3:forces:R:3"
REF = "Properties=species:S:1:pos:R:3:REF_forces:R:3"
ATOMS = "Si 0 0 0 0.1 0 0\nSi 1.3675 1.3675 1.3675 -0.1 0 0\n"


def frame(header: str, atoms: str = ATOMS) -> str:
    """A frame of two atoms with ``header``."""
    return f"{len(atoms.splitlines())}\n{header}\n{atoms}"


GOOD = frame(f"{LATTICE} {P} energy=-10.8")
SECOND = frame(f"{LATTICE} {P} energy=-10.7")


@dataclass
class Row:
    """``refused`` and ``said`` are regular expressions; ``values`` are of the first frame."""

    name: str
    text: str | bytes
    refused: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    frames: int | None = None
    said: str | None = None
    file: str = "a.extxyz"
    options: dict[str, Any] = field(default_factory=dict)
    index: str = ""


def check(row: Row, folder) -> None:
    """Read the row's file and compare."""
    path = folder / row.file
    path.write_bytes(row.text if isinstance(row.text, bytes) else row.text.encode())
    notes = Notes()
    if row.refused is not None:
        with pytest.raises(TlmlpError, match=row.refused) as caught:
            read_frames(f"{path}{row.index}", notes=notes, **row.options)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
        return
    frames = read_frames(f"{path}{row.index}", notes=notes, **row.options)
    if row.frames is not None:
        assert len(frames) == row.frames
    first = frames[0]
    for name, expected in row.values.items():
        got = {"forces0": lambda: first.forces[0], "pressure": lambda: np.diag(first.stress)}.get(
            name, lambda name=name: getattr(first, name)
        )()
        if expected is None:
            assert got is None, (name, got)
        else:
            np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=1e-7, err_msg=name)
    said = "\n".join(notes.lines())
    if row.said is None:
        assert said == ""
    else:
        import re

        assert re.search(row.said, said), said


def table(rows: list[Row]):
    """Parametrise a test over ``rows``."""
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


LABELS = {"energy": -10.8, "forces0": [0.1, 0, 0], "volume": VOLUME, "pbc": [1, 1, 1]}
BOTH = {"frames": 2, "values": LABELS}

EVERY_LINE = [
    Row("one empty line", GOOD + "\n" + SECOND, **BOTH),
    Row("a line of blanks", GOOD + "  \t \n" + SECOND, **BOTH),
    Row("three empty lines", GOOD + "\n\n\n" + SECOND, **BOTH),
    Row("empty lines at several places", (GOOD + "\n" + SECOND) * 5, frames=10),
    Row("an empty first line", "\n" + GOOD, frames=1, values=LABELS),
    Row("cat a <(echo) b", GOOD + "\n" + SECOND + "\n", **BOTH),
]


@table(EVERY_LINE)
def test_every_line_belongs_to_a_frame(row, tmp_path):
    check(row, tmp_path)


FORCE = "properties=species:S:1:pos:R:3:force:R:3"
KNOWN_KEYS = [
    Row("lattice", frame(f'lattice="{CELL}" {P} energy=-10.8'), values=LABELS),
    Row("LATTICE", frame(f'LATTICE="{CELL}" {P} energy=-10.8'), values=LABELS),
    Row("lattice and properties", frame(f'lattice="{CELL}" {FORCE} energy=-10.8'), values=LABELS),
    Row("properties", frame(f"{LATTICE} {FORCE} energy=-10.8"), values=LABELS),
    Row(
        "lattice, properties, virial",
        frame(f'lattice="{CELL}" {FORCE} energy=-10.8 virial="1 0 0 0 1 0 0 0 1"'),
        values={**LABELS, "pressure": [-1 / VOLUME] * 3},
    ),
    Row("PBC F", frame(f'{LATTICE} PBC="F F F" {P} energy=-10.8'), values={"pbc": [0, 0, 0]}),
    Row("Pbc T T F", frame(f'{LATTICE} Pbc="T T F" {P} energy=-10.8'), values={"pbc": [1, 1, 0]}),
    Row(
        "pbc t t f",
        frame(f'{LATTICE} pbc="t t f" {P} energy=-10.8'),
        refused="line 2: pbc must be one or three of T and F",
    ),
    Row("pbc 1 1 0", frame(f'{LATTICE} pbc="1 1 0" {P} energy=-10.8'), values={"pbc": [1, 1, 0]}),
    Row("pbc list", frame(f"{LATTICE} pbc=[T, T, F] {P} energy=-10.8"), values={"pbc": [1, 1, 0]}),
    Row("pbc=T", frame(f"{LATTICE} pbc=T {P} energy=-10.8"), values={"pbc": [1, 1, 1]}),
    Row("pbc=F", frame(f"{LATTICE} pbc=F {P} energy=-10.8"), values={"pbc": [0, 0, 0]}),
    Row("pbc words", frame(f'{LATTICE} pbc="true true false" {P} energy=-10.8'), values={"pbc": [1, 1, 0]}),
    Row("no pbc", frame(f"{LATTICE} {P} energy=-10.8"), values={"pbc": [1, 1, 1]}),
    Row("pbc of two", frame(f'{LATTICE} pbc="T F" {P} energy=-10.8'), refused="pbc must be one or three of T and F"),
]


@table(KNOWN_KEYS)
def test_geometry_is_never_free_metadata(row, tmp_path):
    check(row, tmp_path)


DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 5.47
0 5.47
0 5.47
ITEM: ATOMS id type {element}x y z fx fy fz
1 1 {a}0 0 0 0.1 0 0
2 2 {b}1.3675 1.3675 1.3675 -0.1 0 0
"""
DUMP_TYPES = DUMP.format(element="", a="", b="")
DUMP_ELEMENTS = DUMP.format(element="element ", a="Si ", b="Ge ")
KCAL = 4.184 / 96.48533212331
NOT_FILLED_IN = [
    Row(
        "dump without elements",
        DUMP_TYPES,
        refused="types are not elements; say which they are with --types",
        file="x.lammpstrj",
    ),
    Row(
        "dump with elements",
        DUMP_ELEMENTS,
        values={"energy": None, "forces0": [0.1, 0, 0], "atomic_numbers": [14, 32]},
        said="does not name its units .* metal is assumed",
        file="x.lammpstrj",
    ),
    Row(
        "dump with units real",
        "ITEM: UNITS\nreal\n" + DUMP_ELEMENTS,
        values={"energy": None, "forces0": [0.1 * KCAL, 0, 0]},
        file="x.lammpstrj",
    ),
    Row(
        "dump with --types",
        DUMP_TYPES,
        values={"energy": None, "atomic_numbers": [32, 14]},
        options={"types": ["Ge", "Si"]},
        said="metal is assumed",
        file="x.lammpstrj",
    ),
]


@table(NOT_FILLED_IN)
def test_nothing_is_filled_in(row, tmp_path):
    check(row, tmp_path)


ZERO_FORCES = "Si 0 0 0 0 0 0\nSi 1.3675 1.3675 1.3675 0 0 0\n"
ABSENT = [
    Row(
        "energy weight 0",
        frame(f"{LATTICE} {REF} REF_energy=0.0 config_energy_weight=0.0 config_forces_weight=1.0"),
        values={"energy": None, "forces0": [0.1, 0, 0]},
        said="config_energy_weight is 0: taken as absent: energy$",
    ),
    Row(
        "forces weight 0",
        frame(f"{LATTICE} {REF} REF_energy=-10.8 config_forces_weight=0.0", ZERO_FORCES),
        values={"energy": -10.8, "forces": None},
        said="config_forces_weight is 0: taken as absent: forces$",
    ),
    Row(
        "config weight 0",
        frame(f"{LATTICE} {REF} REF_energy=-10.8 config_weight=0"),
        values={"energy": None, "forces": None},
        said="config_weight is 0",
    ),
    Row(
        "energy -1e6",
        frame(f"{LATTICE} {REF} REF_energy=-1e6"),
        values={"energy": None},
        said="REF_energy = -1e.06 stands for",
    ),
    Row(
        "virial -1e6",
        frame(f'{LATTICE} {REF} REF_energy=-10.8 virial="-1e6 0 0 0 -1e6 0 0 0 -1e6"'),
        values={"energy": -10.8, "stress": None},
        said="virial = -1e.06 stands for",
    ),
]


@table(ABSENT)
def test_what_the_file_marks_as_not_computed_is_absent(row, tmp_path):
    check(row, tmp_path)


CONTRADICTIONS = [
    Row(
        "stress and virial of the same sign",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="0.0409 0 0 0 0.0409 0 0 0 0.0409"'
        ),
        refused=r"ambiguous, 'stress', 'virial' differ \(0.001 and -0.00099",
    ),
    Row(
        "stress and virial that agree to 1 %",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="-0.0409 0 0 0 -0.0409 0 0 0 -0.0409"'
        ),
        values={"pressure": [1e-3] * 3},
    ),
    Row(
        "stress in kbar beside a virial",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1.602 0 0 0 1.602 0 0 0 1.602" virial="-0.0409 0 0 0 -0.0409 0 0 0 -0.0409"'
        ),
        refused="ambiguous, 'stress', 'virial' differ",
    ),
    Row(
        "stress and REF_virials",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" REF_virials="0.0409 0 0 0 0.0409 0 0 0 0.0409"'
        ),
        refused="ambiguous, 'stress', 'REF_virials' differ",
    ),
    Row(
        "energy and free energy",
        frame(f"{LATTICE} {P} energy=-10.0 free_energy=-10.3"),
        values={"energy": -10.3},
        said="the energy is the free energy, .* 'energy' differs by up to 150 meV/atom",
    ),
    Row(
        "the free energy alone",
        frame(f"{LATTICE} {P} free_energy=-10.3"),
        values={"energy": -10.3},
        said="the energy is read from 'free_energy'",
    ),
    Row(
        "a key twice", frame(f"{LATTICE} {P} energy=-10 energy=-11"), refused="line 2: the key 'energy' is there twice"
    ),
]


@table(CONTRADICTIONS)
def test_two_labels_for_one_quantity_agree_or_are_refused(row, tmp_path):
    check(row, tmp_path)


STATED_UNITS = [
    Row(
        "hartree, hartree/bohr",
        frame(f"{LATTICE} {P} energy=-0.5 energy-unit=hartree force-unit=hartree/bohr"),
        values={"energy": -0.5 * HARTREE, "forces0": [0.1 * HARTREE / BOHR, 0, 0]},
    ),
    Row(
        "stress in kbar",
        frame(f'{LATTICE} {P} energy=-3.0 stress="10 0 0 0 10 0 0 0 10" stress-unit=kbar'),
        values={"pressure": [1.0 / 160.2176634] * 3},
    ),
    Row(
        "energy_unit=Hartree",
        frame(f"{LATTICE} {P} energy=-0.4 energy_unit=Hartree"),
        values={"energy": -0.4 * HARTREE},
    ),
    Row(
        "an unknown unit", frame(f"{LATTICE} {P} energy=-10.8 energy-unit=foo"), refused="energy-unit=foo states a unit"
    ),
]


@table(STATED_UNITS)
def test_units_that_the_file_states_are_converted_or_refused(row, tmp_path):
    check(row, tmp_path)


NO_LABEL = [
    Row(
        "calculate_stress=F", frame(f"{LATTICE} {P} energy=-10.8 calculate_stress=F"), values={**LABELS, "stress": None}
    ),
    Row(
        "energy_cutoff=500",
        frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3 energy_cutoff=500"),
        values={"energy": None, "forces0": [0.1, 0, 0]},
    ),
    Row(
        "--no-energy",
        frame(f"{LATTICE} {P} my_energy=3"),
        values={"energy": None},
        options={"without": ["energy"]},
    ),
    Row(
        "a misspelt energy",
        frame(f"{LATTICE} {P} my_energy=3"),
        refused="'my_energy'; if that is it, name it with energy_key",
    ),
]


@table(NO_LABEL)
def test_a_flag_or_a_setting_is_no_misspelt_label(row, tmp_path):
    check(row, tmp_path)


CP2K_POSITIONS = "2\n i =        0, time =        0.000, E =       -17.1640553230\n Si 0 0 0\n Si 1.36 1.36 1.36\n"
MTP = """BEGIN_CFG
 Size
    2
 Supercell
    0 2.735 2.735
    2.735 0 2.735
    2.735 2.735 0
 AtomData:  id type       cartes_x      cartes_y      cartes_z           fx          fy          fz
             1    0       0 0 0    0.1 0 0
             2    1       1.3675 1.3675 1.3675  -0.1 0 0
 Energy
    -10.8
 PlusStress:  xx          yy          zz          yz          xz          xy
     1 2 3 0.1 0.2 0.3
 Feature   EFS_by VASP
END_CFG

"""
NAMES = [
    Row("a name with @", GOOD, file="t@1.extxyz", values=LABELS),
    Row("a name with @ and an index", GOOD + SECOND, file="t@1.extxyz", index="@1", values={"energy": -10.7}),
    Row("t.txt", GOOD, file="t.txt", values=LABELS),
    Row("t.exyz", GOOD, file="t.exyz", values=LABELS),
    Row("no suffix", GOOD, file="t", values=LABELS),
    Row("gzip", gzip.compress(GOOD.encode()), file="t.extxyz.gz", values=LABELS),
    Row("gzip by another name", gzip.compress(GOOD.encode()), file="t.data", values=LABELS),
    Row("index out of range", GOOD + SECOND, index="@5", refused="there are 2 frames, numbered from 0 to 1; the index 5 asks"),
    Row("index of letters", GOOD, index="@a", refused="the index after @ must be like 5 or :10 or ::2, got 'a'"),
    Row("empty slice", GOOD, index="@7:", refused="there are 1 frames, and the index '7:' chooses none"),
    Row("npz", b"PK\x03\x04", file="x.npz", refused="a zip archive .an .npz.*DeePMD data set is named by its folder"),
    Row("npy", b"\x93NUMPY\x01\x00", file="coord.npy", refused="numpy array.*named by its folder"),
    Row("byte order mark", b"\xef\xbb\xbf" + GOOD.encode(), values=LABELS),
    Row("six numbers", frame(f'{LATTICE} {P} stress="1e-3 1e-3 1e-3 2e-4 3e-4 4e-4"'),
        values={"stress": [[1e-3, 4e-4, 3e-4], [4e-4, 1e-3, 2e-4], [3e-4, 2e-4, 1e-3]]}, said="read as xx yy zz yz xz xy"),
    Row("six numbers of REF_stress", frame(f'{LATTICE} {P} REF_stress="1e-3 1e-3 1e-3 2e-4 3e-4 4e-4"'),
        values={"stress": [[1e-3, 4e-4, 3e-4], [4e-4, 1e-3, 2e-4], [3e-4, 2e-4, 1e-3]]}, said="read as xx yy zz yz xz xy"),
    Row("CP2K positions", CP2K_POSITIONS, file="si-pos-1.xyz", refused="trajectory of CP2K.*Hartree.*no cell.*main output"),
    Row("CP2K forces", CP2K_POSITIONS.replace("1.36", "0.01"), file="si-frc-1.xyz", refused="trajectory of CP2K"),
    Row("MTP without elements", MTP, file="x.cfg", refused="types are not elements; .*from 0 on"),
    Row("MTP", MTP, file="x.cfg", options={"types": ["Si", "Ge"]},
        values={"energy": -10.8, "forces0": [0.1, 0, 0], "atomic_numbers": [14, 32],
                "stress": -np.array([[1, 0.3, 0.2], [0.3, 2, 0.1], [0.2, 0.1, 3]]) / VOLUME}),
]  # fmt: skip


@table(NAMES)
def test_the_content_decides_and_the_words_help(row, tmp_path):
    check(row, tmp_path)

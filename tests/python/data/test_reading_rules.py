"""The rules of docs/data.md ("What is refused, what is converted, what is said"), a table of inputs for each.

A row is an input and its right outcome: the values read, or the words of the refusal, or what is said. New findings
become rows here.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
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
EVERY_LINE += [
    Row("crlf", GOOD.replace("\n","\r\n")+"\r\n"+SECOND.replace("\n","\r\n"), **BOTH),
    Row("blank inside", GOOD.replace("\nSi 1.3","\n\nSi 1.3")+SECOND,
        refused="line 4: 7 columns were expected, got 0"),
    Row("count too small", GOOD.replace("2\n","1\n",1)+SECOND,
        refused="line 4: the number of atoms of the next frame was expected"),
    Row("count too large", GOOD.replace("2\n","3\n",1)+SECOND, refused="line 5: 7 columns were expected, got 1"),
    Row("cut in the last frame", GOOD+"\n"+SECOND[:-30], refused="line 9: 7 columns"),
    Row("cut in a number of columns", GOOD+SECOND[:-8], refused="line 8: 7 columns"),
    Row("count 0", "0\n\n"+GOOD, refused="line 1: a frame has at least one atom, got 0"),
    Row("negative count", "-2\n\n"+GOOD, refused="line 1: a frame has at least one atom, got -2"),
    Row("too many columns", GOOD.replace("0.1 0 0","0.1 0 0 9"), refused="line 3: 7 columns were expected, got 8"),
    Row("text at the end", GOOD+"# end\n", refused="line 5: the number of atoms of the next frame"),
    Row("form feed line", GOOD+"\x0c\n"+SECOND, **BOTH),
    Row("no newline at end", (GOOD+SECOND).rstrip("\n"), **BOTH),
    Row("empty header plain", "2\n\nSi 0 0 0\nSi 1 1 1\n\n2\n\nSi 0 0 0\nSi 1 1 1\n", frames=2,
        values={"pbc":[0,0,0]}),
]  # fmt: skip


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
KNOWN_KEYS += [
    Row("cell=", frame(f'cell="{CELL}" {P} energy=-10.8'), refused="'cell' is not read; name it Lattice"),
    Row("Cell=", frame(f'Cell="{CELL}" {P} energy=-10.8'), refused="'Cell' is not read"),
    Row("LaTTice", frame(f'LaTTice="{CELL}" {P} energy=-10.8'), values=LABELS),
    Row("twice with case", frame(f'Lattice="{CELL}" lattice="{CELL}" {P} energy=-10.8'),
        refused="'lattice' is there twice"),
    Row("Positions", frame(f'{LATTICE} Properties=species:S:1:positions:R:3:forces:R:3 energy=-10.8'), values=LABELS),
    Row("POS", frame(f'{LATTICE} Properties=Species:S:1:POS:R:3:Forces:R:3 energy=-10.8'), values=LABELS),
    Row("element", frame(f'{LATTICE} Properties=element:S:1:pos:R:3:forces:R:3 energy=-10.8'), values=LABELS),
    Row("ENERGY", frame(f'{LATTICE} {P} ENERGY=-10.8'), values=LABELS),
    Row("REF-energy", frame(f'{LATTICE} {P} ref-energy=-10.8'), values=LABELS),
    Row("lattice 6 numbers", frame(f'Lattice="5.4 5.4 5.4 90 90 90" {P} energy=-10.8'),
        refused="Lattice must hold nine numbers"),
    Row("lattice 3 numbers", frame(f'Lattice="5.4 5.4 5.4" {P} energy=-10.8'),
        refused="Lattice must hold nine numbers"),
    Row("spaces around =", frame(f'Lattice = "{CELL}" Properties = species:S:1:pos:R:3:forces:R:3 energy = -10.8'),
        values=LABELS),
    Row("quotes single", frame(f"Lattice='{CELL}' {P} energy=-10.8"), values=LABELS),
    Row("missing quote", frame(f'Lattice="{CELL} {P} energy=-10.8'), refused="is a quote missing"),
    Row("commas", frame(f'Lattice="{CELL.replace(" ",", ")}" {P} energy=-10.8'), values=LABELS),
    Row("periodic=F", frame(f'{LATTICE} periodic="F F F" {P} energy=-10.8'),
        refused="'periodic' is not read; name it pbc"),
    Row("Unit-cell", frame(f'unit-cell="{CELL}" {P} energy=-10.8'), refused="'unit-cell' is not read"),
    Row("latticevec", frame(f'lattice_vector="{CELL}" {P} energy=-10.8'), refused="'lattice_vector' is not read"),
    Row("lattice misspelt", frame(f'Latice="{CELL}" {P} energy=-10.8'), refused="'Latice' is not read"),
    Row("boundary with lattice", frame(f'{LATTICE} bc="F F F" {P} energy=-10.8'), refused="'bc'|pbc"),
    Row("Z column", frame(f'{LATTICE} Properties=species:S:1:Z:I:1:pos:R:3:forces:R:3 energy=-10.8', "Si 14 0 0 0 0.1 0 0\nSi 32 1 1 1 -0.1 0 0\n"),
        refused="line 4: species and Z name different"),
    Row("force_x cols", frame(f'{LATTICE} Properties=species:S:1:pos:R:3:fx:R:1:fy:R:1:fz:R:1 energy=-10.8'),
        refused="fx"),
]  # fmt: skip


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
NOT_FILLED_IN += [
    Row("dump no forces", DUMP_ELEMENTS.replace(" fx fy fz","").replace(" 0.1 0 0\n","\n").replace(" -0.1 0 0\n","\n"),
        file="x.dump", values={"energy":None,"forces":None}, said="metal"),
    Row("dump two frames one cut", DUMP_ELEMENTS+DUMP_ELEMENTS[:-30], file="x.dump", refused="truncated"),
    Row("dump lj units", "ITEM: UNITS\nlj\n"+DUMP_ELEMENTS, file="x.dump", refused="'lj'"),
    Row("dump named .txt", DUMP_TYPES, file="x.txt", refused="types are not elements"),
    Row("dump named .xyz", DUMP_ELEMENTS, file="x.xyz", values={"energy":None,"forces0":[0.1,0,0]}, said="metal"),
    Row("dump types too few", DUMP_TYPES, file="x.dump", options={"types":["Si"]},
        refused="has type 2, and --types names 1"),
    Row("dump types wrong symbol", DUMP_TYPES, file="x.dump", options={"types":["Si","Xx"]},
        refused="chemical symbols, got 'Xx'"),
    Row("dump gz", gzip.compress(DUMP_ELEMENTS.encode()), file="x.lammpstrj.gz", values={"energy":None},
        said="metal"),
    Row("dump scaled real", "ITEM: UNITS\nreal\n"+DUMP_ELEMENTS.replace(" x y z"," xs ys zs").replace("1.3675 1.3675 1.3675","0.25 0.25 0.25"),
        file="x.dump", values={"positions":[[0,0,0],[1.3675]*3]}),
    Row("dump element numbers", DUMP.format(element="element ",a="1 ",b="2 "), file="x.dump",
        refused="element|symbol|read"),
    Row("dump f missing z", DUMP_ELEMENTS.replace(" fx fy fz"," fx fy q"), file="x.dump", refused="fx, fy and fz"),
    Row("two units", "ITEM: UNITS\nreal\n"+DUMP_ELEMENTS+"ITEM: UNITS\nreal\n"+DUMP_ELEMENTS, file="x.dump", frames=2,
        values={"forces0":[0.1*KCAL,0,0]}),
    Row("xyz with type numbers", "2\n\n1 0 0 0\n2 1 1 1\n", file="x.xyz",
        refused="line 3: a chemical symbol was expected, '1' is a type"),
    Row("lammps data", "LAMMPS data\n\n2 atoms\n1 atom types\n\n0 5.4 xlo xhi\n0 5.4 ylo yhi\n0 5.4 zlo zhi\n\nAtoms # atomic\n\n1 1 0 0 0\n2 1 1 1 1\n",
        file="x.data", refused="types are not elements|cannot be read"),
    Row("mtp types many", MTP, file="x.cfg", options={"types":["Si"]}, refused="has type 1"),
    Row("mtp cut", MTP[:300], file="x.cfg", options={"types":["Si","Ge"]}, refused="BEGIN_CFG has no END_CFG"),
    Row("extxyz X", frame(f"{LATTICE} {P} energy=-1","X 0 0 0 0 0 0\n"), refused="line 3: a chemical symbol"),
    Row("no energy given", frame(f"{LATTICE} {P}"), values={"energy":None,"stress":None}),
]  # fmt: skip


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
ABSENT += [
    Row("force weight", frame(f"{LATTICE} {REF} REF_energy=-10.8 force_weight=0"), values={"forces":None},
        said="force_weight is 0"),
    Row("energy_weight", frame(f"{LATTICE} {REF} REF_energy=-10.8 energy_weight=0"), values={"energy":None},
        said="energy_weight is 0"),
    Row("weight=0", frame(f"{LATTICE} {REF} REF_energy=-10.8 weight=0"), values={"energy":None,"forces":None},
        said="weight is 0"),
    Row("config_virials_weight", frame(f'{LATTICE} {REF} REF_energy=-10.8 config_virials_weight=0 REF_virials="1 0 0 0 1 0 0 0 1"'),
        values={"stress":None,"energy":-10.8}, said="config_virials_weight"),
    Row("per atom zeros", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:force_weights:R:1 energy=-10.8","Si 0 0 0 0.1 0 0 0\nSi 1 1 1 -0.1 0 0 0\n"),
        values={"forces":None}, said="force_weights is 0"),
    Row("per atom some", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:force_weights:R:1 energy=-10.8","Si 0 0 0 0.1 0 0 0\nSi 1 1 1 -0.1 0 0 1\n"),
        refused="'force_weights' is 0 for some atoms"),
    Row("energy 999999", frame(f"{LATTICE} {REF} REF_energy=999999"), values={"energy":None}, said="stands for"),
    Row("energy 1e10", frame(f"{LATTICE} {REF} REF_energy=1e10"), values={"energy":None}, said="stands for"),
    Row("energy -99999.0", frame(f"{LATTICE} {REF} REF_energy=-99999.0"), values={"energy":None}, said="stands for"),
    Row("energy nan", frame(f"{LATTICE} {REF} REF_energy=nan"), refused="finite"),
    Row("energy none", frame(f"{LATTICE} {REF} REF_energy=None"), refused="'REF_energy' must be numbers"),
    Row("forces placeholder", frame(f"{LATTICE} {REF} REF_energy=-1","Si 0 0 0 1e6 1e6 1e6\nSi 1 1 1 1e6 1e6 1e6\n"),
        values={"forces":None,"energy":-1}, said="REF_forces"),
    Row("forces partly", frame(f"{LATTICE} {REF} REF_energy=-1","Si 0 0 0 0.1 0 0\nSi 1 1 1 1e6 1e6 1e6\n"),
        refused="holds 1e.06 beside other"),
    Row("a real energy of many", frame(f"{LATTICE} {REF} REF_energy=-100231.5"), values={"energy":-100231.5}),
    Row("weight 0.5", frame(f"{LATTICE} {REF} REF_energy=-10.8 config_weight=0.5"), values={"energy":-10.8},
        said="neither 0 nor 1"),
    Row("weight 1", frame(f"{LATTICE} {REF} REF_energy=-10.8 config_weight=1.0"), values={"energy":-10.8}),
    Row("weight 0 word F", frame(f"{LATTICE} {REF} REF_energy=-10.8 config_energy_weight=F"), values={"energy":None},
        said="config_energy_weight"),
    Row("stress weight with energy", frame(f'{LATTICE} {REF} REF_energy=-10.8 stress_weight=0 REF_stress="1 0 0 0 1 0 0 0 1"'),
        values={"stress":None}, said="stress_weight"),
    Row("a setting with weights in its name", frame(f"{LATTICE} {P} energy=-10.8 pdos_calculate_weights=F"), values=LABELS),
    Row("molecular weight", frame(f"{LATTICE} {REF} REF_energy=-10.8 molecular_weight=0"), values={"energy":-10.8}),
    Row("use_energy=F", frame(f"{LATTICE} {REF} REF_energy=0.0 energy_mask=0"), values={"energy":None},
        said="energy_mask"),
    Row("energy_valid=F", frame(f"{LATTICE} {REF} REF_energy=0.0 has_energy=F"), values={"energy":None},
        said="has_energy"),
]  # fmt: skip


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
CONTRADICTIONS += [
    Row("energies", frame(f"{LATTICE} {P} energy=-10 REF_energy=-11"), refused="ambiguous"),
    Row("case", frame(f"{LATTICE} {P} energy=-10 Energy=-11"), refused="ambiguous"),
    Row("equal", frame(f"{LATTICE} {P} energy=-10 Energy=-10.0"), values={"energy":-10}),
    Row("forces two cols", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:dft_forces:R:3 energy=-1","Si 0 0 0 0.1 0 0 0.2 0 0\nSi 1 1 1 0 0 0 0 0 0\n"),
        refused="forces is ambiguous.*0.1 and 0.2"),
    Row("forces rounding", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:dft_forces:R:3 energy=-1","Si 0 0 0 0.1 0 0 0.1000001 0 0\nSi 1 1 1 0 0 0 0 0 0\n"),
        values={"energy":-1}),
    Row("column twice", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:forces:R:3 energy=-1","Si 0 0 0 0.1 0 0 0.2 0 0\nSi 1 1 1 0 0 0 0 0 0\n"),
        refused="names 'forces' twice"),
    Row("forces as key and col", frame(f'{LATTICE} {P} forces="0 0 0 0 0 0" energy=-1'),
        refused="both a key and a column"),
    Row("energy per atom", frame(f"{LATTICE} {P} energy_per_atom=-5.4"), values={"energy":-10.8},
        said="energy per atom"),
    Row("energy + per atom contradict", frame(f"{LATTICE} {P} energy=-10.8 energy_per_atom=-6"),
        refused="energy_per_atom"),
    Row("virial asym", frame(f'{LATTICE} {P} energy=-1 virial="1 5 0 0 1 0 0 0 1"'), refused="symmetric"),
    Row("virial+virials", frame(f'{LATTICE} {P} energy=-1 virial="1 0 0 0 1 0 0 0 1" virials="2 0 0 0 2 0 0 0 2"'),
        refused="ambiguous"),
    Row("REF free vs free", frame(f'{LATTICE} {P} REF_free_energy=-1 free_energy=-2'), refused="ambiguous"),
    Row("stress named", frame(f'{LATTICE} {P} energy=-1 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="0.0409 0 0 0 0.0409 0 0 0 0.0409"'),
        options={"stress_key":"virial"}, values={"pressure":[-0.0409/VOLUME]*3}),
    Row("lattice twice", frame(f'{LATTICE} {LATTICE} {P} energy=-1'), refused="there twice"),
    Row("group twice", frame(f'{LATTICE} {P} energy=-1 group=a group=b'), refused="there twice"),
    Row("stress vs pressure", frame(f'{LATTICE} {P} energy=-1 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="-0.0409 0 0 0 -0.0409 0 0 0 -0.0409" dft_stress="2e-3 0 0 0 2e-3 0 0 0 2e-3"'),
        refused="ambiguous"),
    Row("free equal", frame(f"{LATTICE} {P} energy=-10.0 free_energy=-10.0"), values={"energy":-10}),
]  # fmt: skip


@table(CONTRADICTIONS)
def test_two_labels_for_one_quantity_agree_or_are_refused(row, tmp_path):
    check(row, tmp_path)


STATED_UNITS = [
    Row(
        "hartree, hartree/bohr",
        frame(f"{LATTICE} {P} energy=-0.5 energy-unit=hartree force-unit=hartree/bohr"),
        values={"energy": -0.5 * HARTREE, "forces0": [0.1 * HARTREE / BOHR, 0, 0]},
        said="is converted",
    ),
    Row(
        "stress in kbar",
        frame(f'{LATTICE} {P} energy=-3.0 stress="10 0 0 0 10 0 0 0 10" stress-unit=kbar'),
        values={"pressure": [1.0 / 160.2176634] * 3},
        said="is converted",
    ),
    Row(
        "energy_unit=Hartree",
        frame(f"{LATTICE} {P} energy=-0.4 energy_unit=Hartree"),
        values={"energy": -0.4 * HARTREE},
        said="is converted",
    ),
    Row(
        "an unknown unit", frame(f"{LATTICE} {P} energy=-10.8 energy-unit=foo"), refused="energy-unit=foo states a unit"
    ),
]
STATED_UNITS += [
    Row("units=metal", frame(f"{LATTICE} {P} energy=-10.8 units=metal"), values=LABELS),
    Row("units=real", frame(f"{LATTICE} {P} energy=-10.8 units=real"), refused="units=real states"),
    Row("kcal/mol", frame(f'{LATTICE} {P} energy=-10 energy_units=kcal/mol forces_units=kcal/mol/Å'),
        values={"energy":-10*KCAL,"forces0":[.1*KCAL,0,0]}, said="is converted"),
    Row("kJ/mol nm", frame(f'{LATTICE} {P} energy=-10 energy-unit=kJ/mol force-unit=kJ/mol/nm'),
        values={"energy":-10/96.48533212331,"forces0":[.1/964.8533212331,0,0]}, said="is converted"),
    Row("bohr lengths", frame(f'{LATTICE} {P} energy=-10 length_unit=bohr'), values={"volume":VOLUME*BOHR**3}, said="is converted"),
    Row("Ry/bohr", frame(f'{LATTICE} {P} energy=-1 force_unit=Ry/bohr energy_unit=Ry'),
        values={"energy":-HARTREE/2,"forces0":[.1*HARTREE/2/BOHR,0,0]}, said="is converted"),
    Row("GPa stress", frame(f'{LATTICE} {P} energy=-1 stress="1 0 0 0 1 0 0 0 1" stress_unit=GPa'),
        values={"pressure":[1/160.2176634]*3}, said="is converted"),
    Row("eV/A", frame(f'{LATTICE} {P} energy=-10.8 energy_unit=eV force_unit=eV/A stress_unit=eV/A^3'),
        values=LABELS),
    Row("eV/Angstrom", frame(f'{LATTICE} {P} energy=-10.8 energy_unit=eV force_unit="eV/Angstrom" stress_unit="eV/Angstrom^3"'),
        values=LABELS),
    Row("dipole_unit", frame(f'{LATTICE} {P} energy=-10.8 dipole_unit=Debye'), values=LABELS),
    Row("formula_units=4", frame(f'{LATTICE} {P} energy=-10.8 formula_units=4'), values=LABELS),
    Row("unit_energy", frame(f'{LATTICE} {P} energy=-1 unit_energy=Hartree'), values={"energy":-HARTREE}, said="is converted"),
    Row("units_forces", frame(f'{LATTICE} {P} energy=-1 units_forces=Hartree/Bohr'),
        values={"forces0":[.1*HARTREE/BOHR,0,0]}, said="is converted"),
    Row("unit=Ha", frame(f'{LATTICE} {P} energy=-1 unit=Ha'), refused="unit=Ha"),
    Row("eV/atom", frame(f'{LATTICE} {P} energy=-5.4 energy_unit=eV/atom'), refused="eV/atom"),
    Row("virial kbar*", frame(f'{LATTICE} {P} energy=-5.4 virial="1 0 0 0 1 0 0 0 1" virial_unit=kbar'),
        refused="virial_unit=kbar"),
    Row("dft_energy_unit", frame(f'{LATTICE} {P} dft_energy=-1 dft_energy_unit=Hartree'), values={"energy":-HARTREE}, said="is converted"),
    Row("unit_cell=conventional", frame(f"{LATTICE} {P} energy=-10.8 unit_cell=conventional"), values=LABELS),
    Row("in key", frame(f'{LATTICE} {P} energy_Ha=-1'), refused="energy_Ha"),
    Row("in key bracket", frame(f'{LATTICE} {P} "energy(Hartree)"=-1'), refused="energy"),
]  # fmt: skip


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
NO_LABEL += [
    Row("forces_computed=T", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-10.8 forces_computed=T","Si 0 0 0\nSi 1 1 1\n"),
        values={"energy":-10.8,"forces":None}),
    Row("stress_tol", frame(f"{LATTICE} {P} energy=-10.8 stress_tolerance=0.1"), values=LABELS),
    Row("energy_method=PBE", frame(f"{LATTICE} {P} energy_method=PBE"), values={"energy":None}),
    Row("energy-cutoff", frame(f"{LATTICE} {P} energy-cutoff=500"), values={"energy":None}),
    Row("cutoff_energy", frame(f"{LATTICE} {P} cutoff_energy=500"), values={"energy":None}),
    Row("max_force", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 max_force=0.1","Si 0 0 0\nSi 1 1 1\n"),
        values={"forces":None}),
    Row("force_rms", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 force_rms=0.1","Si 0 0 0\nSi 1 1 1\n"),
        values={"forces":None}),
    Row("fermi_energy", frame(f"{LATTICE} {P} fermi_energy=5.1"), values={"energy":None}),
    Row("kinetic_energy", frame(f"{LATTICE} {P} kinetic_energy=0.1"), values={"energy":None}),
    Row("formation_energy", frame(f"{LATTICE} {P} formation_energy=0.1"), values={"energy":None}),
    Row("energy_id int", frame(f"{LATTICE} {P} energy=-10.8 energy_id=17"), values=LABELS),
    Row("forcs", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:ref_forcs:R:3 energy=-1"), refused="ref_forcs"),
    Row("mystress", frame(f'{LATTICE} {P} energy=-1 mystress="1 0 0 0 1 0 0 0 1"'), refused="mystress"),
    Row("stress none", frame(f'{LATTICE} {P} energy=-1 mystress="1 0 0 0 1 0 0 0 1"'), options={"without":["stress"]},
        values={"stress":None}),
    Row("need_forces=1", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 need_forces=1","Si 0 0 0\nSi 1 1 1\n"),
        values={"forces":None}),
    Row("energy_smearing=0.1", frame(f"{LATTICE} {P} energy_smearing=0.1"), values={"energy":None}),
    Row("virial_pressure", frame(f"{LATTICE} {P} energy=-10.8 virial_pressure=3.0"), values=LABELS),
    Row("E_energy_convergence", frame(f"{LATTICE} {P} energy_convergence=1e-5"), values={"energy":None}),
    Row("energy_above_hull", frame(f"{LATTICE} {P} energy_above_hull=0.02"), values={"energy":None}),
]  # fmt: skip


@table(NO_LABEL)
def test_a_flag_or_a_setting_is_no_misspelt_label(row, tmp_path):
    check(row, tmp_path)


CP2K_POSITIONS = "2\n i =        0, time =        0.000, E =       -17.1640553230\n Si 0 0 0\n Si 1.36 1.36 1.36\n"
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
NAMES += [
    Row("a .gro whose title is a number", "1\n    2\n    1SOL     OW    1   0.000   0.000   0.000\n    1SOL    HW1    2   0.137   0.137   0.137\n"
        "   0.54700   0.54700   0.54700\n", file="a.gro", values={"atomic_numbers": [8, 1], "energy": None}),
    Row("bz2", bz2.compress(GOOD.encode()), file="a.xyz.bz2", values=LABELS),
    Row("xz", lzma.compress(GOOD.encode()), file="a.xyz.xz", values=LABELS),
    Row("gz cut", gzip.compress(GOOD.encode())[:-20], file="a.xyz.gz", refused="truncated"),
    Row("zst", b"\x28\xb5\x2f\xfd1234", file="a.xyz.zst", refused="zstd"),
    Row("utf16", GOOD.encode("utf-16"), refused="UTF-16"),
    Row("index -1", GOOD+SECOND, index="@-1", values={"energy":-10.7}, frames=1),
    Row("index -3", GOOD+SECOND, index="@-3", refused="numbered from 0 to 1"),
    Row("step 0", GOOD+SECOND, index="@::0", refused="must be like"),
    Row("empty index", GOOD+SECOND, index="@", refused="must be like"),
    Row("latin1", GOOD.replace("energy","name=Universit\u00e9 energy").encode("latin-1"), values=LABELS),
    Row("html", "<html><body>404</body></html>", file="a.xyz", refused="web page"),
    Row("csv", "a,b,c\n1,2,3\n", file="a.csv", refused="cannot be read"),
    Row("json other", '{"a": 1}', file="a.json", refused="neither an mlearn list nor an ASE database"),
    Row("json empty list", '[]', file="a.json", refused="no frames"),
    Row("pickle", b"\x80\x04\x95", file="a.pkl", refused="cannot be read"),
    Row("LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123\n", file="a.extxyz",
        refused="LFS"),
    Row("whitespace only", "  \n \n", refused="empty"),
]  # fmt: skip


@table(NAMES)
def test_the_content_decides_and_the_words_help(row, tmp_path):
    check(row, tmp_path)

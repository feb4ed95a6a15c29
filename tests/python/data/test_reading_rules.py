"""The rules of docs/reference/data-rules.md about files: lines, header keys, what is filled in, names and formats.

A row is an input and its right outcome: the values read, or the words of the refusal, or what is said. New findings
become rows here.
"""

from __future__ import annotations

import bz2
import gzip
import lzma

import numpy as np
import pytest

from tlmlp.data import Notes, read_files, read_frames
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


def Row(name, text, **outcome):
    """An input and its outcome, see the fixture ``outcome``."""
    return {"name": name, "text": text, **outcome}


def table(rows):
    """Parametrise a test over ``rows``."""
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


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


RUNNER = """begin
comment made
lattice 10.2 0 0
lattice 0 10.2 0
lattice 0 0 10.2
atom 0 0 0 Si 0 0 .1 .1 .1
atom 2.5 2.5 2.5 Si 0 0 -.1 -.1 -.1
energy -10
charge 0
end
"""
RUNNER_SAID = "bohr and Hartree are assumed"
EVERY_LINE += [
    Row("input.data", RUNNER + "\n" + RUNNER, file="input.data", frames=2, values={"energy": -272.11386024}, said=RUNNER_SAID),
    Row("input.data cut behind its atoms", RUNNER + RUNNER[: RUNNER.index("energy")], file="input.data",
        refused="line 11: the structure that begins here has no end"),
    Row("input.data without an end between", RUNNER.replace("end\n", "") + RUNNER, file="input.data",
        refused="line 10: .* or end was expected, got 'begin'"),
    Row("input.data with another line", RUNNER + "hello\n" + RUNNER, file="input.data", refused="line 11: begin was expected, got 'hello'"),
    Row("input.data with another word", RUNNER.replace("charge", "chrage"), file="input.data", refused="line 9: .* got 'chrage 0'"),
]  # fmt: skip


@table(EVERY_LINE)
def test_every_line_belongs_to_a_frame(row, outcome):
    outcome(**row)


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


CELL_ELSEWHERE = "is not read; name it Lattice"
FRACTIONAL = "says that the positions are fractional"
KNOWN_KEYS += [
    Row(
        "a, b, c and angles",
        frame(f"a=5.4 b=5.4 c=5.4 alpha=90 beta=90 gamma=90 {P}"),
        refused="the keys a, b, c are not read",
    ),
    Row("lx ly lz", frame(f"Lx=5.4 Ly=5.4 Lz=5.4 {P}"), refused="the keys Lx, Ly, Lz are not read"),
    Row("Tv_1", frame(f'Tv_1="5.4 0 0" Tv_2="0 5.4 0" Tv_3="0 0 5.4" {P}'), refused=CELL_ELSEWHERE),
    Row("cell_lengths", frame(f'cell_lengths="5.4 5.4 5.4" cell_angles="90 90 90" {P}'), refused=CELL_ELSEWHERE),
    Row("box_size", frame(f"box_size=5.4 {P}"), refused=CELL_ELSEWHERE),
    Row("a and b of something else", frame(f"{LATTICE} {P} energy=-10.8 a=1 b=2 c=3"), values=LABELS),
    Row("coordinates=fractional", frame(f"{LATTICE} {P} coordinates=fractional"), refused=FRACTIONAL),
    Row("pos_type=Direct", frame(f"{LATTICE} {P} pos_type=Direct"), refused=FRACTIONAL),
    Row("scaled_positions=T", frame(f"{LATTICE} {P} scaled_positions=T"), refused=FRACTIONAL),
    Row("coordinates=cartesian", frame(f"{LATTICE} {P} energy=-10.8 coordinates=cartesian"), values=LABELS),
]


@table(KNOWN_KEYS)
def test_geometry_is_never_free_metadata(row, outcome):
    outcome(**row)


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
        said="UNITS is real",
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
        file="x.dump", values={"positions":[[0,0,0],[1.3675]*3]}, said="UNITS is real"),
    Row("dump element numbers", DUMP.format(element="element ",a="1 ",b="2 "), file="x.dump",
        refused="element|symbol|read"),
    Row("dump f missing z", DUMP_ELEMENTS.replace(" fx fy fz"," fx fy q"), file="x.dump", refused="fx, fy and fz"),
    Row("two units", "ITEM: UNITS\nreal\n"+DUMP_ELEMENTS+"ITEM: UNITS\nreal\n"+DUMP_ELEMENTS, file="x.dump", frames=2,
        values={"forces0":[0.1*KCAL,0,0]}, said="UNITS is real"),
    Row("xyz with type numbers", "2\n\n1 0 0 0\n2 1 1 1\n", file="x.xyz",
        refused="line 3: a chemical symbol was expected, '1' is a type"),
    Row("lammps data", "LAMMPS data\n\n2 atoms\n1 atom types\n\n0 5.4 xlo xhi\n0 5.4 ylo yhi\n0 5.4 zlo zhi\n\nAtoms # atomic\n\n1 1 0 0 0\n2 1 1 1 1\n",
        file="x.data", refused="types are not elements|cannot be read"),
    Row("mtp types many", MTP, file="x.cfg", options={"types":["Si"]}, refused="has type 1"),
    Row("mtp cut", MTP[:300], file="x.cfg", options={"types":["Si","Ge"]}, refused="BEGIN_CFG has no END_CFG"),
    Row("extxyz X", frame(f"{LATTICE} {P} energy=-1","X 0 0 0 0 0 0\n"), refused="line 3: a chemical symbol"),
    Row("no energy given", frame(f"{LATTICE} {P}"), values={"energy":None,"stress":None}),
]  # fmt: skip


MASSES = DUMP.format(element="mass ", a="{} ", b="{} ")
NOT_FILLED_IN += [
    Row("masses to few digits", MASSES.format("28.1", "72.6"), file="a.dump", values={"atomic_numbers": [14, 32]}, said="metal is assumed"),
    Row("a mass of no element", MASSES.format("29.4", "72.63"), file="a.dump", refused="holds 29.4, which is the mass of no element"),
    Row("reduced masses", MASSES.format("1.0", "2.0"), file="a.dump", refused="holds 2.0, which is the mass of no element"),
    Row("types in the column element", DUMP.format(element="element ", a="1 ", b="2 "), file="a.dump",
        refused="the column element holds '1', which is no chemical symbol"),
    Row("real is said", "ITEM: UNITS\nreal\n" + DUMP_ELEMENTS, file="a.dump", said="UNITS is real: positions and forces are converted"),
]  # fmt: skip


def with_columns(names, *values):
    """A dump with elements and further columns."""
    head, *atoms = DUMP_ELEMENTS.split("fx fy fz\n")
    rows = [f"{row} {value}" for row, value in zip(atoms[0].splitlines(), values, strict=True)]
    return f"{head}fx fy fz {names}\n" + "\n".join(rows) + "\n"


PASSED_OVER = "columns that are passed over, because no label is taken from them: {}$"
NOT_FILLED_IN += [
    Row("columns of fixes and computes", with_columns("f_1[1] c_x[2] v_e", "1 2 3", "4 5 6"), file="a.dump",
        values={"energy": None, "forces0": [0.1, 0, 0]}, said=PASSED_OVER.format(r"f_1\[1\], c_x\[2\], v_e")),
    Row("columns of many frames, told once", with_columns("c_pe", "-5.4", "-5.4") * 3, file="a.dump", frames=3,
        values={"energy": None}, said=PASSED_OVER.format("c_pe").replace("$", r" \(so for 3 frames\)$")),
    Row("velocities and charges", with_columns("vx vy vz q", "1 2 3 0", "4 5 6 0"), file="a.dump", said=PASSED_OVER.format("vx, vy, vz, q")),
    Row("a column with braces", with_columns("c_{x}", "1", "2"), file="a.dump", said=PASSED_OVER.format(r"c_\{x\}")),
    Row("--types for extended XYZ", GOOD, options={"types": ["Ge"]}, refused="names its elements itself, so --types .data.types. Ge has no meaning"),
    Row("--types for a dump with elements", DUMP_ELEMENTS, file="a.dump", options={"types": ["Si", "Ge"]}, refused="names its elements itself"),
    Row("--types for a dump with masses", MASSES.format("28.1", "72.6"), file="a.dump", options={"types": ["Ge", "Si"]},
        values={"atomic_numbers": [32, 14]}, said="metal is assumed"),
    Row("--types for input.data", RUNNER, file="input.data", options={"types": ["Si"]}, refused="names its elements itself"),
]  # fmt: skip


@table(NOT_FILLED_IN)
def test_nothing_is_filled_in(row, outcome):
    outcome(**row)


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
    Row("empty slice", GOOD, index="@7:", refused="there is 1 frame, and the index '7:' chooses none"),
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
D_CELL = CELL.replace("2.735", "2.735D0")
NAMES += [
    Row("mac line ends", (GOOD+SECOND).replace("\n","\r"), **BOTH),
    Row("count with comment", GOOD.replace("2\n","2 # atoms\n",1),
        refused="line 1: a number of atoms was expected, got '2 # atoms'"),
    Row("count 2.0", GOOD.replace("2\n","2.0\n",1), refused="a number of atoms"),
    Row("tabs", GOOD.replace(" 0 0 0 0.1","\t0\t0\t0\t0.1"), values=LABELS),
    Row("blank then header", GOOD.replace("2\n","2\n\n",1), refused="line 3"),
    Row("nul byte", GOOD.replace("energy","na\x00me=1 energy"), values=LABELS),
    Row("fortran D lattice", frame(f'Lattice="{D_CELL}" {P} energy=-10.8'), values=LABELS),
    Row("fortran D energy", frame(f'{LATTICE} {P} energy=-1.08D1'), values=LABELS),
    Row("fortran D positions", GOOD.replace("1.3675 1.3675 1.3675","1.3675D0 1.3675d0 1.3675D+00"), values=LABELS),
    Row("braces", frame('Lattice={'+CELL+'} '+f'{P} energy=-10.8'), values=LABELS),
    Row("brackets", frame(f'Lattice=[{CELL}] {P} energy=-10.8'), values=LABELS),
    Row("nested", frame(f'Lattice=[[0,2.735,2.735],[2.735,0,2.735],[2.735,2.735,0]] {P} energy=-10.8'),
        refused="nested"),
    Row("json lattice", frame(f'Lattice="_JSON [[0,2.735,2.735],[2.735,0,2.735],[2.735,2.735,0]]" {P} energy=-10.8'),
        refused="nested|nine"),
    Row("pbc=TTF", frame(f'{LATTICE} pbc=TTF {P} energy=-10.8'), refused="pbc must be"),
    Row("pbc commas", frame(f'{LATTICE} pbc="T,T,F" {P} energy=-10.8'), values={"pbc":[1,1,0]}),
    Row("pbc=True", frame(f'{LATTICE} pbc=True {P} energy=-10.8'), values={"pbc":[1,1,1]}),
    Row("pbc 2 1 1", frame(f'{LATTICE} pbc="2 1 1" {P} energy=-10.8'), refused="pbc must be"),
    Row("pbc empty", frame(f'{LATTICE} pbc="" {P} energy=-10.8'), refused="pbc must be"),
    Row("pos star", GOOD.replace("1.3675 1.3675 1.3675","******* 1.3675 1.3675"),
        refused="line 4: a number was expected, got '\\*\\*\\*"),
    Row("glued numbers", GOOD.replace("1.3675 -0.1","1.3675-0.1"), refused="line 4: 7 columns were expected, got 6"),
    Row("names with space", GOOD, file="a b.extxyz", values=LABELS),
    Row("upper suffix", GOOD, file="A.XYZ", values=LABELS),
    Row("group quoted", frame(f'{LATTICE} {P} energy=-10.8 config_type="a b=c"'), values=LABELS),
    Row("escaped quote", frame(f'{LATTICE} {P} energy=-10.8 note="say \\"x\\" now"'), values=LABELS),
    Row("apostrophe", frame(f'{LATTICE} {P} energy=-10.8 note="it\'s"'), values=LABELS),
    Row("json meta", frame(f'{LATTICE} {P} energy=-10.8 meta="_JSON {{\\"a\\": 1}}"'), values=LABELS),
    Row("nested list meta", frame(f'{LATTICE} {P} energy=-10.8 k=[[1,2],[3,4]]'), values=LABELS),
    Row("comma pairs", frame(f'{LATTICE}, {P}, energy=-10.8'), refused="header|Lattice|Properties"),
    Row("move mask", frame(f'{LATTICE} Properties=species:S:1:pos:R:3:move_mask:L:1:forces:R:3 energy=-10.8',"Si 0 0 0 T 0.1 0 0\nSi 1 1 1 F -0.1 0 0\n"),
        values={"forces0":[.1,0,0]}),
    Row("mask 3", frame(f'{LATTICE} Properties=species:S:1:pos:R:3:move_mask:L:3:forces:R:3 energy=-10.8',"Si 0 0 0 T T F 0.1 0 0\nSi 1 1 1 F F F -0.1 0 0\n"),
        values={"forces0":[.1,0,0]}),
    Row("string column", frame(f'{LATTICE} Properties=species:S:1:pos:R:3:tag:S:2:forces:R:3 energy=-10.8',"Si 0 0 0 a b 0.1 0 0\nSi 1 1 1 c d -0.1 0 0\n"),
        values={"forces0":[.1,0,0]}),
    Row("int energy", frame(f'{LATTICE} {P} energy=-10'), values={"energy":-10}),
    Row("deuterium", frame(f'{LATTICE} {P} energy=-10', "D 0 0 0 0 0 0\n"), refused="line 3: a chemical symbol"),
    Row("lower symbol", frame(f'{LATTICE} {P} energy=-10.8', ATOMS.replace("Si","si")),
        values={"atomic_numbers":[14,14]}),
    Row("SI caps", frame(f'{LATTICE} {P} energy=-10.8', ATOMS.replace("Si","SI")), values={"atomic_numbers":[14,14]}),
    Row("label symbol", frame(f'{LATTICE} {P} energy=-10.8', ATOMS.replace("Si","Si1")),
        refused="line 3: a chemical symbol"),
    Row("gz of empty", gzip.compress(b""), file="a.xyz.gz", refused="empty"),
    Row("double gz", gzip.compress(gzip.compress(GOOD.encode())), file="a.xyz.gz.gz", values=LABELS),
    Row("R column width2 pos", frame(f'{LATTICE} Properties=species:S:1:pos:R:2 energy=-1',"Si 0 0\n"),
        refused="must be pos:R:3"),
    Row("props odd", frame(f'{LATTICE} Properties=species:S:1:pos:R energy=-1',"Si 0 0\n"), refused="triples"),
    Row("no species", frame(f'{LATTICE} Properties=pos:R:3 energy=-1',"0 0 0\n"), refused="must name species"),
    Row("forces int column", frame(f'{LATTICE} Properties=species:S:1:pos:R:3:forces:I:3 energy=-1',"Si 0 0 0 1 0 0\nSi 1 1 1 -1 0 0\n"),
        values={"forces0":[1,0,0]}),
]  # fmt: skip


SIX = f'{LATTICE} {P} energy=-10.8 stress="1 2 3 4 5 6"'
NAMES += [
    Row(
        "another order of six",
        frame(f'{SIX} stress_order="xx yy zz xy yz zx"'),
        refused="is not the order that is read",
    ),
    Row(
        "the order of six",
        frame(f'{SIX} voigt_order="xx,yy,zz,zy,zx,yx"'),
        values={"pressure": [1, 2, 3]},
        said="six numbers",
    ),
]


@table(NAMES)
def test_the_content_decides_and_the_words_help(row, outcome):
    outcome(**row)


def test_types_may_be_for_some_of_the_files(tmp_path):
    """What no file needs is refused, once."""
    (tmp_path / "numbered.lammpstrj").write_text(DUMP_TYPES)
    (tmp_path / "named.xyz").write_text(GOOD)
    files = [tmp_path / "named.xyz", tmp_path / "numbered.lammpstrj"]
    named, numbered = read_files(files, types=["Ge", "Si"], notes=Notes())
    assert numbered[0].atomic_numbers.tolist() == [32, 14]
    assert named[0].atomic_numbers.tolist() == read_frames(files[0])[0].atomic_numbers.tolist()
    with pytest.raises(
        TlmlpError, match=r"named.xyz, .*named.xyz: all files name .* so --types .data.types. Ge,Si has no"
    ):
        read_files([files[0], files[0]], types=["Ge", "Si"])

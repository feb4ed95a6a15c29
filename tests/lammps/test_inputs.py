"""Decks that people write, each with what must come of it: the right energy, one ERROR line, a warning or none.

A row is a kind, the deck, and its outcome. New inputs become new rows. ``{model}`` is a model of germanium whose training data
have no pair closer than 1.5 Å; a deck that runs prints its potential energy, in eV unless the row says otherwise.
"""

import re
import shutil
from dataclasses import dataclass

import ase
import numpy as np
import pytest

from tlmlp.errors import TlmlpError

KCAL_PER_EV = 23.060549  # LAMMPS' factor between units metal and real

CHAIN = [[5.0, 5.0, 5.0], [7.4, 5.0, 5.0], [8.2, 7.2, 5.0], [10.6, 7.2, 5.6]]


def atoms_of(positions: list[list[float]], types: list[int] | None = None) -> str:
    types = types or [1] * len(positions)
    return "".join(
        f"create_atoms {kind} single {x[0]} {x[1]} {x[2]} units box\n" for kind, x in zip(types, positions, strict=True)
    )


@dataclass(frozen=True)
class Row:
    """What comes of a deck: an ERROR with these words, or a run with these texts in its output and without those."""

    kind: str
    deck: str
    error: str = ""
    says: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    atoms: tuple[int, ...] = ()  # of CHAIN, whose energy by ASE the run must give
    scale: float = 1.0  # unit of the energy in eV^-1
    ranks: int = 1

    def __str__(self) -> str:
        return self.kind


PAIR = "pair_style tlmlp precision double\n"
COEFF = "pair_coeff * * {model} Ge\n"
PRINT = "thermo_style custom step pe\nthermo_modify norm no format float %.15g\nrun 0\n"
BOX = "region box block 0 20 0 20 0 20\ncreate_box 1 box\nmass * 72.6\n"
TWO = BOX + atoms_of(CHAIN[:2])
NEEDS = "needs units metal or real, got units "


def units(first: str, second: str, **outcome) -> Row:
    deck = f"units {first}\n{PAIR}units {second}\n{TWO}{COEFF}{PRINT}"
    return Row(f"units {second} after pair_style in {first}", deck, **outcome)


METAL, REAL = {"atoms": (0, 1)}, {"atoms": (0, 1), "scale": KCAL_PER_EV}
UNITS = [
    units("metal", "real", **REAL),
    units("real", "metal", **METAL),
    units("real", "real", **REAL),
    units("metal", "lj", error=NEEDS + "lj"),
    units("real", "si", error=NEEDS + "si"),
    units("metal", "cgs", error=NEEDS + "cgs"),
    units("metal", "nano", error=NEEDS + "nano"),
    units("lj", "metal", error=NEEDS + "lj"),
    Row("units changed twice", f"units metal\n{PAIR}units lj\nunits real\n{TWO}{COEFF}{PRINT}", **REAL),
    Row("no units at all", f"{PAIR}{TWO}{COEFF}{PRINT}", error=NEEDS + "lj"),
    Row(
        "units after pair_style hybrid/overlay",
        "units metal\npair_style hybrid/overlay tlmlp precision double zero 4.0\nunits real\n"
        f"{TWO}pair_coeff * * tlmlp {{model}} Ge\npair_coeff * * zero\n{PRINT}",
        **REAL,
    ),
    Row(
        "units after pair_style of a committee",
        f"units metal\npair_style tlmlp precision double committee 2\nunits real\n{TWO}pair_coeff * * {{model}} {{model}} Ge\n{PRINT}",
        **REAL,
    ),
    Row(
        "units after pair_style tlmlp/torch",
        f"units metal\npair_style tlmlp/torch precision double\nunits real\n{TWO}{COEFF}{PRINT}",
        **REAL,
    ),
    Row(
        "other units after clear",
        f"units metal\n{PAIR}{TWO}{COEFF}run 0\nclear\nunits metal\n{PAIR}units real\n{TWO}{COEFF}{PRINT}",
        **REAL,
    ),
    Row(
        "a restart file read in other units",
        f"units real\n{PAIR}{TWO}{COEFF}run 0\nwrite_restart kept\nclear\nunits metal\nread_restart kept\n{PRINT}",
        **REAL,
    ),
]

FULL = (
    "units metal\natom_style full\nregion box block 0 20 0 20 0 20\n"
    "create_box {types} box bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 6\nmass * 72.6\n{atoms}"
    "bond_style zero\n{pair}bond_coeff *\n{special}{bonds}"
)
HIDES = "special_bonds hides"
BONDS = "".join(f"create_bonds single/bond 1 {k} {k + 1} special yes\n" for k in (1, 2, 3))


def bonded(kind: str, special: str, bonds: str = BONDS, types=(1, 1, 1, 1), pair: str = PAIR + COEFF, **outcome) -> Row:
    atoms = atoms_of(CHAIN[: len(types)], list(types))
    deck = FULL.format(types=max(types), atoms=atoms, pair=pair, special=special + "\n" if special else "", bonds=bonds)
    return Row("special_bonds: " + kind, deck + PRINT, **outcome)


def hides(pairs: int) -> dict:
    return {"says": (f"{HIDES} {pairs} bonded pairs of atoms from the model; use special_bonds lj/coul 1 1 1",)}


WHOLE = {"silent": (HIDES,), "atoms": (0, 1, 2, 3)}
NULLS = "pair_style hybrid/overlay tlmlp precision double lj/cut 5.0\npair_coeff * * tlmlp {model} Ge NULL\npair_coeff 2 2 lj/cut 0.0 1.0\npair_coeff 1 2 lj/cut 0.0 1.0\n"
LONG = "pair_style hybrid/overlay tlmlp precision double coul/long 5.0\npair_coeff * * tlmlp {model} Ge\npair_coeff * * coul/long\nset group all charge 1e-9\nkspace_style ewald 1e-4\n"
SPECIAL = [
    bonded("two atoms without a bond", "", "", (1, 1), silent=(HIDES,), atoms=(0, 1)),
    bonded("four atoms without bonds", "special_bonds lj/coul 0 0 0", "", **WHOLE),
    bonded("the default and a chain", "", **hides(6)),
    bonded("the default and a chain, two ranks", "", ranks=2, **hides(6)),
    bonded("one bond", "", BONDS.splitlines(True)[0], **hides(1)),
    bonded("all one", "special_bonds lj/coul 1 1 1", **WHOLE),
    bonded("all one half", "special_bonds lj/coul 0.5 0.5 0.5", **WHOLE),
    bonded("lj 0, coul 0.5", "special_bonds lj 0 0 0 coul 0.5 0.5 0.5", **WHOLE),
    bonded("lj 0.5, coul 0", "special_bonds lj 0.5 0.5 0.5 coul 0 0 0", **WHOLE),
    bonded("first neighbours alone", "special_bonds fene", **hides(3)),
    bonded("first and second neighbours", "special_bonds dreiding", **hides(5)),
    bonded("amber", "special_bonds amber", **hides(5)),
    bonded("charmm", "special_bonds charmm", **hides(6)),
    bonded("bonds of other atoms", "", BONDS.splitlines(True)[2], (1, 1, 2, 2), NULLS, silent=(HIDES,), atoms=(0, 1)),
    bonded("a bond to another atom", "", BONDS.splitlines(True)[1], (1, 1, 2, 2), NULLS, silent=(HIDES,), atoms=(0, 1)),
    bonded("bonds here and there", "", BONDS, (1, 1, 2, 2), NULLS, **hides(1)),
    bonded("a long-range solver needs all pairs", "", BONDS, pair=LONG, silent=(HIDES,)),
]

EXCLUDE = "neigh_modify exclude hides pairs"
METAL_BOX = "units metal\n" + BOX.replace("create_box 1", "create_box 2") + atoms_of(CHAIN, [1, 1, 2, 2])


def excluded(line: str, warned: bool) -> Row:
    outcome = {"says": (EXCLUDE,)} if warned else {"silent": (EXCLUDE,), "atoms": (0, 1)}
    return Row(f"neigh_modify exclude {line}", f"{METAL_BOX}{NULLS}group a type 1\ngroup b type 2\ngroup none empty\n"
               f"neigh_modify exclude {line}\n{PRINT}", **outcome)  # fmt: skip


EXCLUSIONS = [
    excluded("type 1 1", True),
    excluded("type 2 2", False),
    excluded("type 1 2", False),
    excluded("group a a", True),
    excluded("group all all", True),
    excluded("group b b", False),
    excluded("group a b", False),
    excluded("group a none", False),
]

ALONE = "NULL leaves atom type {} to another style of pair_style hybrid, and there is none; give it an element"


def nulls(names: str, pair: str = PAIR, files: str = "{model}", **outcome) -> Row:
    box = "units metal\n" + BOX.replace("create_box 1", f"create_box {len(names.split())}") + atoms_of(CHAIN[:2])
    return Row(f"NULL: {names} by {pair.split()[1]}", f"{box}{pair}pair_coeff * * {files} {names}\n{PRINT}", **outcome)


NULL_TYPES = [
    nulls("Ge NULL", error=ALONE.format(2)),
    nulls("NULL Ge", error=ALONE.format(1)),
    nulls("NULL", error=ALONE.format(1)),
    nulls("Ge Ge NULL NULL", error=ALONE.format(3)),
    nulls("Ge NULL", "pair_style tlmlp/torch\n", error=ALONE.format(2)),
    nulls("Ge NULL", "pair_style tlmlp committee 2\n", "{model} {model}", error=ALONE.format(2)),
    nulls("Ge Ge", atoms=(0, 1)),
    nulls("Ge null", error="element 'null' is not in the model"),
    Row("NULL: with hybrid", METAL_BOX + NULLS + PRINT, atoms=(0, 1)),
    Row(
        "NULL: with hybrid, and nobody for the type",
        METAL_BOX + "pair_style hybrid tlmlp lj/cut 5.0\npair_coeff * * tlmlp {model} Ge NULL\npair_coeff 1 2 lj/cut 0 1\n"
        + PRINT,
        error="All pair coeffs are not set",
    ),
]  # fmt: skip

DROPPED = "; LAMMPS takes letters beyond ASCII out of the lines of a script: rename the file or its folder, or give the path by -var"
NAMES = [
    *(
        Row(f"model called {name}", f"units metal\n{TWO}{PAIR}pair_coeff * * {name} Ge\n{PRINT}", error=shown + DROPPED)
        for name, shown in (("modèle.pt", "mod?le.pt"), ("Åse.pt", "?se.pt"), ("données/ge.pt", "donn?es/ge.pt"),
                            ("模型.pt", ".pt"), ("α.pt", "?.pt"), ("😀.pt", ".pt"))
    ),
    Row("model called modèle.pt, by a variable of the script", f"units metal\n{TWO}{PAIR}variable m string modèle.pt\n"
        f"pair_coeff * * ${{{{m}}}} Ge\n{PRINT}", error="mod?le.pt" + DROPPED),
    Row("model called modèle.pt, by -var", f"units metal\n{TWO}{PAIR}pair_coeff * * ${{{{accent}}}} Ge\n{PRINT}", atoms=(0, 1)),
    Row("no file of that name, by -var", f"units metal\n{TWO}{PAIR}pair_coeff * * ${{{{accent}}}}x Ge\n{PRINT}",
        error="cannot read the model file modèle.ptx; give the path of a file that `tlmlp export` wrote"),
    Row("a name with a blank, in quotes", f'units metal\n{TWO}{PAIR}pair_coeff * * "my model.pt" Ge\n{PRINT}', atoms=(0, 1)),
]  # fmt: skip

ADAPT = "fix 1 all adapt 1 pair tlmlp {} * * v_little scale no\nvariable little equal 0.1\nrun 2\n"
EXTRACTED = [
    Row(f"fix adapt writes to {name}", f"units metal\n{TWO}{PAIR}{COEFF}{ADAPT.replace('{}', name)}{PRINT}", atoms=(0, 1))
    for name in ("cutoff", "min_distance", "committee", "model", "sha256")
]  # fmt: skip

ROWS = UNITS + SPECIAL + EXCLUSIONS + NULL_TYPES + NAMES + EXTRACTED


@pytest.fixture(scope="module")
def folder(tmp_path_factory, germanium):
    """Copies of the model under the names of the rows."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "données").mkdir()
    for name in ("modèle.pt", "Åse.pt", "données/ge.pt", "模型.pt", "α.pt", "😀.pt", "my model.pt"):
        shutil.copy(germanium.path, folder / name)
    return folder


@pytest.fixture(scope="module")
def energies(germanium):
    """By ASE, of the atoms of CHAIN that a row names."""
    known = {}

    def energy(which: tuple[int, ...]) -> float:
        if which not in known:
            atoms = ase.Atoms(f"Ge{len(which)}", [CHAIN[k] for k in which])
            atoms.calc = germanium.calculator()
            known[which] = atoms.get_potential_energy()
        return known[which]

    return energy


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_comes_of_a_deck(row, folder, helpers, germanium, energies):
    script = row.deck.format(model=germanium.path)
    run = helpers.decks(folder).run_text
    variables = {"accent": "modèle.pt"}
    if row.error:
        with pytest.raises(TlmlpError) as caught:
            run(script, variables=variables, ranks=row.ranks)
        assert row.error in str(caught.value)
        return
    result = run(script, variables=variables, ranks=row.ranks)
    for text in row.says:
        assert result.output.count(text) == 1
    for text in row.silent:
        assert text not in result.output
    if row.atoms:
        energy = result.tables[-1]["PotEng"][-1] / row.scale
        np.testing.assert_allclose(energy, energies(row.atoms), rtol=1e-7 if row.scale != 1.0 else 1e-12)


MOVING = """
units metal
processors 1 1 *
region box block 0 20 0 20 0 20
create_box 1 box
mass * 72.6
create_atoms 1 single 5 5 9.5 units box
create_atoms 1 single 5 5 11.55 units box
create_atoms 1 single 14 5 5 units box
pair_style tlmlp
pair_coeff * * {model} Ge
group two id 2
fix still all setforce 0 0 0
timestep 1.0
fix 1 two move linear 0 0 {speed}
thermo_modify lost ignore
"""
CLOSE = re.compile(
    r"in the run that ended, pairs of atoms were (\d+) times closer than any pair in the training data of the model "
    r"\((\S+) Angstrom\), first at step (\d+); the closest, atoms (\d+) and (\d+) at step (\d+), were (\S+) Angstrom apart"
)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_words_at_the_end_of_a_run(decks, germanium, ranks):
    """Atom 2 comes from 2.05 Å in steps of 0.1 Å, 1.45 Å at step 6 and 1.05 Å at step 10, and goes; across a boundary."""
    text = MOVING.format(model=germanium.path, speed=-0.1) + "run 10\n"
    text += "unfix 1\nfix 1 two move linear 0 0 0.1\nrun 3\nunfix 1\nfix 1 two move linear 0 0 1.0\nrun 1\nrun 1\n"
    output = decks.run_text(text, ranks=ranks).output
    found = [(*map(int, (n, first, i, j, at)), limit, d) for n, limit, first, i, j, at, d in CLOSE.findall(output)]
    pairs = [(n, first, {i, j}, at, limit, d) for n, first, i, j, at, limit, d in found]
    assert pairs == [
        (5, 6, {1, 2}, 10, "1.500", "1.050"),
        (4, 10, {1, 2}, 10, "1.500", "1.050"),
        (1, 13, {1, 2}, 13, "1.500", "1.350"),
    ]
    assert output.count("this is said once per run") == 3 * min(ranks, 2)  # on each rank that has one of the atoms


def test_nothing_is_said_of_a_run_without_close_pairs(decks, germanium):
    assert (
        "in the run that ended"
        not in decks.run_text(MOVING.format(model=germanium.path, speed=-0.05) + "run 10\n").output
    )


def test_a_run_that_ends_with_the_program(decks, germanium):
    text = MOVING.format(model=germanium.path, speed=-0.1) + "run 10\n"
    before, after = decks.run_text(text).output.split("Loop time", 1)
    assert not CLOSE.search(before) and len(CLOSE.findall(after)) == 1

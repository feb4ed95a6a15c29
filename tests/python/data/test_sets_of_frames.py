"""What is looked at over a whole set: isolated atoms, two zeros of the energy, copies and splits, and what stays unknown."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tlmlp.data import Frame, read_frames, write_frames
from tlmlp.data.check import check_files
from tlmlp.data.copies import are_copies, families
from tlmlp.data.energies import energy_warnings
from tlmlp.data.isolated import is_isolated
from tlmlp.errors import TlmlpError


def few(positions, cell=None, pbc=False, group=None, energy=None):
    """Silicon atoms at ``positions``."""
    positions = np.array(positions, dtype=float).reshape(-1, 3)
    cell = np.zeros((3, 3)) if cell is None else np.array(cell, dtype=float)
    return Frame(positions, cell, pbc, np.full(len(positions), 14), energy=energy, group=group, source="few")


FCC = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
BOX = np.eye(3)
ALONE = {
    "an atom in the open": (few([0, 0, 0]), True),
    "an atom in an open box": (few([10, 10, 10], 20 * BOX), True),
    "an atom in a periodic box": (few([10, 10, 10], 20 * BOX, True), True),
    "an atom in a box of 6.5 Å": (few([0, 0, 0], 6.5 * BOX, True), True),
    "an atom in a box of 5.5 Å": (few([0, 0, 0], 5.5 * BOX, True), False),
    "the same, named IsolatedAtom": (few([0, 0, 0], 5.5 * BOX, True, "IsolatedAtom"), True),
    "named isolated_atom": (few([0, 0, 0], 5.5 * BOX, True, "isolated_atom"), True),
    "named isolated atom": (few([0, 0, 0], 5.5 * BOX, True, "isolated atom"), True),
    "a primitive cell of fcc": (few([0, 0, 0], 5.4 * FCC, True), False),
    "a skewed cell with a near image": (few([0, 0, 0], [[20, 0, 0], [19, 3, 0], [0, 0, 20]], True), False),
    "a chain along x": (few([0, 0, 0], [[2.4, 0, 0], [0, 20, 0], [0, 0, 20]], [True, False, False]), False),
    "a dimer": (few([[0, 0, 0], [2.3, 0, 0]]), False),
    "a dimer, named isolated": (few([[0, 0, 0], [2.3, 0, 0]], group="IsolatedAtom"), False),
    "two atoms far apart": (few([[0, 0, 0], [10, 0, 0]]), True),
    "a stretched dimer at 5 Å": (few([[0, 0, 0], [5, 0, 0]]), False),
    "two atoms near through the boundary": (few([[0, 0, 0], [18, 0, 0]], 20 * BOX, True), False),
    "a crystal, named bulk": (few([[0, 0, 0], [1.36, 1.36, 1.36]], 5.43 * FCC, True, "bulk"), False),
}


@pytest.mark.parametrize("name", ALONE)
def test_isolated_atoms_are_recognised(name):
    frame, expected = ALONE[name]
    assert is_isolated(frame) is expected


def energies(make_frame, per_atom, **changes):
    """Different frames with these energies per atom."""
    return [make_frame(n, energy=8 * e, **changes) for n, e in enumerate(per_atom)]


def spread(n, centre, width=0.1, seed=0):
    return (centre + width * np.random.default_rng(seed).standard_normal(n)).tolist()


MIXED = [14] * 4 + [32] * 4
CLUMPS = {
    "300 eV/atom apart": (lambda m: energies(m, spread(20, -5.4) + spread(10, 294.6)), "20 frames at .* and 10 frames at"),
    "one frame": (lambda m: energies(m, [*spread(20, -5.4), 0.5]), "20 frames at .* and 1 frame at"),
    "formation energies among totals": (lambda m: energies(m, spread(10, -5.4) + spread(10, 0.02, 0.01)), "two clumps"),
    "all-electron among pseudopotentials": (lambda m: energies(m, spread(10, -5.4) + spread(4, -7880.0)), "4 frames at .*-788"),
    "Hartree among eV": (lambda m: energies(m, spread(10, -107.0) + spread(10, -107.0 / 27.2, 0.003)), "two clumps"),
    "energies of two elements": (
        lambda m: energies(m, spread(10, -5.4)) + energies(m, spread(10, -150.0), atomic_numbers=[32] * 8), None),
    "two elements and an alloy": (
        lambda m: energies(m, spread(10, -5.4)) + energies(m, spread(10, -150.0), atomic_numbers=[32] * 8)
        + energies(m, spread(10, -77.7), atomic_numbers=MIXED), None),
    "an alloy with another zero": (
        lambda m: energies(m, spread(10, -5.4)) + energies(m, spread(10, -150.0), atomic_numbers=[32] * 8)
        + energies(m, spread(10, -30.0), atomic_numbers=MIXED), "two clumps"),
    "a broad set": (lambda m: energies(m, np.linspace(-9.0, -4.0, 30).tolist()), None),
    "surfaces and bulk": (lambda m: energies(m, spread(20, -5.4) + spread(10, -4.5)), None),
    "an isolated atom": (lambda m: [*energies(m, spread(20, -5.4)), few([0, 0, 0], energy=-0.8)], None),
    "two frames": (lambda m: energies(m, [-5.4, -5.3]), None),
    "zeros": (lambda m: energies(m, [*spread(10, -0.3), 0.0, 0.0]), "2 frames have an energy of exactly 0"),
    "stresses of zero": (
        lambda m: [*energies(m, spread(10, -5.4)), m(50, energy=-43.0, stress=np.zeros((3, 3)))],
        "1 of 11 stresses is exactly 0, made#50 first"),
    "one energy again and again": (lambda m: energies(m, [*spread(10, -5.4), *[-5.4] * 8]), "8 different geometries have the very same"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLUMPS)
def test_two_zeros_of_the_energy(name, make_frame):
    make, words = CLUMPS[name]
    frames = make(make_frame)
    warnings = "; ".join(energy_warnings(frames))
    assert warnings == "" if words is None else re.search(words, warnings), warnings


ORDER = [3, 1, 0, 2, 7, 5, 4, 6]


def noisy(frame, width):
    """Noise as of rounding, up to ``width`` Å along each axis."""
    return replace(
        frame, positions=frame.positions + np.random.default_rng(1).uniform(-width, width, frame.positions.shape)
    )


def step_of_dynamics(frame, largest):
    """Every atom moves, the fastest one by ``largest`` Å."""
    moves = np.random.default_rng(2).standard_normal(frame.positions.shape)
    return replace(frame, positions=frame.positions + largest * moves / np.linalg.norm(moves, axis=1).max())


COPIES = {
    "the same": (lambda f: f, True),
    "moved by 1e-7 Å": (lambda f: replace(f, positions=f.positions + 1e-7), True),
    "atoms in another order": (
        lambda f: replace(f, positions=f.positions[ORDER], atomic_numbers=f.atomic_numbers[ORDER]), True),
    "an atom given by another image": (lambda f: replace(f, positions=f.positions + np.eye(8, 3) * f.cell[0, 0]), True),
    "wrapped into the cell": (lambda f: replace(f, positions=f.positions % f.cell[0, 0]), True),
    "another energy": (lambda f: replace(f, energy=3.0), True),
    "another group": (lambda f: replace(f, group="a"), True),
    "another element": (lambda f: replace(f, atomic_numbers=np.full(8, 14)), False),
    "elements swapped": (lambda f: replace(f, atomic_numbers=f.atomic_numbers[::-1].copy()), False),
    "strained": (lambda f: replace(f, cell=1.001 * f.cell, positions=1.001 * f.positions), False),
    "an atom moved by 1e-3 Å": (lambda f: replace(f, positions=f.positions + 1e-3 * np.eye(8, 3)), False),
    "open along z": (lambda f: replace(f, pbc=[True, True, False]), False),
    "an atom more": (
        lambda f: replace(f, positions=np.vstack([f.positions, [0, 0, 0]]), atomic_numbers=[*MIXED, 14], forces=None), False),
    "noise of 1e-5 Å": (lambda f: noisy(f, 1e-5), True),
    "five decimals": (lambda f: replace(f, positions=np.round(f.positions, 5), cell=np.round(f.cell, 5)), True),
    "four decimals": (lambda f: replace(f, positions=np.round(f.positions, 4)), True),
    "four decimals, cut off": (lambda f: replace(f, positions=np.floor(f.positions * 1e4) / 1e4), True),
    "bohr and back in seven digits": (
        lambda f: replace(f, positions=np.round(f.positions / 0.529177210903, 6) * 0.5291772), True),
    "fractional in six decimals": (
        lambda f: replace(f, positions=np.round(f.positions @ np.linalg.inv(f.cell), 6) @ f.cell), True),
    "single precision": (lambda f: replace(f, positions=f.positions.astype(np.float32)), True),
    "noise, another order and other images": (
        lambda f: noisy(replace(f, positions=f.positions[ORDER] - f.cell[1], atomic_numbers=f.atomic_numbers[ORDER]), 1e-5), True),
    "noise across the boundary": (lambda f: noisy(replace(f, positions=(f.positions - 1e-6) % f.cell[0, 0]), 1e-5), True),
    "the next step of dynamics": (lambda f: step_of_dynamics(f, 1.1e-3), False),
    "a small displacement, as for phonons": (lambda f: replace(f, positions=f.positions - 2e-3 * np.eye(8, 3, -2)), False),
    "two atoms of one element exchanged": (lambda f: replace(f, positions=f.positions[[1, 0, *range(2, 8)]]), True),
    "two atoms of two elements exchanged": (lambda f: replace(f, positions=f.positions[[7, *range(1, 7), 0]]), False),
    "mirrored": (lambda f: replace(f, positions=-f.positions), False),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_recognised(name, make_frame):
    change, same = COPIES[name]
    frame = make_frame(atomic_numbers=MIXED)
    assert are_copies(change(frame), frame) is same and are_copies(frame, change(frame)) is same


@pytest.mark.parametrize("pbc", [[1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
def test_no_place_of_a_rounding_hides_a_copy(pbc):
    """Noise of 1e-5 Å, whatever the numbers, the order and the images; and 1e-3 Å of one atom is another geometry."""
    random = np.random.default_rng(0)
    for _ in range(100):
        cell = np.diag(random.uniform(4, 9, 3)) + random.uniform(-1, 1, (3, 3))
        n = int(random.integers(1, 9))
        numbers = random.choice([14, 32], n)
        frame = Frame(np.round(random.uniform(0, 9, (n, 3)), 4) + 5e-5, cell, np.array(pbc, dtype=bool), numbers)
        order = random.permutation(n)
        images = (random.integers(-2, 3, (n, 3)) * pbc) @ cell
        moved = frame.positions + images + random.uniform(-1e-5, 1e-5, (n, 3))
        copy = replace(frame, positions=moved[order], cell=cell + random.uniform(-1e-6, 1e-6, (3, 3)),
                       atomic_numbers=numbers[order])  # fmt: skip
        other = moved.copy()
        other[random.integers(n), random.integers(3)] += 1.05e-3
        assert are_copies(frame, copy) and not are_copies(frame, replace(copy, positions=other[order]))


def test_firsts_of_families_are_no_copies_of_each_other(make_frame):
    """A slow drift is not one family: each frame is near its first, and the firsts are apart."""
    frame = make_frame()
    drift = [replace(frame, positions=frame.positions + 6e-5 * n * np.eye(8, 3)) for n in range(20)]
    assert families(drift) == [4 * (n // 4) for n in range(20)]


def test_copies_are_told_and_their_energies_compared(tmp_path, invoke, make_frame):
    frames = [make_frame(n) for n in range(10)]
    copies = [replace(f, energy=f.energy + 8 * 0.2) for f in frames]
    write_frames(tmp_path / "a.extxyz", frames + copies)
    output = " ".join(invoke("check", tmp_path / "a.extxyz").split())
    assert "10 frames are copies of another" in output
    assert "10 geometries are there with several energies, up to 0.2 eV/atom apart" in output


def test_copies_never_stand_in_two_parts_of_a_split(tmp_path, invoke, make_frame):
    frames = [make_frame(n) for n in range(12)]
    copies = [noisy(replace(f, energy=f.energy + 1.6), 1e-5) for f in frames]
    write_frames(tmp_path / "a.extxyz", [f for pair in zip(frames, copies, strict=True) for f in pair])
    output = " ".join(
        invoke("split", tmp_path / "a.extxyz", "--sizes", "4,6", "--val", 3, "--out", tmp_path / "o").split()
    )
    read = {path.stem: read_frames(path) for path in (tmp_path / "o").glob("*.extxyz")}
    family = iter(families([f for part in read.values() for f in part]))
    parts = {name: [next(family) for _ in part] for name, part in read.items()}
    assert {name: len(part) for name, part in parts.items()} == {
        "train-4": 4,
        "train-6": 6,
        "val": 3,
        "rest": 3,
        "copies": 12,
    }
    assert not set(parts["val"]) & (set(parts["train-6"]) | set(parts["rest"])) and set(parts["train-4"]) < set(
        parts["train-6"]
    )
    assert "12 frames are in copies.extxyz and in no part, as copies of another geometry" in output
    assert "12 geometries are there with several energies" in output
    assert json.loads((tmp_path / "o" / "split.json").read_text())["files"]["copies.extxyz"]["frames"] == 12
    with pytest.raises(TlmlpError, match="there are 12 different ones, and 12 copies"):
        invoke("split", tmp_path / "a.extxyz", "--sizes", "20", "--out", tmp_path / "p")


def test_the_check_ends_with_what_it_could_not_check(tmp_path, invoke, make_frame):
    write_frames(tmp_path / "a.extxyz", [make_frame(0)])
    lines = [line for line in invoke("check", tmp_path / "a.extxyz").splitlines() if line.strip()]
    tail = " ".join(lines[-8:])
    for words in (
        "whether the forces are the derivative of the energies",
        "unit and sign of the stress",
        "whether the electrons converged",
        "one code, functional, basis and k-point density",
    ):
        assert f"not checked: {tmp_path}/a.extxyz: {words}" in tail or words in tail
    assert lines[-1].startswith("not checked:")


def test_isolated_atoms_have_rows_of_their_own(tmp_path, invoke, make_frame):
    write_frames(
        tmp_path / "a.extxyz", [make_frame(0), make_frame(1), few([0, 0, 0], energy=-0.81, group="IsolatedAtom")]
    )
    invoke("check", tmp_path / "a.extxyz", "--json", tmp_path / "r.json")
    report = json.loads((tmp_path / "r.json").read_text())["files"][0]
    assert report["isolated_atoms"]["frames"] == 1 and report["isolated_atoms"]["energy_ev"]["max"] == -0.81
    assert report["energy_ev_per_atom"]["max"] < -4.0


def test_what_the_reader_said_is_in_the_report(tmp_path, invoke, make_frame):
    write_frames(tmp_path / "a.extxyz", [make_frame(0)])
    text = (tmp_path / "a.extxyz").read_text().replace("REF_energy", "config_energy_weight=0 REF_energy")
    (tmp_path / "a.extxyz").write_text(text)
    output = invoke("check", tmp_path / "a.extxyz", "--json", tmp_path / "r.json")
    assert (
        "note: " in output and "config_energy_weight is 0" in json.loads((tmp_path / "r.json").read_text())["notes"][0]
    )
    assert check_files({"x": [make_frame(0)]}, 4.0)["notes"] == []


def test_labels_that_are_zero_everywhere_are_told(tmp_path, invoke, make_frame):
    """Zero forces and zero stresses of all frames look like numbers that were never computed."""
    file = tmp_path / "a.extxyz"
    write_frames(file, [make_frame(n, forces=np.zeros((8, 3)), stress=np.zeros((3, 3))) for n in range(3)])
    told = " ".join(invoke("check", file).split())
    assert "all forces are exactly 0: were they not computed?" in told
    assert "3 of 3 stresses are exactly 0" in told
    assert "Nothing suspicious" not in told


def test_isolated_atoms_that_disagree_are_told(tmp_path, invoke, make_frame):
    alone = [few([[0, 0, 0]], cell=20 * np.eye(3), pbc=True, energy=energy) for energy in (-0.8, -0.1)]
    file = tmp_path / "a.extxyz"
    write_frames(file, [make_frame(n) for n in range(3)] + alone)
    assert "have energies from -0.8 eV" in " ".join(invoke("check", file).split())

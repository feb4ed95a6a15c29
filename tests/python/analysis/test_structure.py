"""Distances, angles and neighbours against freud called by hand, brute force, and what is known exactly."""

import importlib.util
import itertools

import ase.build
import ase.neighborlist
import freud
import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from tlmlp.analysis.curves import Curves, curve_distance
from tlmlp.analysis.structure import analyse
from tlmlp.analysis.structure_inputs import group_names, read_experiment
from tlmlp.errors import TlmlpError

from .conftest import ROOT


def by_hand(frames, bins, r_max):
    """g(r) by freud as its documentation shows it, and by the rows of the cell alone."""
    rdf = freud.density.RDF(bins=bins, r_max=r_max)
    for atoms in frames:
        rows = atoms.cell.array
        box = freud.box.Box(rows[0, 0], rows[1, 1], rows[2, 2], rows[1, 0] / rows[1, 1], rows[2, 0] / rows[2, 2], rows[2, 1] / rows[2, 2])  # fmt: skip
        rdf.compute((box, box.wrap(atoms.positions)), reset=False)
    return rdf.rdf


def test_distances_equal_freud_called_by_hand_and_brute_force(silicon, write):
    found = analyse([write(silicon)], r_max=5.4)
    np.testing.assert_allclose(found.rdf.mean, by_hand(silicon, 270, 5.4), rtol=0, atol=2e-4)
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "tests/cuda/reference/make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    expected = make.pair_distribution(np.array([atoms.positions for atoms in silicon])).mean(axis=0)
    # The reference has bins of 0.1 Å, five of ours weighted with their volumes, and divides by n - 1 neighbours, not by n.
    inside = found.rdf.x > 1.8
    volumes = np.diff(np.arange(90, 271) ** 3)
    ours = (found.rdf.mean[inside] * volumes).reshape(-1, 5).sum(axis=1) / volumes.reshape(-1, 5).sum(axis=1)
    np.testing.assert_allclose(ours, expected * 63 / 64, rtol=0, atol=1e-3)


def clear_edges(frames, bins, r_max):
    """(bins,) whether no pair is nearer than 3e-6 Å to the upper edge of the bin.

    freud counts in single precision, where such a pair may fall to either side.
    """
    width = r_max / bins
    distances = np.concatenate([neighbor_list("d", atoms, r_max + width) for atoms in frames]) / width
    edges = np.rint(distances)
    close = edges[np.abs(distances - edges) * width < 3e-6].astype(int)
    clear = np.ones(bins + 2, dtype=bool)
    clear[close] = False
    return clear[1:-1]


def test_beyond_half_of_the_cell_it_is_that_of_the_repeated_cell(silicon, write):
    small = analyse([write(silicon[:2])], r_max=9.0)
    large = analyse([write([atoms.repeat(2) for atoms in silicon[:2]], "large.extxyz")], r_max=9.0)
    upper = clear_edges(silicon[:2], 450, 9.0)
    whole = upper & np.concatenate([[True], upper[:-1]])
    assert whole.mean() > 0.95
    np.testing.assert_allclose(small.rdf.mean[whole], large.rdf.mean[whole], rtol=0, atol=2e-4)
    running = [found.running_coordination.mean[upper] for found in (small, large)]
    np.testing.assert_allclose(*running, rtol=0, atol=1e-4)
    narrow = ase.build.bulk("Si", "diamond", 5.43)
    narrow.rattle(0.02, seed=3)
    primitive = analyse([write([narrow], "p.extxyz")], cutoff=3.0)
    wide = analyse([write([narrow.repeat(5)], "w.extxyz")], cutoff=3.0)
    np.testing.assert_allclose(primitive.rdf.mean, wide.rdf.mean, rtol=0, atol=1e-3)
    np.testing.assert_allclose(primitive.adf.mean, wide.adf.mean, rtol=0, atol=1e-6)


def test_a_tilted_a_turned_and_a_mirrored_cell_change_nothing(silicon, write):
    straight = analyse([write(silicon[:2])], r_max=6.0)
    others = []
    for number, atoms in enumerate(silicon[:2]):
        atoms = atoms.copy()
        rows = atoms.cell.array
        # The same lattice, with other vectors and, for the second frame, left-handed.
        rows = [rows[0] + 2 * rows[1], rows[1], rows[2] - rows[0]]
        atoms.set_cell(rows if number == 0 else [rows[1], rows[0], rows[2]])
        atoms.rotate(40, (1, 2, 3), rotate_cell=True)
        others.append(atoms)
    turned = analyse([write(others, "turned.extxyz")], r_max=6.0)
    np.testing.assert_allclose(turned.rdf.mean, straight.rdf.mean, rtol=0, atol=2e-2)  # one pair in a bin of g = 2
    assert abs(turned.rdf.mean - straight.rdf.mean).mean() < 1e-3
    np.testing.assert_allclose(turned.coordination_shares.mean, straight.coordination_shares.mean, atol=1e-12)
    assert turned.cutoff == straight.cutoff


def test_an_ideal_gas_has_one(write):
    """Within four standard errors of the counts of every bin; a gas of N atoms has 1 - 1/N."""
    rng = np.random.default_rng(4)
    for n, side, frames in ((1500, 30.0, 4), (40, 9.0, 200)):
        gas = [Atoms(f"Ar{n}", rng.random((n, 3)) * side, cell=[side] * 3, pbc=True) for _ in range(frames)]
        found = analyse([write(gas)], cutoff=2.0, r_max=4.4)
        edges = np.append(found.rdf.x - 0.01, found.rdf.x[-1] + 0.01)
        pairs = frames * n * (n - 1) / 2 * 4 / 3 * np.pi * np.diff(edges**3) / side**3
        seen = pairs > 20
        deviation = (found.rdf.mean / (1 - 1 / n) - 1)[seen] * np.sqrt(pairs[seen])
        assert np.abs(deviation).max() < 4.5 and 0.8 < deviation.std() < 1.2 and abs(deviation.mean()) < 0.3
        expected = (n - 1) / side**3 * 4 / 3 * np.pi * 8.0
        assert found.coordination == pytest.approx(expected, rel=4 / np.sqrt(frames * n * expected))
        # Angles between random directions: sin/2 per radian.
        density = np.sin(np.radians(found.adf.x)) / 2 * np.pi / 180
        assert curve_distance(found.adf.x, found.adf.mean, density, 180.0) < 0.1 * density.mean()


def test_diamond(write):
    diamond = ase.build.bulk("Si", "diamond", 5.431, cubic=True)
    found = analyse([write([diamond])])
    assert found.cutoff_found and 2.6 < found.cutoff < 3.6
    assert found.coordination == 4.0 and found.coordination_shares.mean[4] == 1.0
    assert found.adf.x[found.adf.mean.argmax()] == 109.5 and found.adf.mean[109] == pytest.approx(1.0)  # 109.47°
    lines = found.rdf.x[found.rdf.mean > 0]
    for shell in 5.431 * np.array([np.sqrt(3) / 4, np.sqrt(2) / 2, np.sqrt(11) / 4, 1.0]):
        assert np.abs(lines - shell).min() <= 0.0101
    assert found.running_coordination.mean[-1] == 4 + 12 + 12 + 6 + 12  # all shells below 6 Å


def test_angles_and_neighbours_equal_brute_force(silicon, write):
    found = analyse([write(silicon[:2])], cutoff=2.9)
    angles, neighbours = [], []
    for atoms in silicon[:2]:
        centre, vector = ase.neighborlist.neighbor_list("iD", atoms, 2.9)
        for atom in range(64):
            bonds = vector[centre == atom]
            neighbours.append(len(bonds))
            for a, b in itertools.combinations(bonds, 2):
                angles.append(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))
    np.testing.assert_allclose(
        found.adf.mean, np.histogram(angles, 180, (0, 180))[0] / len(angles), atol=1.1 / len(angles)
    )
    np.testing.assert_allclose(found.coordination_shares.mean, np.bincount(neighbours) / 128)
    assert found.coordination == pytest.approx(np.mean(neighbours))


def test_pairs_of_elements(write):
    """Zincblende: unlike neighbours at √3/4 a, like ones at √2/2 a, and the parts make the whole."""
    crystal = ase.build.bulk("GaAs", "zincblende", 5.65, cubic=True)
    found = analyse([write([crystal])])
    assert list(found.partial_rdf) == ["As-As", "As-Ga", "Ga-Ga"]
    first = {pair: curve.x[np.flatnonzero(curve.mean)[0]] for pair, curve in found.partial_rdf.items()}
    assert first["As-Ga"] == pytest.approx(5.65 * np.sqrt(3) / 4, abs=0.011)
    assert first["As-As"] == first["Ga-Ga"] == pytest.approx(5.65 * np.sqrt(2) / 2, abs=0.011)
    whole = analyse([write([Atoms("Ge8", crystal.positions, cell=crystal.cell, pbc=True)], "one.extxyz")])
    np.testing.assert_allclose(found.rdf.mean, whole.rdf.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.running_coordination.mean, whole.running_coordination.mean)


def test_bands_within_and_between_groups():
    each = np.array([[1.0, 4.0], [3.0, 4.0], [7.0, 4.0], [9.0, 10.0]])
    curves = Curves(np.arange(2.0), each, ["a", "a", "b", "b"])
    np.testing.assert_allclose(curves.mean, [5.0, 5.5])
    # Sums of squares about the groups' means, two degrees of freedom; standard deviation of the means 2 and 8, 4 and 7.
    np.testing.assert_allclose(curves.within, [np.sqrt((1 + 1 + 1 + 1) / 2), np.sqrt((9 + 9) / 2)])
    np.testing.assert_allclose(curves.between, [6 / np.sqrt(2), 3 / np.sqrt(2)])
    assert Curves(np.arange(2.0), each, ["a"] * 4).between is None
    assert Curves(np.arange(2.0), each, ["a", "b", "c", "d"]).within is None
    assert curve_distance(np.arange(0.5, 9), np.arange(9.0), np.arange(9.0) + 2) == pytest.approx(2.0)


def test_groups_by_folder_and_by_pattern():
    paths = ["run/a/1.xyz", "run/a/2.xyz", "run/b/1.xyz"]
    assert group_names(paths) == ["a", "a", "b"] and group_names(paths[:2]) == ["a", "a"]
    assert group_names(paths, ["one=*1.xyz", "rest=*"]) == ["one", "rest", "one"]
    for patterns, message in ((["x"], "NAME=PATTERN"), (["one=*1.xyz"], "fits none"), (["q=*", "r=*"], "group r")):
        with pytest.raises(TlmlpError, match=message):
            group_names(paths, patterns)


@pytest.mark.parametrize(
    "text, message",
    [("r,g\n1,a\n2,b\n", "two columns"), ("1\n2\n", "two columns"), ("2,1\n1,1\n", "must rise"), ("", "two columns")],
)
def test_a_measured_curve_of_another_form_is_one_line(text, message, tmp_path):
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(TlmlpError, match=message):
        read_experiment(tmp_path / "g.csv")


def test_bad_input(silicon, write):
    path = write(silicon)
    germanium = write([Atoms("Ge64", a.positions, cell=a.cell, pbc=True) for a in silicon], "ge.extxyz")
    gas = write([Atoms("Ar", [[0, 0, 0]], cell=[20] * 3, pbc=True)], "gas.extxyz")
    cases = (
        (([],), {}, "at least one trajectory"),
        (([path],), {"skip_ps": 5.0}, "8 frames over 0.7 ps: nothing is left"),
        (([path],), {"skip_ps": -1.0}, "0 ps or more, got -1"),
        (([path],), {"skip_ps": float("nan")}, "0 ps or more, got nan"),
        (([path],), {"cutoff": -1.0}, "must be positive and up to 10 Å, got -1"),
        (([path],), {"cutoff": 30.0}, "up to 10 Å, got 30"),
        (([path],), {"r_max": 0.0}, "r_max must be"),
        (([path],), {"r_max": 1000.0}, "up to 50 Å, got 1000"),
        (([path, germanium],), {}, "different elements"),
        (([gas],), {}, "no first minimum"),
        (([path],), {"groups": ["a", "b"]}, "one group for each"),
    )
    for arguments, options, message in cases:
        with pytest.raises(TlmlpError, match=message):
            analyse(*arguments, **options)


def test_the_command_writes_tables_and_bands_of_groups(silicon, write, tmp_path):
    """Two folders of two trajectories, and a measured curve that is their own mean moved up by 0.25."""
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    files = [str(write(silicon[2 * k : 2 * k + 2], f"{'ab'[k // 2]}/{k}.extxyz")) for k in range(4)]
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["structure", *files, "--cutoff", "2.9", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "4 (2)" in done.output and "2.90" in done.output and "no diffusion coefficient" in done.output
    table = np.genfromtxt(out / "rdf.csv", delimiter=",", names=True, deletechars="")
    assert table.dtype.names[:4] == ("r_angstrom", "g", "std_between_groups", "std_within_groups")
    means = [by_hand(silicon[start : start + 4], 270, 5.4) for start in (0, 4)]
    np.testing.assert_allclose(table["g"][:270], np.mean(means, axis=0), rtol=0, atol=1e-3)
    np.testing.assert_allclose(table["std_between_groups"][:270], np.std(means, axis=0, ddof=1), rtol=0, atol=1e-3)
    each = np.array([by_hand(silicon[2 * k : 2 * k + 2], 270, 5.4) for k in range(4)])
    within = np.sqrt(((each - np.repeat(means, 2, axis=0)) ** 2).sum(axis=0) / 2)
    np.testing.assert_allclose(table["std_within_groups"][:270], within, rtol=0, atol=1e-3)
    measured = tmp_path / "g.csv"
    rows = [f"{r},{g + 0.25}" for r, g in zip(table["r_angstrom"], table["g"], strict=True) if 1.0 < r < 5.0]
    measured.write_text("# made up\nr,g\n" + "\n".join(rows))
    options = ["--experiment", str(measured), "--group", "x=*", "--cutoff", "2.9", "--out", str(out)]
    done = CliRunner().invoke(app, ["structure", *files, *options])
    assert done.exit_code == 0 and "0.250" in done.output and "4 (1)" in done.output
    for name in ("adf.csv", "coordination.csv", "structure.png", "structure.svg", "summary.json"):
        assert (out / name).stat().st_size > 50

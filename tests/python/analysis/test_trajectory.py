"""Reading: the same frames out of every format, and one line for what is no trajectory."""

import gzip
import subprocess
import sys

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms

from tlmlp.analysis.trajectory import read_trajectory
from tlmlp.errors import TlmlpError


def test_extended_xyz_and_the_formats_of_ase_give_the_same(silicon, write, tmp_path):
    path = write(silicon)
    ours = read_trajectory(path)
    assert ours.symbols == ["Si"] * 64 and len(ours) == 8 and not ours.unwrapped
    np.testing.assert_allclose(ours.positions, [atoms.positions for atoms in silicon], rtol=0, atol=1e-8)
    np.testing.assert_array_equal(ours.cells[3], silicon[3].cell.array)
    np.testing.assert_allclose(ours.times, 0.1 * np.arange(8))
    (tmp_path / "t.extxyz.gz").write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_trajectory(tmp_path / "t.extxyz.gz").positions, ours.positions)
    ase.io.write(tmp_path / "t.traj", silicon)
    by_ase = read_trajectory(tmp_path / "t.traj", frame_fs=100.0)
    np.testing.assert_allclose(by_ase.positions, ours.positions, rtol=0, atol=1e-8)
    np.testing.assert_allclose(by_ase.times, ours.times)


DUMP = """
units metal
lattice diamond 5.4
region box prism 0 2 0 2 0 2 3.1 -2.2 1.4
box tilt large
create_box 2 box
create_atoms 1 box
set type 1 type/ratio 2 0.4 7
mass 1 28.0855
mass 2 72.63
displace_atoms all move 3.3 -4.4 5.5 units box
pair_style zero 2.0
pair_coeff * *
velocity all create 90000 11
timestep 0.001
neigh_modify every 1 delay 0 check no
neighbor 1.0 bin
fix move all nve
dump unwrapped all custom 25 xu.dump id element xu yu zu
dump scaled all custom 25 xs.dump id element xs ys zs
dump images all custom 25 images.dump type id x y z ix iy iz
dump wrapped all custom 25 x.dump id element vx x y z
dump_modify unwrapped element Si Ge time yes units yes format float %.12g
dump_modify scaled element Si Ge format float %.12g
dump_modify images format float %.12g
dump_modify wrapped element Si Ge format float %.12g
run 400
"""


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    """A hot gas in a tilted cell, in four styles of a LAMMPS dump, with atoms that leave the cell."""
    from tlmlp.lammps import run_lammps

    folder = tmp_path_factory.mktemp("dumps")
    run_lammps(DUMP, cwd=folder)
    return folder


def test_all_columns_of_lammps_dumps_mean_the_same(dumps):
    true = read_trajectory(dumps / "xu.dump")
    assert true.unwrapped and sorted(set(true.symbols)) == ["Ge", "Si"]
    np.testing.assert_allclose(true.times, 0.025 * np.arange(17), atol=1e-12)
    assert np.ptp(true.positions, axis=0).max() > true.cells[0].max()  # somebody crossed a whole cell
    by_ase = ase.io.read(dumps / "xu.dump", index=-1, format="lammps-dump-text")
    np.testing.assert_allclose(by_ase.cell.array, true.cells[-1], atol=1e-9)
    images = read_trajectory(dumps / "images.dump", elements=["Si", "Ge"], frame_fs=25.0)
    assert images.unwrapped and images.symbols == true.symbols
    np.testing.assert_allclose(images.positions, true.positions, rtol=0, atol=1e-8)
    for name in ("x", "xs"):
        wrapped = read_trajectory(dumps / f"{name}.dump")
        assert not wrapped.unwrapped and wrapped.times is None
        apart = (wrapped.positions - true.positions) @ np.linalg.inv(true.cells[0])
        np.testing.assert_allclose(apart, np.rint(apart), rtol=0, atol=1e-8)
        assert np.rint(apart).any()
        unwrapped = wrapped.unwrapped_positions()
        np.testing.assert_allclose(
            unwrapped - unwrapped[:1], true.positions - true.positions[:1], rtol=0, atol=1e-7, err_msg=name
        )


def test_unwrapping_follows_a_cell_that_changes_and_leaves_paths_alone(wander, write):
    path = wander(40, 5, 6.0, 0.4)
    straight = [Atoms("Ar5", p, cell=[6.0, 6.0, 6.0], pbc=True) for p in path]
    np.testing.assert_allclose(read_trajectory(write(straight)).unwrapped_positions(), path, rtol=0, atol=1e-7)
    sides = np.linspace(6.0, 6.6, 40)
    fractional = np.cumsum(np.full((40, 5, 3), 0.07), axis=0) + np.random.default_rng(1).random((5, 3))
    breathing = [
        Atoms("Ar5", (f % 1.0) * side, cell=[side] * 3, pbc=True) for f, side in zip(fractional, sides, strict=True)
    ]
    found = read_trajectory(write(breathing, "b.extxyz")).unwrapped_positions()
    apart = found / sides[:, None, None] - fractional
    np.testing.assert_allclose(apart, np.broadcast_to(apart[0], apart.shape), rtol=0, atol=1e-7)


def test_a_frame_that_was_cut_off_is_left_out_with_a_note(silicon, write, tmp_path, dumps):
    text = write(silicon).read_text()
    (tmp_path / "cut.extxyz").write_text(text[: int(len(text) * 0.9)])
    cut = read_trajectory(tmp_path / "cut.extxyz")
    assert len(cut) == 7 and "inside of frame 7" in cut.notes[0]
    text = (dumps / "xu.dump").read_text()
    (tmp_path / "cut.dump").write_text(text[:-600])
    assert len(read_trajectory(tmp_path / "cut.dump")) == 16


BOX = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS {}\n0 5\n0 5\n0 5\nITEM: ATOMS {}\n{}\n"
XYZ = '1\n{} Properties=species:S:1:pos:R:3 pbc="{}"\nSi {} 0 0\n'
CUBE = 'Lattice="5 0 0 0 5 0 0 0 5"'
BAD = {
    "no cell": (XYZ.format("", "T T T", 0), "no cell"),
    "flat cell": (XYZ.format('Lattice="5 0 0 5 0 0 0 0 5"', "T T T", 0), "no cell"),
    "a slab": (XYZ.format(CUBE, "T T F", 0), "not periodic in all directions"),
    "a slab of LAMMPS": (BOX.format("pp pp ff", "id element x y z", "1 Si 0 0 0"), "not periodic in all directions"),
    "not finite": (XYZ.format(CUBE, "T T T", "nan"), "frame 0 has NaN"),
    "atoms that come": (XYZ.format(CUBE, "T T T", 0) + XYZ.format(CUBE, "T T T", 0).replace("1\n", "2\n", 1) + "Si 1 1 1\n", "same atoms"),
    "another element": (XYZ.format(CUBE, "T T T", 0) + XYZ.format(CUBE, "T T T", 0).replace("Si", "Ge"), "elements of frame 1"),
    "no elements": (BOX.format("pp pp pp", "id type x y z", "1 1 0 0 0"), "--elements"),
    "no positions": (BOX.format("pp pp pp", "id element vx vy vz", "1 Si 0 0 0"), "expected columns x y z"),
    "empty": ("", "trajectory"),
    "no trajectory": ("hello\nworld\n", "cannot be read as a trajectory"),
    "words for numbers": (XYZ.format(CUBE, "T T T", "zero"), "cannot be read as a trajectory"),
}  # fmt: skip


@pytest.mark.parametrize("text, message", BAD.values(), ids=BAD)
def test_bad_input_is_one_line(text, message, tmp_path):
    path = tmp_path / "t.extxyz"
    path.write_text(text)
    with pytest.raises(TlmlpError, match=message) as caught:
        read_trajectory(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_and_a_wrong_spacing(silicon, write, tmp_path):
    with pytest.raises(TlmlpError, match="does not exist"):
        read_trajectory(tmp_path / "absent.dump")
    with pytest.raises(TlmlpError, match=r"the time between frames must be from 0.0001 to 1e.07 fs, got -1"):
        read_trajectory(write(silicon), frame_fs=-1.0)


def test_reading_needs_neither_torch_nor_freud(silicon, write):
    code = f"import sys; from tlmlp.analysis.trajectory import read_trajectory as r; r({str(write(silicon))!r}); print([m for m in ('torch', 'freud') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr

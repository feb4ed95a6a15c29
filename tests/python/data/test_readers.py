"""Extended XYZ, the mlearn JSON and labels: exact round trips, units and signs, ambiguity and misspellings refused."""

import json

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

from tlmlp.data import read_frames, write_frames
from tlmlp.data.consistency import force_slope, stress_slope
from tlmlp.errors import TlmlpError


def write_atoms(path, make_frame, info=(), arrays=()):
    """One frame as ASE writes it, with extra entries."""
    atoms = make_frame(energy=None, forces=None, stress=None).to_atoms()
    atoms.info.update(info)
    for name, value in dict(arrays).items():
        atoms.set_array(name, value)
    ase.io.write(path, atoms, format="extxyz")
    return path


def test_extxyz_gives_back_every_bit(tmp_path, make_frame):
    frames = [
        make_frame(0),
        make_frame(1, pbc=[True, True, False], group="two words", stress=None),
        make_frame(2, pbc=False, cell=np.zeros((3, 3)), stress=None, energy=None, group=None),
        make_frame(3, cell=np.array([[5.0, 1, 2], [0, 6, -3], [0.1, 0, 4]]), atomic_numbers=[14, 32] * 4),
    ]
    write_frames(tmp_path / "a.extxyz", frames)
    back = read_frames(tmp_path / "a.extxyz")
    assert [f.sha256() for f in back] == [f.sha256() for f in frames]
    assert [f.group for f in back] == [f.group for f in frames]
    assert back[2].source == f"{tmp_path / 'a.extxyz'}#2"
    assert len(read_frames(f"{tmp_path / 'a.extxyz'}@1:3")) == 2


def test_a_group_that_would_break_the_header_is_refused(tmp_path, make_frame):
    with pytest.raises(TlmlpError, match="group name"):
        write_frames(tmp_path / "a.extxyz", [make_frame(group='a"b')])
    assert not list(tmp_path.iterdir())


def test_mlearn_numbers_units_and_order(mlearn_dir):
    record = json.loads((mlearn_dir / "Si" / "training.json").read_text())[3]
    frame = read_frames(mlearn_dir / "Si" / "training.json")[3]
    assert frame.energy == record["outputs"]["energy"] and frame.group == record["group"]
    assert np.array_equal(frame.forces, record["outputs"]["forces"])
    xx, yy, zz, xy, yz, zx = record["outputs"]["virial_stress"]
    in_gpa = -0.1 * np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])
    assert np.allclose(frame.stress * 160.2176634, in_gpa, rtol=1e-12)
    fractional = [site["abc"] for site in record["structure"]["sites"]]
    assert np.allclose(fractional @ frame.cell, frame.positions, atol=1e-4)


@pytest.mark.parametrize("element", ["Si", "Ge"])
def test_mlearn_energies_forces_and_stress_belong_together(mlearn_dir, element):
    """The sign and unit of forces and stress, from energy differences between frames of the data itself."""
    frames = read_frames(mlearn_dir / element / "training.json")
    assert force_slope(frames) == pytest.approx(1.0, abs=0.15)  # trapezoidal rule over finite steps
    assert stress_slope(frames) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("energy", "forces"),
    [("REF_energy", "REF_forces"), ("energy", "forces"), ("dft_energy", "dft_forces"), ("Energy", "force")],
)
def test_common_spellings_are_found(tmp_path, make_frame, energy, forces):
    label = make_frame().forces
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {energy: -3.5}, {forces: label})
    frame = read_frames(path)[0]
    assert frame.energy == -3.5 and np.allclose(frame.forces, label, atol=1e-7) and frame.group == "bulk"


def test_keys_can_be_named(tmp_path, make_frame):
    label = make_frame().forces
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {"E_pbe": -1.0, "S_pbe": np.eye(3).ravel()}, {"F_pbe": label})
    frame = read_frames(path, energy_key="E_pbe", forces_key="F_pbe", stress_key="S_pbe")[0]
    assert frame.energy == -1.0 and np.allclose(frame.forces, label) and np.array_equal(frame.stress, np.eye(3))


def test_a_wrong_key_names_the_keys_seen(tmp_path, make_frame):
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {"REF_energy": -1.0}, {"REF_forces": make_frame().forces})
    with pytest.raises(
        TlmlpError, match="no forces under the key 'REF_force'; keys seen: REF_energy, REF_forces, grou"
    ):
        read_frames(path, forces_key="REF_force")


def test_a_misspelt_label_is_not_taken_for_a_missing_one(tmp_path, make_frame):
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {"REF_energy": -1.0}, {"REF_forcse": make_frame().forces})
    with pytest.raises(
        TlmlpError, match=r"'REF_forcse'; if that is it, name it with forces_key, .*; keys seen: REF_energy"
    ):
        read_frames(path)


def test_two_energies_are_ambiguous_unless_equal(tmp_path, make_frame):
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {"REF_energy": -1.0, "dft_energy": -2.0})
    with pytest.raises(
        TlmlpError, match=r"energy is ambiguous, 'REF_energy', 'dft_energy' differ .-1 and -2.; name one"
    ):
        read_frames(path)
    assert read_frames(path, energy_key="dft_energy")[0].energy == -2.0
    path = write_atoms(tmp_path / "b.extxyz", make_frame, {"REF_energy": -1.0, "energy": -1.0})
    assert read_frames(path)[0].energy == -1.0


def test_required_labels(tmp_path, make_frame):
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {"REF_energy": -1.0})
    assert read_frames(path)[0].forces is None
    with pytest.raises(TlmlpError, match="no forces; name the entry with forces_key; keys seen: REF_energy, group"):
        read_frames(path, require=("energy", "forces"))


def test_virial_becomes_stress(tmp_path, make_frame):
    virial = np.array([[1.0, 0.2, 0], [0.2, 2.0, 0], [0, 0, 3.0]])
    path = write_atoms(tmp_path / "a.extxyz", make_frame, {"virial": virial})
    assert np.allclose(read_frames(path)[0].stress, -virial / 5.43**3)


def test_voigt_stress_and_constraints_of_ase_files(tmp_path, make_frame):
    """The order of ASE (xx yy zz yz xz xy), and forces on constrained atoms as they were computed."""
    frame = make_frame()
    atoms = frame.to_atoms()
    atoms.info, atoms.calc = (
        {},
        SinglePointCalculator(atoms, energy=-2.0, forces=frame.forces, stress=[1.0, 2, 3, 4, 5, 6]),
    )
    del atoms.arrays["REF_forces"]
    atoms.set_constraint(FixAtoms([0, 1]))
    ase.io.write(tmp_path / "a.traj", atoms)
    back = read_frames(tmp_path / "a.traj")[0]
    assert np.array_equal(back.forces, frame.forces)
    assert back.stress.tolist() == [[1, 6, 5], [6, 2, 4], [5, 4, 3]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.extxyz", "", "the file is empty"),
        ("a.extxyz", "2\nLattice\nSi 0 0", "line 1: the file ends inside frame 0, which has 2 atoms, 1 of them"),
        ("a.json", '[{"structure": ', "not valid JSON .* is the file truncated"),
        ("a.json", '[{"structure": {"sites": [{}]}, "outputs": {}}]', "not a complete mlearn record .KeyError"),
        ("a.unknown", "hello", "cannot be read"),
    ],
)
def test_files_that_are_not_data_give_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(TlmlpError, match=message) as caught:
        read_frames(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_missing_file_and_bad_numbers(tmp_path, make_frame):
    with pytest.raises(TlmlpError, match="no such file"):
        read_frames(tmp_path / "nothing.extxyz")
    (tmp_path / "a.extxyz").write_text('1\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3\nSi nan 0 0\n')
    with pytest.raises(TlmlpError, match=r"a.extxyz#0: `positions` must be finite"):
        read_frames(tmp_path / "a.extxyz")
    (tmp_path / "b.extxyz").write_text('1\nLattice="4 0 0 0 0 0 0 0 4" Properties=species:S:1:pos:R:3\nSi 0 0 0\n')
    with pytest.raises(TlmlpError, match=r"b.extxyz#0: `cell` has zero volume"):
        read_frames(tmp_path / "b.extxyz")
    path = write_atoms(tmp_path / "c.extxyz", make_frame, {"REF_energy": "much"})
    with pytest.raises(TlmlpError, match="'REF_energy' must be numbers, got 'much'"):
        read_frames(path)

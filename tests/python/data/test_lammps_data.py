"""Data of any LAMMPS pair style: copper by the embedded-atom method against ASE's own implementation of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from tlmlp.data import read_frames
from tlmlp.data.generate import write_lammps_data
from tlmlp.data.lammps_dynamics import Protocol
from tlmlp.data.lammps_potential import lammps_potential
from tlmlp.errors import TlmlpError

TINY = Protocol((300, 1500), npt_ps=1, nvt_ps=3, skip_ps=0, n_train=1, n_val=1, n_test=1)
FILE = "Cu_mishin1.eam.alloy"


@pytest.fixture(scope="module")
def copper():
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'tlmlp[lammps]'")
    return lammps_potential("Cu", "eam/alloy", [f"* * {FILE} Cu"], "fcc")


def test_the_crystal_is_the_published_one(copper):
    # Mishin et al., Phys. Rev. B 63, 224106 (2001): 3.615 Å and -3.54 eV
    assert copper.lattice_constant == pytest.approx(3.615, abs=1e-3)
    assert copper.energy == pytest.approx(-3.54, abs=1e-3)


def test_energies_and_forces_are_those_of_the_potential(copper, tmp_path):
    from ase import Atoms
    from ase.calculators.eam import EAM

    counts = write_lammps_data(copper, "smoke", tmp_path, pool=True, seed=3, threads=1, protocol=TINY)
    assert counts == {"pool": 2, "val": 2, "test": 2}
    about = json.loads((tmp_path / "split.json").read_text())
    assert about["pair_coeff"] == [f"* * {FILE} Cu"] and list(about["files_sha256"]) == [FILE]
    path = next(word for word in copper.pair_coeffs[0].split() if Path(word).is_absolute())
    calculator = EAM(potential=path)
    frames = read_frames(tmp_path / "test.extxyz")
    assert [len(frame) for frame in frames] == [108, 108] and {frame.group for frame in frames} == {"300K", "1500K"}
    for frame in frames:
        atoms = Atoms("Cu108", positions=frame.positions, cell=frame.cell, pbc=True, calculator=calculator)
        # Both interpolate the tables of the file, LAMMPS by its own cubics and ASE by scipy's.
        assert atoms.get_potential_energy() / 108 == pytest.approx(frame.energy / 108, abs=2e-6)
        assert np.abs(atoms.get_forces() - frame.forces).max() < 2e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"element": "Xx"}, "expects a chemical symbol, got 'Xx'"),
        ({"lattice": "hcp"}, "--lattice can be diamond, fcc, bcc, got 'hcp'"),
        ({"lattice": "bcc"}, "Cu is not tabulated as bcc but as fcc"),
        ({"pair_coeffs": ["* * nowhere.eam.alloy Cu"]}, "neither a file here nor one of LAMMPS' potentials"),
        ({"pair_coeffs": []}, "--pair-coeff is needed"),
        ({"pair_style": "nonsense"}, r"LAMMPS failed at the crystal of Cu: ERROR: .*nonsense"),
        ({"pair_style": "lj/cut 5.0", "pair_coeffs": ["1 1 -0.5 2.5"]}, "no bound crystal|LAMMPS failed"),
    ],
)
def test_bad_potentials_give_one_line(copper, change, message):
    request = {"element": "Cu", "pair_style": "eam/alloy", "pair_coeffs": [f"* * {FILE} Cu"], "lattice": "fcc"}
    with pytest.raises(TlmlpError, match=message):
        lammps_potential(**(request | change))


@pytest.mark.parametrize("text", ["300", "300:100:50", "a:b:c", "0:100:50", "300:600:-100"])
def test_temperatures_that_are_none_are_refused(copper, invoke, tmp_path, text):
    with pytest.raises(TlmlpError, match="--temperatures expects FIRST:LAST:STEP in K"):
        invoke(
            *("lammps", "--element", "Cu", "--pair-style", "eam/alloy", "--pair-coeff", f"* * {FILE} Cu"),
            *("--lattice", "fcc", "--tier", "smoke", "--temperatures", text, "--out", tmp_path),
        )

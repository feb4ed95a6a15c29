"""LAMMPS' own protocol for pair styles, see protocol.yaml: one system, set up in every way, always the same numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import ase.build
import numpy as np
import pytest
import yaml

import tlmlp
from tlmlp.lammps import lammps_environment
from tlmlp.lammps.locate import plugin_file

HERE = Path(__file__).parent
JOB = yaml.safe_load((HERE / "protocol.yaml").read_text())
STAGES = [
    *[(variant, stage) for variant in JOB["variants"] for stage in ("init", "run")],
    *[("plain", stage) for stage in ("restart", "restart, pair style given again", "data", "rerun")],
    ("two instances", "first"),
    ("two instances", "second"),
]


@pytest.fixture(scope="module")
def found(germanium, helpers, tmp_path_factory) -> dict:
    """Results of all variants; the system is JOB's input."""
    folder = tmp_path_factory.mktemp("protocol")
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat((1, 1, 2))
    atoms.set_cell(np.array([[5.7, 0, 0], [0.8, 5.7, 0], [-0.5, 0.6, 11.4]]), scale_atoms=True)
    atoms.rattle(0.1, seed=4)
    data = helpers.decks(folder).data(atoms, ["Ge"])
    values = {"data": str(data), "model": str(germanium.path), "plugin": str(plugin_file())}
    (folder / "job.json").write_text(json.dumps(JOB | {"values": values}))
    path = os.pathsep.join([str(Path(tlmlp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, str(HERE / "protocol.py"), "job.json", "out.json"],
        cwd=folder,
        env=lammps_environment() | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads((folder / "out.json").read_text()) | {"atoms": atoms}


@pytest.mark.parametrize(("variant", "stage"), STAGES)
def test_stage(found, germanium, helpers, variant, stage):
    got = found[variant][stage]
    atoms = found["atoms"].copy()
    assert len(got["forces"]) == JOB["natoms"]
    atoms.positions = got["positions"]
    expected = helpers.reference(atoms, germanium)
    epsilon = JOB["epsilon"]
    forces = np.array(expected["forces"])
    np.testing.assert_allclose(got["forces"], forces, rtol=0, atol=epsilon * np.abs(forces).max())
    np.testing.assert_allclose(got["energy"], expected["energy"], rtol=epsilon)
    np.testing.assert_allclose(got["energies"], expected["energies"], rtol=0, atol=epsilon * abs(expected["energy"]))
    if stage not in ("run", "restart", "restart, pair style given again"):  # no velocities
        xx, yy, zz, yz, xz, xy = -helpers.bar * np.array(expected["stress"])
        pressures = np.array([xx, yy, zz, xy, xz, yz])
        np.testing.assert_allclose(got["stress"], pressures, rtol=0, atol=1e-6 * np.abs(pressures).max())
    if stage == "rerun":
        last = np.array(found["plain"]["run"]["positions"])
        moved = np.linalg.solve(atoms.cell.array.T, (np.array(got["positions"]) - last).T)
        np.testing.assert_allclose(moved, np.round(moved), atol=1e-9)


def test_extract(found, germanium):
    got = found["plain"]["extract"]
    for name, value in JOB["extract"].items():
        assert got[name] == pytest.approx(value), name
    assert got["model"] == str(germanium.path) and len(got["sha256"]) == 64 and got["nonsense"] is None

"""Trajectories for the tests."""

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

pytest.importorskip("freud", reason="the extra analysis is not installed")

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def silicon() -> list[Atoms]:
    """Eight moments of silicon at 1200 K, made by LAMMPS (tests/cuda/reference/make.py)."""
    content = json.loads((ROOT / "tests" / "cuda" / "reference" / "silicon-1200K.json").read_text())
    side = content["cell_angstrom"]
    return [Atoms("Si64", moment["positions"], cell=[side] * 3, pbc=True) for moment in content["starts"]]


@pytest.fixture
def write(tmp_path):
    """Writes frames as extended XYZ with their times, ``frame_ps`` apart."""

    def make(frames, name="t.extxyz", frame_ps=0.1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        timed = []
        for number, atoms in enumerate(frames):
            atoms = atoms.copy()
            atoms.info["time_ps"] = number * frame_ps
            timed.append(atoms)
        ase.io.write(path, timed, format="extxyz")
        return path

    return make


@pytest.fixture
def wander():
    """Atoms that walk at random: positions (frames, n, 3), not wrapped."""

    def make(frames, n, side, step, seed=0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        steps = rng.normal(0.0, step, (frames, n, 3))
        return rng.random((n, 3)) * side + np.cumsum(steps, axis=0)

    return make

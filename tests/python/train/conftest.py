"""Small data with labels from an independent source: a Lennard-Jones crystal in numpy."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tlmlp.data import Frame, neighbour_list, write_frames

torch.set_num_threads(1)

CUTOFF = 4.0
SHIFT = -3.0  # eV/atom, added to all energies


def lj_frame(positions: np.ndarray, cell: np.ndarray, numbers: np.ndarray, group: str | None = None) -> Frame:
    """A frame with Lennard-Jones energy, forces and stress (epsilon 0.1 eV, sigma 2.5 Å, cut off at 4 Å)."""
    index, vector, _ = neighbour_list(positions, cell, [True] * 3, CUTOFF)
    distance = np.linalg.norm(vector, axis=1)
    power = (2.5 / distance) ** 6
    energy = 0.5 * (0.4 * (power * power - power)).sum()
    gradient = (0.5 * 0.4 * (-12 * power * power + 6 * power) / distance**2)[:, None] * vector
    forces = np.zeros_like(positions)
    np.add.at(forces, index[1], gradient)
    np.add.at(forces, index[0], -gradient)
    stress = gradient.T @ vector / abs(np.linalg.det(cell))
    return Frame(
        positions,
        cell,
        [True] * 3,
        numbers,
        energy=energy + SHIFT * len(positions),
        forces=forces,
        stress=stress,
        group=group,
        source=f"lj-{len(positions)}",
    )


def lj_frames(n: int, seed: int, element: int = 14) -> list[Frame]:
    """``n`` fcc cells of four atoms, displaced by 0.12 Å and strained by 2 %, in groups "even" and "odd"."""
    random = np.random.default_rng(seed)
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]) * 4.2
    frames = []
    for k in range(n):
        cell = np.diag(4.2 * (1 + random.normal(scale=0.02, size=3)))
        positions = base + random.normal(scale=0.12, size=(4, 3))
        frames.append(lj_frame(positions, cell, np.full(4, element), "odd" if k % 2 else "even"))
    return frames


@pytest.fixture(scope="session")
def lj() -> Callable[..., list[Frame]]:
    """:func:`lj_frames`."""
    return lj_frames


@pytest.fixture(scope="session")
def lj_of() -> Callable[..., Frame]:
    """:func:`lj_frame`."""
    return lj_frame


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with si-train, si-val, ge-pool and ge-test.extxyz."""
    folder = tmp_path_factory.mktemp("data")
    for name, frames in {
        "si-train": lj_frames(12, 0),
        "si-val": lj_frames(4, 1),
        "ge-pool": lj_frames(10, 2, 32),
        "ge-test": lj_frames(5, 3, 32),
    }.items():
        write_frames(folder / f"{name}.extxyz", frames)
    return folder


@pytest.fixture(scope="session")
def config(data_dir: Path) -> Callable[..., dict]:
    """``config(updates=..., ...)``: a tiny training on silicon as a dictionary; keywords go to section training."""

    def make(**training) -> dict:
        return {
            "model": {"cutoff": CUTOFF, "embed_size": 8, "n_blocks": 1, "num_spherical": 3, "num_radial": 3},
            "data": {"train": str(data_dir / "si-train.extxyz"), "val": str(data_dir / "si-val.extxyz")},
            "loss": "forces",
            "training": {"updates": 12, "batch_size": 3, "validate_every": 4, "route": "plain", **training},
        }

    return make


@pytest.fixture
def ge_config(data_dir: Path) -> Callable[..., dict]:
    """The same on germanium, without a section model, as a transfer takes it."""

    def make(**training) -> dict:
        return {
            "data": {"pool": str(data_dir / "ge-pool.extxyz"), "n_train": 4, "n_val": 3},
            "loss": "forces",
            "training": {"updates": 8, "batch_size": 2, "validate_every": 4, "route": "plain", **training},
        }

    return make


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Environment of the processes that a test starts: this package, one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

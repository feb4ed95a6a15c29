"""The checks; each raises AssertionError with the two numbers that should have been equal."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from tlmlp.testing.structures import Structure
from tlmlp.testing.tolerances import Tolerances

Backend = Callable[[Any], dict[str, Any]]


def _close(what: str, got: Any, expected: Any, atol: float, rtol: float = 0.0) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=rtol, atol=atol, err_msg=what)


def check_same(got: dict[str, Any], expected: dict[str, Any], tolerances: Tolerances, what: str = "") -> None:
    """Two results of the same structure agree in all four quantities."""
    n = max(len(expected["atomic_energies"]), 1)
    _close(f"{what} energy", got["energy"], expected["energy"], tolerances.energy * n)
    _close(f"{what} atomic energies", got["atomic_energies"], expected["atomic_energies"], tolerances.energy)
    _close(f"{what} forces", got["forces"], expected["forces"], tolerances.forces)
    _close(f"{what} virial", got["virial"], expected["virial"], tolerances.virial * n)


def check_rotation(compute: Backend, s: Structure, tolerances: Tolerances, seed: int = 0) -> None:
    """A rotation and a rotation with reflection turn the forces and the virial and keep the energies."""
    plain = compute(s)
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    for turn in (q, -q):
        turned = compute(s.replace(positions=s.positions @ turn, cell=s.cell @ turn))
        expected = {
            **plain,
            "forces": plain["forces"] @ turn,
            "virial": turn.T @ plain["virial"] @ turn,
        }
        check_same(turned, expected, tolerances, f"after a rotation of determinant {np.linalg.det(turn):+.0f}:")


def check_translation(compute: Backend, s: Structure, tolerances: Tolerances) -> None:
    """Moving everything changes nothing."""
    moved = s.replace(positions=s.positions + np.array([1.7, -3.1, 0.9]))
    check_same(compute(moved), compute(s), tolerances, "after a translation:")


def check_lattice_shift(compute: Backend, s: Structure, tolerances: Tolerances, seed: int = 0) -> None:
    """Moving single atoms by lattice vectors changes nothing."""
    steps = np.random.default_rng(seed).integers(-2, 3, size=(len(s), 3)) * s.pbc
    moved = s.replace(positions=s.positions + steps @ s.cell)
    check_same(compute(moved), compute(s), tolerances, "after lattice shifts:")


def check_permutation(compute: Backend, s: Structure, tolerances: Tolerances, seed: int = 0) -> None:
    """Another order of the atoms permutes forces and atomic energies."""
    order = np.random.default_rng(seed).permutation(len(s))
    plain = compute(s)
    permuted = compute(s.replace(positions=s.positions[order], atomic_numbers=s.atomic_numbers[order]))
    expected = {
        **plain,
        "forces": plain["forces"][order],
        "atomic_energies": plain["atomic_energies"][order],
    }
    check_same(permuted, expected, tolerances, "after a permutation:")


def check_replication(compute: Backend, s: Structure, tolerances: Tolerances) -> None:
    """A cell doubled along its periodic rows has the same energies and forces in each copy."""
    repeats = [2 if periodic else 1 for periodic in s.pbc]
    images = np.array(list(itertools.product(*(range(n) for n in repeats))), dtype=np.float64)
    positions = (s.positions[None] + (images @ s.cell)[:, None]).reshape(-1, 3)
    count = len(images)
    big = s.replace(
        positions=positions,
        cell=s.cell * np.array(repeats)[:, None],
        atomic_numbers=np.tile(s.atomic_numbers, count),
    )
    plain = compute(s)
    expected = {
        "energy": plain["energy"] * count,
        "forces": np.tile(plain["forces"], (count, 1)),
        "virial": plain["virial"] * count,
        "atomic_energies": np.tile(plain["atomic_energies"], count),
    }
    check_same(compute(big), expected, tolerances, f"after replication {repeats}:")


def check_total_force(compute: Backend, s: Structure, tolerances: Tolerances) -> None:
    """The forces sum to zero and the atomic energies to the energy; the virial is symmetric."""
    result = compute(s)
    n = max(len(s), 1)
    _close("total force", result["forces"].sum(axis=0), np.zeros(3), tolerances.forces * n)
    _close("sum of the atomic energies", result["atomic_energies"].sum(), result["energy"], tolerances.energy * n)
    _close("symmetry of the virial", result["virial"], result["virial"].T, tolerances.virial * n)


def _derivative(energy: Callable[[float], float], step: float) -> float:
    """Central difference of fourth order."""
    near = energy(step) - energy(-step)
    far = energy(2.0 * step) - energy(-2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def check_forces(compute: Backend, s: Structure, tolerances: Tolerances, count: int = 6, seed: int = 0) -> None:
    """F = -dE/dx by central differences, for up to ``count`` components drawn at random."""
    forces = compute(s)["forces"]
    components = list(itertools.product(range(len(s)), range(3)))
    drawn = np.random.default_rng(seed).permutation(len(components))[:count]
    scale = float(np.abs(forces).max(initial=0.0))
    allowed = tolerances.relative_difference * scale + tolerances.absolute_difference
    for atom, axis in (components[k] for k in drawn):

        def energy(step: float, atom: int = atom, axis: int = axis) -> float:
            positions = s.positions.copy()
            positions[atom, axis] += step
            return float(compute(s.replace(positions=positions))["energy"])

        _close(
            f"force on atom {atom} along {'xyz'[axis]}",
            forces[atom, axis],
            -_derivative(energy, tolerances.step),
            allowed,
        )


def check_virial(compute: Backend, s: Structure, tolerances: Tolerances) -> None:
    """virial = -dE/d(strain) by central differences; stress = -virial / volume follows.

    Six components: the other three are those of a symmetric matrix (:func:`check_total_force`).
    """
    virial = compute(s)["virial"]
    scale = float(np.abs(virial).max())
    size = max(float(np.abs(s.positions - s.positions.mean(axis=0)).max(initial=0.0)), 5.0)
    allowed = tolerances.relative_difference * scale + tolerances.absolute_difference * size
    for row, column in itertools.combinations_with_replacement(range(3), 2):

        def energy(step: float, row: int = row, column: int = column) -> float:
            deform = np.eye(3)
            deform[row, column] += step / size
            return float(compute(s.replace(positions=s.positions @ deform, cell=s.cell @ deform))["energy"])

        difference = -_derivative(energy, tolerances.step) * size
        _close(f"virial[{row}, {column}]", virial[row, column], difference, allowed)


def check_isolated_atoms(compute: Backend, number: int, tolerances: Tolerances, distance: float = 60.0) -> None:
    """Atoms out of reach have one finite energy each, no forces and no virial."""
    zero = np.zeros((3, 3))
    one = Structure(np.zeros((1, 3)), zero, np.zeros(3, dtype=bool), np.array([number]))
    two = Structure(
        np.array([[0.0, 0.0, 0.0], [0.0, distance, 0.0]]), zero, np.zeros(3, dtype=bool), np.array([number] * 2)
    )
    alone, pair = compute(one), compute(two)
    assert np.isfinite(alone["energy"]), f"energy of an isolated atom: {alone['energy']}"
    _close("energy of two isolated atoms", pair["energy"], 2.0 * alone["energy"], 2.0 * tolerances.energy)
    for result in (alone, pair):
        _close("forces on isolated atoms", result["forces"], np.zeros_like(result["forces"]), 0.0)
        _close("virial of isolated atoms", result["virial"], zero, 0.0)


def check_cutoff(compute: Backend, numbers: tuple[int, int, int], cutoff: float) -> None:
    """Energy, force and stiffness pass continuously through the cutoff (float64 backends).

    A pair with the gap g below the cutoff: its binding goes as g^3 and its force as g^2, or faster, so that halving
    g divides them by at least 8 and 4, nearly. A third atom that leaves the reach of a pair: the one-sided slopes of the force meet.
    """
    zero, none = np.zeros((3, 3)), np.zeros(3, dtype=bool)

    def pair(gap: float) -> tuple[float, float]:
        x = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, cutoff - gap]])
        result = compute(Structure(x, zero, none, np.array(numbers[:2])))
        return float(result["energy"]), float(result["forces"][1, 2])

    beyond, force = pair(-1e-9)
    assert force == 0.0, f"force beyond the cutoff: {force}"
    gap = 2e-2 * cutoff
    (wide_energy, wide_force), (energy, force) = pair(gap), pair(gap / 2.0)
    assert force != 0.0, "no force inside the cutoff"
    ratios = (wide_energy - beyond) / (energy - beyond), wide_force / force
    assert ratios[0] > 7.0, f"binding energy for a doubled gap below the cutoff: times {ratios[0]}, not 8 or more"
    assert ratios[1] > 3.5, f"force for a doubled gap below the cutoff: times {ratios[1]}, not 4 or more"

    def trio(gap: float) -> np.ndarray:
        x = np.array([[0.0, 0.0, 0.0], [0.0, 0.45 * cutoff, 0.1 * cutoff], [0.0, 0.0, cutoff - gap]])
        return np.asarray(compute(Structure(x, zero, none, np.array(numbers)))["forces"])

    jumps = []
    for step in (2e-3 * cutoff, 1e-3 * cutoff):
        here = trio(0.0)
        inside, outside = (trio(step) - here) / step, (here - trio(-step)) / step
        jumps.append(float(np.abs(inside - outside).max()))
    assert jumps[1] < 0.6 * jumps[0], f"the stiffness jumps at the cutoff: {jumps} eV/angstrom^2 for halved steps"


def check_all(compute: Backend, s: Structure, tolerances: Tolerances) -> None:
    """Every check that applies to one structure."""
    for check in (
        check_total_force,
        check_rotation,
        check_translation,
        check_lattice_shift,
        check_permutation,
        check_replication,
        check_forces,
        check_virial,
    ):
        check(compute, s, tolerances)

"""Sums over edges that make forces and virials out of derivatives by edge vectors."""

import numpy as np


def edge_forces(n_atoms: int, edge_index: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Forces (N, 3) from dE/d(edge vector) (E, 3): the target of an edge collects +g, its source -g."""
    source, target = edge_index
    forces = np.empty((n_atoms, 3))
    for k in range(3):
        component = np.ascontiguousarray(gradient[:, k])
        forces[:, k] = np.bincount(target, component, n_atoms) - np.bincount(source, component, n_atoms)
    return forces


def atomic_virials(n_atoms: int, edge_index: np.ndarray, vectors: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Virials -dE/d(strain) (N, 3, 3) in eV of the atoms: half of the share -g v of an edge for either end."""
    source, target = edge_index
    virials = np.empty((n_atoms, 3, 3))
    for a in range(3):
        for b in range(3):
            share = -0.5 * gradient[:, a] * vectors[:, b]
            virials[:, a, b] = np.bincount(target, share, n_atoms) + np.bincount(source, share, n_atoms)
    return virials


def to_voigt(matrix: np.ndarray) -> np.ndarray:
    """The symmetric parts of (..., 3, 3) in ASE's order (..., 6): xx yy zz yz xz xy."""
    symmetric = 0.5 * (matrix + np.swapaxes(matrix, -1, -2))
    return symmetric[..., (0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]

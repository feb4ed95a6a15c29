"""The closest pair of a structure, and the one sentence that every host says when no training data reach so near."""

import numpy as np

from tlmlp.data.neighbours import neighbour_list

#: Two atoms and their distance in Å.
Pair = tuple[int, int, float]


def closest_edge(edge_index: np.ndarray, vectors: np.ndarray) -> Pair | None:
    """The shortest of the edges (2, E) with vectors (E, 3) in Å, the lower index first; None without edges."""
    if not len(vectors):
        return None
    squares = (vectors**2).sum(axis=1)
    e = int(squares.argmin())
    i, j = sorted(int(atom) for atom in edge_index[:, e])
    return i, j, float(np.sqrt(squares[e]))


def closest_pair(positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray, reach: float) -> Pair | None:
    """The closest pair within ``reach`` Å, periodic images included; None where there is none.

    :raises TlmlpError: as :func:`~tlmlp.data.neighbours.neighbour_list`
    """
    edge_index, vectors, _ = neighbour_list(positions, cell, pbc, reach)
    return closest_edge(edge_index, vectors)


def too_close(pair: Pair, least: float) -> str:
    """The sentence on a pair below ``least``, the smallest distance in the training data of the model, Å."""
    i, j, distance = pair
    return (
        f"atoms {i} and {j} are {distance:.3f} Å apart, closer than any pair in the training data of the model "
        f"({least:.3f} Å)"
    )

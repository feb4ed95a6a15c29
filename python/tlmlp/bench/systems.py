"""The structures that every benchmark measures: bulk silicon, slightly displaced."""

from collections.abc import Iterator

import numpy as np

from tlmlp.data.frame import Frame
from tlmlp.errors import TlmlpError

LATTICE_CONSTANT = 5.431
DISPLACEMENT = 0.05
CUTOFF = 5.0
_DIAMOND = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]]) / 4


def silicon(atoms: int, seed: int = 0) -> Iterator[Frame]:
    """Endless stream of diamond silicon frames of ``atoms`` = 8 n^3 atoms, a = 5.431 Å, normal displacements of
    0.05 Å per coordinate, new ones in each frame.

    Raises TlmlpError where ``atoms`` is not 8 n^3.
    """
    n = round((atoms / 8) ** (1 / 3))
    if n < 1 or 8 * n**3 != atoms:
        raise TlmlpError(f"atoms must be 8 n^3 for a cube of diamond cells (8, 64, 216, 512, ...), got {atoms}")
    cells = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    perfect = ((cells + _DIAMOND) * LATTICE_CONSTANT).reshape(-1, 3)
    random = np.random.default_rng(seed)
    while True:
        yield Frame(
            positions=perfect + random.normal(scale=DISPLACEMENT, size=perfect.shape),
            cell=np.eye(3) * n * LATTICE_CONSTANT,
            pbc=np.array([True, True, True]),
            atomic_numbers=np.full(atoms, 14, dtype=np.int64),
            energy=None,
            forces=None,
            stress=None,
            group=None,
            source=f"silicon-{atoms}",
        )

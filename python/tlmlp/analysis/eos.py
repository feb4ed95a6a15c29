"""Equation of state at 0 K: energies over volumes, with relaxed ions and cell shape, and the fit of Birch and Murnaghan."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.analysis.crystal import relaxed_crystal, starting_crystal
from tlmlp.analysis.models import open_model
from tlmlp.analysis.relax import Relaxation, relax
from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.units import EV_PER_ANG3_IN_GPA

if TYPE_CHECKING:
    from ase import Atoms

    from tlmlp.analysis.models import Model


@dataclass(frozen=True)
class EquationOfState:
    """Energies over volumes, and the third-order fit of Birch and Murnaghan (Birch, Phys. Rev. 71, 809 (1947))."""

    atoms_in_cell: int
    #: (n,) Å^3 per atom, rising.
    volumes: np.ndarray
    #: (n,) eV per atom.
    energies: np.ndarray
    #: (n,) GPa, -tr(stress)/3 of the model at the volumes.
    pressures: np.ndarray
    #: Å^3 per atom, eV per atom, GPa, 1.
    v0: float
    e0: float
    b0: float
    b0_prime: float
    #: meV per atom, root mean square.
    residual: float
    #: Å, the cubic lattice constant at ``v0``; None for crystals that are not cubic.
    a0: float | None
    relaxation: Relaxation

    def energy(self, volumes: np.ndarray) -> np.ndarray:
        """The fit, eV per atom, at volumes in Å^3 per atom."""
        from ase.eos import birchmurnaghan

        return birchmurnaghan(np.asarray(volumes), self.e0, self.b0 / EV_PER_ANG3_IN_GPA, self.b0_prime, self.v0)

    def pressure(self, volumes: np.ndarray) -> np.ndarray:
        """-dE/dV of the fit in GPa at volumes in Å^3 per atom."""
        x = (self.v0 / np.asarray(volumes)) ** (1.0 / 3.0)
        return 1.5 * self.b0 * (x**7 - x**5) * (1.0 + 0.75 * (self.b0_prime - 4.0) * (x**2 - 1.0))

    def as_dict(self) -> dict[str, Any]:
        """For a summary in JSON."""
        return {
            "crystal": self.relaxation.as_dict(),
            "a0_ang": self.a0,
            "v0_ang3_per_atom": self.v0,
            "e0_eV_per_atom": self.e0,
            "B0_GPa": self.b0,
            "B0_prime": self.b0_prime,
            "fit_rms_meV_per_atom": self.residual,
            "points": len(self.volumes),
        }


def equation_of_state(
    model: Model,
    structure: str | os.PathLike[str] | Atoms | None = None,
    *,
    strain: float = 0.06,
    points: int = 11,
    fmax: float = 1e-4,
    threads: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> EquationOfState:
    """Equation of state of a crystal with ``model``, in double precision.

    :param structure: a crystal; left out: that of the model's element
    :param strain: largest relative change of the volume, plus and minus, around the relaxed one
    :param points: volumes, odd or even, 5 or more
    :param fmax: eV/Å, to which ions and the shape of the cell are relaxed at every volume
    :param advance: called after every volume
    :raises TlmlpError: when the input is wrong, something does not relax, or the fit fails
    """
    from ase.eos import EquationOfState as Fit

    if not 0.0 < strain <= 0.3 or points < 5:
        raise TlmlpError(f"`strain` must lie between 0 and 0.3 and `points` be 5 or more, got {strain} and {points}")
    opened = open_model(model, threads=threads)
    relaxation = relaxed_crystal(opened, starting_crystal(opened, structure), fmax=1e-5)
    n = len(relaxation.atoms)
    rows = []
    for factor in np.linspace(1.0 - strain, 1.0 + strain, points):
        atoms = relaxation.atoms.copy()
        atoms.set_cell(atoms.cell.array * factor ** (1.0 / 3.0), scale_atoms=True)
        done = relax(atoms, opened.calculator, cell=True, constant_volume=True, fmax=fmax, keep_symmetry=True)
        if not done.converged or done.stress is None:
            raise TlmlpError(
                f"the crystal does not relax at {100 * factor:.1f} % of its volume: {done.largest_force:.1e} eV/Å after "
                f"{done.steps} steps; take a smaller --strain"
            )
        rows.append((done.atoms.cell.volume / n, done.energy / n, -done.stress[:3].mean()))
        advance()
    volumes, energies, pressures = np.array(rows).T
    try:
        fit = Fit(volumes, energies, eos="birchmurnaghan")
        v0, e0, b0 = fit.fit(warn=False)
    except RuntimeError as error:
        raise TlmlpError(f"no equation of Birch and Murnaghan fits the energies: {error}") from None
    if not volumes[0] < v0 < volumes[-1] or not b0 > 0.0:
        raise TlmlpError(
            f"the energies have no minimum between {volumes[0]:.3f} and {volumes[-1]:.3f} Å^3 per atom: the crystal is "
            "unstable with this model"
        )
    result = EquationOfState(
        n,
        volumes,
        energies,
        pressures,
        float(v0),
        float(e0),
        float(b0) * EV_PER_ANG3_IN_GPA,
        float(fit.eos_parameters[2]),
        0.0,
        cubic_lattice_constant(relaxation.atoms, float(v0) * n),
        relaxation,
    )
    rms = 1e3 * float(np.sqrt(np.mean((result.energy(volumes) - energies) ** 2)))
    return EquationOfState(**{**result.__dict__, "residual": rms})


def cubic_lattice_constant(atoms: Atoms, volume: float) -> float | None:
    """Lattice constant in Å of the conventional cubic cell when ``atoms``, of any cell, had ``volume`` Å^3; None if not cubic."""
    cell = atoms.cell
    lattice = cell.get_bravais_lattice(eps=1e-4) if cell.rank == 3 else None
    cells = {"CUB": 1.0, "BCC": 2.0, "FCC": 4.0}.get(lattice.name) if lattice is not None else None
    return None if cells is None else float((volume * cells) ** (1.0 / 3.0))


def write_eos(found: EquationOfState, about: dict[str, Any], out: Path) -> None:
    """eos.json, which begins with ``about``, eos.csv and the figure (PNG and SVG) into the folder ``out``."""
    from tlmlp.figures import write_columns

    write_columns(
        out / "eos.csv",
        {
            "volume_ang3_per_atom": found.volumes,
            "energy_eV_per_atom": found.energies,
            "fit_eV_per_atom": found.energy(found.volumes),
            "pressure_GPa": found.pressures,
            "fit_pressure_GPa": found.pressure(found.volumes),
        },
    )
    draw_eos(found, out / "eos")
    atomic_write_json(out / "eos.json", {**about, **found.as_dict()})


def draw_eos(found: EquationOfState, stem: Path) -> bool:
    """Energy and pressure over the volume beside the fit, as PNG and SVG; False without matplotlib."""
    if find_spec("matplotlib") is None:
        console.print("no figure without matplotlib (pip install matplotlib); its numbers are in eos.csv")
        return False
    from matplotlib.figure import Figure

    from tlmlp.figures import COLOURS, save_sheet

    fine = np.linspace(found.volumes[0], found.volumes[-1], 200)
    sheet = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = sheet.subplots(1, 2)
    left.plot(fine, 1e3 * (found.energy(fine) - found.e0), color=COLOURS[1], lw=1.2, label="Birch-Murnaghan fit")
    left.plot(found.volumes, 1e3 * (found.energies - found.e0), "o", ms=4, color=COLOURS[0], label="model")
    left.set(xlabel="volume (Å³/atom)", ylabel="energy − minimum (meV/atom)")
    left.legend(frameon=False)
    right.plot(fine, found.pressure(fine), color=COLOURS[1], lw=1.2, label="derivative of the fit")
    right.plot(found.volumes, found.pressures, "o", ms=4, color=COLOURS[0], label="stress of the model")
    right.axhline(0.0, color="0.8", lw=0.8, zorder=0)
    right.set(xlabel="volume (Å³/atom)", ylabel="pressure (GPa)")
    right.legend(frameon=False)
    save_sheet(sheet, stem)
    return True

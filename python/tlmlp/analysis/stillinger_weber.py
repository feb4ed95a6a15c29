"""Stillinger-Weber potentials as an ASE calculator, computed by LAMMPS: a reference whose every property is known."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_masses, atomic_numbers

from tlmlp.data.sw_table import elements_of
from tlmlp.errors import TlmlpError
from tlmlp.lammps.box import lammps_frame
from tlmlp.units import EV_PER_ANG3_IN_GPA

GPA_PER_BAR = 1e-4


class StillingerWeberCalculator(Calculator):
    """Energy, forces and stress of a LAMMPS ``.sw`` file by LAMMPS' own ``pair_style sw``.

    :param path: parameter file of LAMMPS, in metal units
    :raises TlmlpError: when the file is none, LAMMPS is missing, and for structures that are not periodic in all
        directions or hold elements without parameters

    ``stress`` is tensile positive, in eV/Å^3, in ASE's order. LAMMPS' box is built anew for every structure, so cells of
    any size and shape are right.
    """

    implemented_properties: list[str] = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 as ASE declares it

    def __init__(self, path: str | os.PathLike[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call] # ASE's
        from tlmlp.md.lammps_library import Library

        self.path = Path(path).absolute()
        self.elements = elements_of(self.path)
        self._lammps = Library(threads=1)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute everything at once; ASE calls this."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call] # ASE's
        structure = cast(Atoms, self.atoms)  # ASE's copy
        symbols = structure.get_chemical_symbols()
        kinds = sorted(set(symbols))
        unknown = [kind for kind in kinds if kind not in self.elements]
        if unknown:
            raise TlmlpError(f"the structure has {', '.join(unknown)}, {self.path} knows {', '.join(self.elements)}")
        if not structure.pbc.all():
            raise TlmlpError(f"a .sw file is evaluated in periodic cells, got pbc {structure.pbc.tolist()}")
        rows, turn = lammps_frame(structure.cell.array, structure.pbc)
        lx, ly, lz = (repr(float(rows[k, k])) for k in range(3))
        xy, xz, yz = (repr(float(rows[a, b])) for a, b in ((1, 0), (2, 0), (2, 1)))
        self._lammps.commands(
            "clear",
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0.0",
            "box tilt large",
            f"region box prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box",
            f"create_box {len(kinds)} box",
            *(f"mass {n} {float(atomic_masses[atomic_numbers[kind]])!r}" for n, kind in enumerate(kinds, 1)),
        )
        self._lammps.create_atoms([kinds.index(symbol) + 1 for symbol in symbols], structure.positions @ turn)
        self._lammps.commands(
            "pair_style sw",
            f'pair_coeff * * "{self.path}" {" ".join(kinds)}',
            "compute virial all pressure NULL virial",
            "thermo_style custom step pe c_virial[1]",
            "run 0 post no",
        )
        xx, yy, zz, xy_, xz_, yz_ = self._lammps.compute_vector("virial", 6) * (GPA_PER_BAR / EV_PER_ANG3_IN_GPA)
        stress = -turn @ np.array([[xx, xy_, xz_], [xy_, yy, yz_], [xz_, yz_, zz]]) @ turn.T
        energy = self._lammps.value("pe")
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": self._lammps.gather("f") @ turn.T,
            "stress": stress[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)],
        }

    def close(self) -> None:
        """End LAMMPS."""
        self._lammps.close()

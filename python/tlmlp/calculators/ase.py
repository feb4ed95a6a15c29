"""The ASE calculator."""

import os
import warnings
from typing import Any, ClassVar

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from tlmlp.calculators.backends import open_backend
from tlmlp.data.neighbours import neighbour_list
from tlmlp.errors import TlmlpError
from tlmlp.export import read_header


class TlmlpCalculator(Calculator):
    """Energies, forces, stress and energies of the atoms of an exported model.

    :param model_path: file written by ``tlmlp export``
    :param precision: "single" or "double", of the network; edges and sums are in double precision
    :param backend: what evaluates the network: "engine" (compiled, needs no torch), "torch", or "torch-plain" for
        standard torch operators alone
    :param threads: of the engine; the torch backends follow ``torch.set_num_threads``
    :raises TlmlpError: when the file is unusable; when calculating, on an element that the model does not know

    ``energies`` (eV) sum to ``energy``; ``stress`` is tensile positive, in eV/Å^3, in the order xx yy zz yz xz xy, and
    exists for cells with a volume. A distance below the smallest one in the training data is warned of once.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress", "energies"]

    def __init__(
        self,
        model_path: str | os.PathLike,
        *,
        precision: str = "single",
        backend: str = "engine",
        threads: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.header = read_header(model_path)
        self._backend = open_backend(model_path, backend, precision, threads)
        self._rows = {int(z): row for row, z in enumerate(self.header["atomic_numbers"])}
        self._warned = False

    @property
    def cutoff(self) -> float:
        """Radius of the neighbourhood, Å."""
        return self._backend.cutoff

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)) -> None:
        """Compute everything at once; ASE calls this."""
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        species = self._species(atoms.numbers)
        edge_index, vectors, _ = neighbour_list(atoms.positions, atoms.cell.array, atoms.pbc, self.cutoff)
        self._warn_if_too_close(edge_index, vectors)
        energy, gradient, energies = self._backend.compute(species, edge_index, vectors)
        if not np.isfinite(energy):
            raise TlmlpError(f"the energy is {energy}: the model has no value for this structure")

        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, edge_index[1], gradient)
        np.subtract.at(forces, edge_index[0], gradient)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces, "energies": energies}
        volume = abs(np.linalg.det(atoms.cell.array))
        if volume > 0.0:
            strain_derivative = gradient.T @ vectors  # dE/d(strain)
            self.results["stress"] = full_3x3_to_voigt_6_stress(strain_derivative / volume)

    def _species(self, numbers: np.ndarray) -> np.ndarray:
        unknown = sorted(set(numbers.tolist()) - set(self._rows))
        if unknown:
            from ase.data import chemical_symbols

            names = ", ".join(chemical_symbols[z] if z < len(chemical_symbols) else str(z) for z in unknown)
            raise TlmlpError(f"the structure has {names}, the model knows {', '.join(self.header['species'])}")
        return np.array([self._rows[int(z)] for z in numbers], dtype=np.int64)

    def _warn_if_too_close(self, edge_index: np.ndarray, vectors: np.ndarray) -> None:
        least = self.header["min_distance"]
        if least is None or self._warned or not len(vectors):
            return
        squares = (vectors**2).sum(axis=1)
        e = int(squares.argmin())
        if squares[e] < least**2:
            self._warned = True
            j, i = edge_index[:, e]
            warnings.warn(
                f"atoms {i} and {j} are {np.sqrt(squares[e]):.3f} Å apart, closer than any pair in the "
                f"training data of the model ({least:.3f} Å)",
                stacklevel=3,
            )

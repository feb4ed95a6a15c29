"""The ASE calculator."""

import os
import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from ase import Atoms
from ase.calculators.calculator import all_changes

from tlmlp.calculators.backends import open_backend
from tlmlp.calculators.exclusive import ExclusiveCalculator
from tlmlp.calculators.sums import atomic_virials, edge_forces, to_voigt
from tlmlp.data.closest import closest_edge, too_close
from tlmlp.data.neighbours import NeighbourList
from tlmlp.errors import TlmlpError
from tlmlp.export.model_file import engine_part, read_header


class TlmlpCalculator(ExclusiveCalculator):
    """Energy, free energy, forces, stress, and energies and stresses of the atoms, from an exported model.

    :param model_path: file written by ``tlmlp export``, or the name of a model that comes with the package
    :param precision: "single" or "double", of the network; edges and sums are in double precision
    :param backend: what evaluates the network: "engine" (compiled, needs no torch), "torch", or "torch-plain" for
        standard torch operators alone
    :param threads: of the engine; the torch backends follow ``torch.set_num_threads``
    :param skin: Å by which the kept neighbour list exceeds the cutoff; results do not depend on it, bit by bit
    :param device: of the engine: "cpu", or "cuda" or "cuda:N" for a GPU; the neighbour list stays on the CPU
    :param warn_close: whether to warn, once, of a distance below the smallest one in the training data
    :raises TlmlpError: when the file is unusable; when calculating, for an element that the model does not know, NaN
        or infinite input, a periodic cell without volume, atoms on top of each other

    ``energies`` (eV) sum to ``energy``; ``stress`` is tensile positive, in eV/Å^3, in the order xx yy zz yz xz xy, and
    exists for cells with a volume; ``stresses`` (n, 6) sum to ``stress``, half of an edge's share going to either end
    (LAMMPS' ``stress/atom`` over the volume). There are no charges and no temperature, so ``free_energy`` is
    ``energy``.

    Threads may share a calculator: they wait for each other. Copies, ``copy.deepcopy`` and pickles carry the model inside
    and give the same numbers to the last bit, in another process too.
    """

    implemented_properties: list[str] = ["energy", "free_energy", "forces", "stress", "energies", "stresses"]  # noqa: RUF012 as ASE declares it

    def __init__(
        self,
        model_path: str | os.PathLike[str],
        *,
        precision: str = "single",
        backend: str = "engine",
        threads: int = 1,
        skin: float = 0.5,
        device: str = "cpu",
        warn_close: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.header = read_header(model_path)
        self._model = engine_part(model_path)
        self._options: dict[str, Any] = {
            "backend": backend,
            "precision": precision,
            "threads": threads,
            "device": device,
        }
        self._backend = open_backend(self._model, **self._options)
        self._list = NeighbourList(self._backend.cutoff, skin)
        self._rows = {int(z): row for row, z in enumerate(self.header["atomic_numbers"])}
        self._edges: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._warned = not warn_close

    @property
    def cutoff(self) -> float:
        """Radius of the neighbourhood, Å."""
        return self._backend.cutoff

    @property
    def neighbour_list(self) -> NeighbourList:
        """The list in use, which counts its searches."""
        return self._list

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute everything at once, except that ``stresses`` are summed when first asked for; ASE calls this."""
        with self.exclusive():
            super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call] # ASE's
            structure = cast(Atoms, self.atoms)  # ASE's copy of ``atoms``, or of those of the call before
            edges = self._edges
            if system_changes or edges is None or "energy" not in self.results:
                self._edges = None  # stays so when the structure is refused
                edges = self._edges = self._compute(structure)
            volume = abs(np.linalg.det(structure.cell.array))
            if "stresses" in properties and volume > 0.0:
                self.results["stresses"] = to_voigt(-atomic_virials(len(structure), *edges)) / volume

    def __getstate__(self) -> dict[str, Any]:
        """All but the backend, which is made again from the bytes of the model and the options."""
        state = super().__getstate__()
        del state["_backend"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._backend = open_backend(self._model, **self._options)

    def _compute(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fill the results; returns edges, their vectors and the energy's derivatives by them."""
        species = self._species(atoms.numbers)
        check_finite(atoms)
        edge_index, vectors, _ = self._list.find(atoms.positions, atoms.cell.array, atoms.pbc)
        self._warn_if_too_close(edge_index, vectors)
        result = self._backend.compute(species, edge_index, vectors)
        energy, gradient, energies = float(result["energy"]), result["edge_gradients"], result["atomic_energies"]
        if not np.isfinite(energy):
            raise TlmlpError(f"the energy is {energy}: the model has no value for this structure")
        forces = edge_forces(len(atoms), edge_index, gradient)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces, "energies": energies}
        volume = abs(np.linalg.det(atoms.cell.array))
        if volume > 0.0:
            self.results["stress"] = to_voigt(gradient.T @ vectors) / volume  # dE/d(strain) over the volume
        return edge_index, vectors, gradient

    def _species(self, numbers: np.ndarray) -> np.ndarray:
        unknown = sorted(set(numbers.tolist()) - set(self._rows))
        if unknown:
            from ase.data import chemical_symbols

            names = ", ".join(chemical_symbols[z] if z < len(chemical_symbols) else str(z) for z in unknown)
            raise TlmlpError(f"the structure has {names}, the model knows {', '.join(self.header['species'])}")
        return np.array([self._rows[z] for z in numbers.tolist()], dtype=np.int64)

    def _warn_if_too_close(self, edge_index: np.ndarray, vectors: np.ndarray) -> None:
        least = self.header["min_distance"]
        if least is None or self._warned:
            return
        pair = closest_edge(edge_index, vectors)
        if pair is not None and pair[2] < least:
            self._warned = True
            warnings.warn(too_close(pair, least), stacklevel=8)


def check_finite(atoms: Atoms) -> None:
    """Refuse NaN and infinity, naming the first atom that has them.

    :raises TlmlpError: when a position or a component of the cell is not finite
    """
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        where = " ".join(f"{x:g}" for x in atoms.positions[bad[0]])
        more = f" ({len(bad)} atoms in all)" if len(bad) > 1 else ""
        raise TlmlpError(f"`positions` must be finite, atom {bad[0]} is at ({where}){more}: did the run diverge?")
    if not np.isfinite(atoms.cell.array).all():
        raise TlmlpError(f"`cell` must be finite, got {atoms.cell.array.tolist()}")

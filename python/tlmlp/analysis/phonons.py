"""Phonons of one crystal by phonopy: force constants from displaced supercells, and what follows from them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.analysis.kept_forces import KeptForces
from tlmlp.errors import TlmlpError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from phonopy import Phonopy

#: THz; modes below it have no thermal share: translations of the whole crystal, whose frequencies are rounding.
TRANSLATION = 0.005
#: THz; modes below minus this count as imaginary: smaller ones are rounding and anharmonicity at Γ.
IMAGINARY = 0.05
#: Å; displacements and noise beyond it bring atoms into each other and say nothing of vibrations.
FARTHEST = 0.5


def need_phonopy() -> None:
    """Refuse in one line where phonopy or seekpath is missing.

    :raises TlmlpError: naming the extra to install
    """
    missing = [name for name in ("phonopy", "seekpath") if find_spec(name) is None]
    if missing:
        raise TlmlpError(f"phonons need {' and '.join(missing)}: pip install 'tlmlp[analysis]'")


def displaced_supercells(
    atoms: Atoms, supercell: Sequence[int], displacement: float, symprec: float = 1e-5
) -> tuple[Phonopy, list[Atoms]]:
    """phonopy's object and the supercells to compute: displacements plus and minus, reduced by symmetry.

    :param supercell: copies along the lattice vectors of ``atoms``
    :param displacement: Å
    :param symprec: Å, of the symmetry search
    :raises TlmlpError: when numbers are out of range or phonopy refuses the crystal
    """
    need_phonopy()
    from ase import Atoms
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    if len(supercell) != 3 or min(supercell) < 1:
        raise TlmlpError(f"`supercell` must be three numbers of copies, 1 or more, got {tuple(supercell)}")
    if not 0.0 < displacement <= FARTHEST:
        raise TlmlpError(f"`displacement` must be a positive length of up to {FARTHEST:g} Å, got {displacement}")
    masses = atoms.get_masses() if atoms.has("masses") else None
    cell = PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(),
        masses=masses,
    )
    try:
        with _quiet():
            phonopy = Phonopy(cell, np.diag(supercell), primitive_matrix="auto", symprec=symprec)
            phonopy.generate_displacements(distance=displacement, is_plusminus=True)
    except Exception as error:  # spglib and phonopy refuse in many ways
        raise TlmlpError(f"phonopy finds no symmetry of the crystal: {' '.join(str(error).split())}") from None
    cells = phonopy.supercells_with_displacements or []
    return phonopy, [Atoms(c.symbols, cell=c.cell, scaled_positions=c.scaled_positions, pbc=True) for c in cells]


def compute_phonons(
    atoms: Atoms,
    calculator: Calculator,
    *,
    supercell: Sequence[int] = (2, 2, 2),
    displacement: float = 0.01,
    symprec: float = 1e-5,
    noise: float = 0.0,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
    keep: Path | None = None,
    origin: dict[str, Any] | None = None,
) -> Phonopy:
    """Force constants of ``atoms`` by finite displacements; everything of phonopy can be asked of the result.

    :param noise: Å, standard deviation of random displacements of all atoms on top, to show that exact angles of 180°
        need none
    :param seed: of the noise
    :param advance: called after every supercell
    :param keep: file that holds the forces meanwhile, so that a call that was killed continues; the caller removes it
    :param origin: of the forces in that file: those of another model are not used
    :raises TlmlpError: as :func:`displaced_supercells`, when the calculator refuses, and for atoms without interaction

    Force constants are phonopy's own finite differences (Togo, J. Phys. Soc. Jpn. 92, 012001 (2023)), without the sum
    rule imposed afterwards, so that the acoustic frequencies at Γ show how well it holds.
    """
    phonopy, cells = displaced_supercells(atoms, supercell, displacement, symprec)
    random = np.random.default_rng(seed)
    for cell in cells:
        if noise:
            cell.positions += random.normal(scale=noise, size=cell.positions.shape)
    kept = KeptForces(keep, cells, origin or {})
    for number, cell in enumerate(cells):
        if number >= len(kept.forces):
            cell.calc = calculator
            kept.append(cell.get_forces())
        advance()
    with _quiet():
        phonopy.forces = np.array(kept.forces)
        phonopy.produce_force_constants(show_drift=False)
    if not np.abs(phonopy.force_constants).max() > 1e-8:
        raise TlmlpError("no force answers a displacement: the atoms of this crystal are beyond the reach of the model")
    return phonopy


def load_phonopy(path: str | os.PathLike[str]) -> Phonopy:
    """A ``phonopy.yaml`` with forces or force constants inside, taken as they are.

    :raises TlmlpError: when the file is none or has neither
    """
    need_phonopy()
    import phonopy as package

    if not Path(path).is_file():
        raise TlmlpError(f"{path} does not exist: expected a phonopy.yaml")
    try:
        with _quiet():
            phonopy = package.load(os.fspath(path), symmetrize_fc=False, is_compact_fc=False, log_level=0)
    except Exception as error:
        raise TlmlpError(f"{path} cannot be read as a phonopy.yaml: {' '.join(str(error).split())}") from None
    if phonopy.force_constants is None:
        raise TlmlpError(f"{path} has neither forces nor force constants: write it with `phonopy.save` after computing")
    return phonopy


@dataclass(frozen=True)
class GammaModes:
    """Frequencies at Γ in THz, negative for imaginary ones, distinguished by their eigenvectors."""

    #: (3,) the modes closest to a translation of the whole crystal.
    acoustic: np.ndarray
    #: (3N - 3,)
    optical: np.ndarray


def gamma_modes(phonopy: Phonopy) -> GammaModes:
    """The modes at Γ. Acoustic are the three with the largest weight in uniform translations, sqrt(m) per atom."""
    with _quiet():
        phonopy.run_qpoints([[0.0, 0.0, 0.0]], with_eigenvectors=True)
    frequencies, vectors = phonopy.qpoints.frequencies[0], phonopy.qpoints.eigenvectors[0]
    roots = np.sqrt(phonopy.primitive.masses)
    translations = np.kron((roots / np.linalg.norm(roots))[:, None], np.eye(3))  # (3N, 3)
    weights = (np.abs(translations.T @ vectors) ** 2).sum(axis=0)
    acoustic = np.sort(np.argsort(weights)[-3:])
    return GammaModes(frequencies[acoustic], np.sort(np.delete(frequencies, acoustic)))


@dataclass(frozen=True)
class Segment:
    """A straight line between two special points of the Brillouin zone."""

    start: str
    end: str
    #: (n, 3) in the reciprocal basis of the primitive cell.
    qpoints: np.ndarray
    #: 1/Å, without 2π.
    length: float


def band_path(phonopy: Phonopy, points: int = 60, symprec: float = 1e-5) -> list[Segment]:
    """seekpath's path for the primitive cell as it is (Hinuma et al., Comput. Mater. Sci. 128, 140 (2017)).

    :param points: on the longest segment; the others have the same spacing
    """
    import seekpath

    cell = phonopy.primitive
    with _quiet():
        path = seekpath.get_path_orig_cell(
            (cell.cell, cell.scaled_positions, cell.numbers), with_time_reversal=True, symprec=symprec
        )
    reciprocal = np.linalg.inv(cell.cell).T
    ends = [(a, b, *(np.array(path["point_coords"][name]) for name in (a, b))) for a, b in path["path"]]
    lengths = [float(np.linalg.norm((to - start) @ reciprocal)) for _, _, start, to in ends]
    segments = []
    for (a, b, start, to), length in zip(ends, lengths, strict=True):
        n = max(2, round(points * length / max(lengths)) + 1)
        qpoints = start + np.linspace(0.0, 1.0, n)[:, None] * (to - start)
        segments.append(Segment(point_name(a), point_name(b), qpoints, length))
    return segments


def point_name(name: str) -> str:
    """Γ for seekpath's GAMMA; the others as they are."""
    return "Γ" if name == "GAMMA" else name


def bands(phonopy: Phonopy, path: Sequence[Segment]) -> list[np.ndarray]:
    """Frequencies (n, 3N) in THz along every segment."""
    with _quiet():
        phonopy.run_band_structure([segment.qpoints for segment in path])
    return [np.asarray(values) for values in phonopy.band_structure.frequencies]


@dataclass(frozen=True)
class Densities:
    """Densities of states per primitive cell, 1/THz; they integrate to 3N."""

    #: (n,) THz, evenly spaced.
    frequencies: np.ndarray
    tetrahedron: np.ndarray
    smearing: np.ndarray
    #: By element, tetrahedron method; of one element the total.
    projected: dict[str, np.ndarray]


def run_mesh(phonopy: Phonopy, mesh: float) -> None:
    """Frequencies on a Γ-centred mesh of the irreducible points.

    :param mesh: Å, length of lattice vectors that one division of a reciprocal vector stands for
    """
    with _quiet():
        phonopy.run_mesh(mesh, is_gamma_center=True)


def imaginary_share(phonopy: Phonopy) -> tuple[float, float]:
    """Share of the modes on the mesh below -IMAGINARY, and the lowest frequency in THz."""
    frequencies, weights = phonopy.mesh.frequencies, phonopy.mesh.weights
    share = ((frequencies < -IMAGINARY).sum(axis=1) * weights).sum() / (weights.sum() * frequencies.shape[1])
    return float(share), float(frequencies.min())


def densities(phonopy: Phonopy, low: float, high: float, pitch: float, sigma: float) -> Densities:
    """Densities of states on the present mesh, by linear tetrahedra and by Gaussians of the width ``sigma`` (THz).

    Projections on several elements take phonopy's mesh without symmetry, of half the density.
    """
    grid = {"freq_min": low, "freq_max": high, "freq_pitch": pitch}
    with _quiet():
        phonopy.run_total_dos(**grid)
        frequencies, tetrahedron = phonopy.total_dos.frequency_points.copy(), phonopy.total_dos.dos.copy()
        phonopy.run_total_dos(sigma=sigma, use_tetrahedron_method=False, **grid)
        smearing = np.asarray(phonopy.total_dos.dos).copy()
        symbols = np.array(phonopy.primitive.symbols)
        if len(set(symbols)) == 1:
            return Densities(frequencies, tetrahedron, smearing, {str(symbols[0]): tetrahedron})
        mesh = phonopy.mesh.mesh_numbers
        phonopy.run_mesh(np.maximum(1, mesh // 2), is_mesh_symmetry=False, with_eigenvectors=True, is_gamma_center=True)
        phonopy.run_projected_dos(**grid)
        by_atom = phonopy.projected_dos.projected_dos
        phonopy.run_mesh(mesh, is_gamma_center=True)
    projected = {str(kind): by_atom[symbols == kind].sum(axis=0) for kind in dict.fromkeys(symbols)}
    return Densities(frequencies, tetrahedron, smearing, projected)


@dataclass(frozen=True)
class Thermal:
    """Harmonic thermodynamics at constant volume, per mole of atoms; imaginary modes are left out."""

    #: (n,) K.
    temperatures: np.ndarray
    #: (n,) kJ/mol, zero-point energy included.
    free_energy: np.ndarray
    #: (n,) J/K/mol.
    entropy: np.ndarray
    #: (n,) J/K/mol, at constant volume; 3R = 24.94 when all modes are excited.
    heat_capacity: np.ndarray


def thermal(phonopy: Phonopy, highest: float = 1000.0, step: float = 10.0) -> Thermal:
    """Free energy, entropy and heat capacity from 0 K to ``highest`` K, from the frequencies on the present mesh."""
    with _quiet():
        phonopy.run_thermal_properties(t_min=0.0, t_max=highest, t_step=step, cutoff_frequency=TRANSLATION)
        found = phonopy.get_thermal_properties_dict()  # the same in phonopy 3 and 4
    values = (np.asarray(found[name]) / len(phonopy.primitive) for name in ("free_energy", "entropy", "heat_capacity"))
    return Thermal(np.asarray(found["temperatures"]), *values)


@contextmanager
def _quiet() -> Iterator[None]:
    """phonopy announces future changes of its interface by warnings that do not concern the user of a command."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

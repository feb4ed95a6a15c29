"""``tlmlp phonons``: several models and a reference side by side, as files and as one summary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import trapezoid

from tlmlp.analysis.crystal import relaxed_crystal, starting_crystal
from tlmlp.analysis.models import PACKAGES, open_model, unique_names
from tlmlp.analysis.phonons import (
    FARTHEST,
    Densities,
    GammaModes,
    Segment,
    Thermal,
    band_path,
    bands,
    compute_phonons,
    densities,
    displaced_supercells,
    gamma_modes,
    imaginary_share,
    load_phonopy,
    need_phonopy,
    run_mesh,
    thermal,
)
from tlmlp.analysis.relax import Relaxation, relax
from tlmlp.bench.timing import versions
from tlmlp.console import console, progress
from tlmlp.errors import TlmlpError
from tlmlp.figures import write_columns
from tlmlp.files import atomic_write_json, check_out, sha256_file

if TYPE_CHECKING:
    from ase import Atoms
    from phonopy import Phonopy

    from tlmlp.analysis.models import ForceModel, Model

#: Of the crystal whose phonons are computed; eV/Å.
FMAX = 1e-5
#: Å; the mesh of the primitive cell of silicon has 319 divisions along each vector at the upper end.
MESH_RANGE = (1.0, 1000.0)
#: THz, of the pitch of a density of states and of the width of its Gaussians.
THZ_RANGE = (1e-4, 10.0)


@dataclass
class ModelPhonons:
    """Phonons of one model or reference."""

    name: str
    origin: dict[str, Any]
    phonopy: Phonopy
    #: None of a phonopy.yaml; without steps where the crystal was taken as it is.
    relaxation: Relaxation | None
    gamma: GammaModes
    path: list[Segment]
    #: (n, 3N) THz per segment.
    bands: list[np.ndarray]
    thermal: Thermal
    #: Share of modes on the mesh that are imaginary, and the lowest frequency in THz.
    imaginary: tuple[float, float]
    densities: Densities | None = field(default=None)

    def density(self) -> Densities:
        """Its densities of states, which :func:`phonons` fills in."""
        assert self.densities is not None
        return self.densities

    def points(self) -> dict[str, np.ndarray]:
        """Frequencies (3N,) in THz at the special points of the path, by name."""
        found: dict[str, np.ndarray] = {}
        for segment, values in zip(self.path, self.bands, strict=True):
            found.setdefault(segment.start, values[0])
            found.setdefault(segment.end, values[-1])
        return found


@dataclass(frozen=True)
class PhononComparison:
    """What :func:`phonons` found."""

    models: list[ModelPhonons]
    reference: ModelPhonons | None
    #: What summary.json holds.
    summary: dict[str, Any]

    def all(self) -> list[ModelPhonons]:
        """The models, and the reference behind them."""
        return [*self.models, *([self.reference] if self.reference else [])]


def phonons(
    models: Sequence[Model],
    structure: str | os.PathLike[str] | Atoms | None = None,
    *,
    reference: Model | None = None,
    supercell: tuple[int, int, int] = (2, 2, 2),
    displacement: float = 0.01,
    relax_first: bool = True,
    mesh: float = 80.0,
    pitch: float = 0.02,
    sigma: float = 0.1,
    noise: float = 0.0,
    symprec: float = 1e-5,
    threads: int = 1,
    out: str | os.PathLike[str] | None = None,
) -> PhononComparison:
    """Phonons of ``models`` (exported models, ``.sw`` files, calculators of ASE), in double precision.

    :param structure: a crystal; left out: that of the model's element
    :param reference: another model, a ``.sw`` file, or a phonopy.yaml with forces
    :param supercell: copies of the crystal's cell along its lattice vectors
    :param displacement: Å, plus and minus
    :param relax_first: find the cell and positions without forces and stress first; the symmetry is kept
    :param mesh: Å, density of the mesh of the Brillouin zone (phonopy's length)
    :param pitch: THz, of the densities of states
    :param sigma: THz, width of the Gaussians of the smeared density
    :param noise: Å, of random displacements on top of the regular ones
    :param symprec: Å, of the symmetry search
    :param out: folder for tables, figures, phonopy.yaml and summary.json; left out: nothing is written
    :raises TlmlpError: when the input is wrong, a crystal does not relax, or crystals cannot be compared
    """
    need_phonopy()
    if not models:
        raise TlmlpError("expected one model or more")
    for word, value, (low, high), unit in (
        ("mesh", mesh, MESH_RANGE, "Å"),
        ("pitch", pitch, THZ_RANGE, "THz"),
        ("sigma", sigma, THZ_RANGE, "THz"),
        ("noise", noise, (0.0, FARTHEST), "Å"),
    ):
        if not low <= value <= high:
            raise TlmlpError(f"`{word}` must be from {low:g} to {high:g} {unit}, got {value}")
    if out is not None:
        check_out(out)
    given = [*models] if reference is None else [*models, reference]
    # All files are opened before the first is computed with: a wrong one is found at once.
    opened = [_open(model, name, reference, threads) for model, name in zip(given, unique_names(given), strict=True)]
    found = []
    for source in opened:
        name = source.name
        if isinstance(source, _Reference):
            origin, phonopy, relaxation = source.origin, source.phonopy, None
        else:
            atoms = starting_crystal(source, structure)
            relaxation = (
                relaxed_crystal(source, atoms, FMAX) if relax_first else relax(atoms, source.calculator, steps=0)
            )
            atoms = relaxation.atoms
            count = len(displaced_supercells(atoms, supercell, displacement, symprec)[1])
            with progress(f"{name}: supercells of {len(atoms) * int(np.prod(supercell))} atoms", count) as bar:
                phonopy = compute_phonons(
                    atoms,
                    source.calculator,
                    supercell=supercell,
                    displacement=displacement,
                    symprec=symprec,
                    noise=noise,
                    advance=bar.advance,
                    keep=None if out is None else Path(out) / f".{name}.forces.npz",
                    origin=source.origin,
                )
            origin = source.origin
        found.append(_analyse(name, origin, phonopy, relaxation, mesh, symprec))
    _check_alike(found)
    if reference is not None:
        _say_other_elements(found)
    _common_densities(found, pitch, sigma)
    settings = {
        "supercell": list(supercell),
        "displacement_ang": displacement,
        "relaxed_first": relax_first,
        "mesh_length_ang": mesh,
        "dos_pitch_THz": pitch,
        "dos_sigma_THz": sigma,
        "position_noise_ang": noise,
        "symmetry_tolerance_ang": symprec,
    }
    split = found if reference is None else found[:-1]
    result = PhononComparison(split, None if reference is None else found[-1], _summary(found, reference, settings))
    if out is not None:
        write_phonons(result, Path(out))
    return result


@dataclass(frozen=True)
class _Reference:
    """A phonopy.yaml to compare with."""

    name: str
    origin: dict[str, Any]
    phonopy: Phonopy


def _open(model: Model, name: str, reference: Model | None, threads: int) -> ForceModel | _Reference:
    if not (isinstance(model, str | os.PathLike) and Path(model).suffix in (".yaml", ".yml")):
        return open_model(model, threads=threads, name=name)
    if model is not reference:
        raise TlmlpError(f"{model} is a reference and no model: give it with --reference")
    phonopy = load_phonopy(model)
    return _Reference(name, {"file": str(model), "sha256": sha256_file(model)}, phonopy)


def _analyse(
    name: str, origin: dict[str, Any], phonopy: Phonopy, relaxation: Relaxation | None, mesh: float, symprec: float
) -> ModelPhonons:
    path = band_path(phonopy, symprec=symprec)
    run_mesh(phonopy, mesh)
    imaginary = imaginary_share(phonopy)
    if imaginary[0]:
        console.warn(
            f"{name} has imaginary modes, {100 * imaginary[0]:.2g} % of the mesh, down to "
            f"{imaginary[1]:.2f} THz: this crystal is no minimum of the model; thermal.csv leaves them out"
        )
    return ModelPhonons(
        name,
        origin,
        phonopy,
        relaxation,
        gamma_modes(phonopy),
        path,
        bands(phonopy, path),
        thermal(phonopy),
        imaginary,
    )


def _check_alike(found: Sequence[ModelPhonons]) -> None:
    """Refuse crystals that have other paths or numbers of modes: their curves could not share an axis."""
    first = found[0]
    for other in found[1:]:
        sizes = [len(m.phonopy.primitive) for m in (first, other)]
        if sizes[0] != sizes[1]:
            raise TlmlpError(
                f"{first.name} has {sizes[0]} atoms in its primitive cell and {other.name} {sizes[1]}: phonons of other "
                "crystals cannot be compared"
            )
        routes = [[(s.start, s.end) for s in m.path] for m in (first, other)]
        if routes[0] != routes[1]:
            raise TlmlpError(
                f"the crystals of {first.name} and {other.name} have other lattices, so their bands follow other paths: "
                "give both the same STRUCTURE"
            )


def _say_other_elements(found: Sequence[ModelPhonons]) -> None:
    """Warn where the reference, the last of ``found``, is a crystal of other elements than a model's."""
    elements = [sorted(set(m.phonopy.primitive.symbols)) for m in found]
    for m, symbols in zip(found[:-1], elements, strict=False):
        if symbols != elements[-1]:
            console.warn(
                f"the crystal of {m.name} is of {', '.join(symbols)} and the reference {found[-1].name} of "
                f"{', '.join(elements[-1])}: the differences are those of two materials"
            )


def _common_densities(found: Sequence[ModelPhonons], pitch: float, sigma: float) -> None:
    """Densities of all on one grid that holds all frequencies."""
    edges = [(m.phonopy.mesh.frequencies.min(), m.phonopy.mesh.frequencies.max()) for m in found]
    low = pitch * np.floor((min(a for a, _ in edges) - 5.0 * sigma) / pitch)
    high = pitch * np.ceil((max(b for _, b in edges) + 5.0 * sigma) / pitch)
    for m in found:
        m.densities = densities(m.phonopy, low, high, pitch, sigma)


def dos_distance(first: Densities, second: Densities) -> float:
    """Integral of the absolute difference of two densities of states over the integral of the second.

    0 for equal curves, 2 for curves that do not overlap; by tetrahedra, on the same grid.
    """
    difference = trapezoid(np.abs(first.tetrahedron - second.tetrahedron), second.frequencies)
    return float(difference / trapezoid(second.tetrahedron, second.frequencies))


def _summary(found: Sequence[ModelPhonons], reference: Model | None, settings: dict[str, Any]) -> dict[str, Any]:
    last = None if reference is None else found[-1]
    entries = {}
    for m in found:
        entry: dict[str, Any] = {
            **m.origin,
            "crystal": None if m.relaxation is None else m.relaxation.as_dict(),
            "atoms_in_primitive_cell": len(m.phonopy.primitive),
            "space_group": m.phonopy.primitive_symmetry.dataset.international,
            "supercells_computed": len(m.phonopy.forces) if m.phonopy.forces is not None else 0,
            "largest_acoustic_gamma_THz": float(np.abs(m.gamma.acoustic).max()),
            "optical_gamma_THz": m.gamma.optical.tolist(),
            "special_points_THz": {name: values.tolist() for name, values in m.points().items()},
            "imaginary_share_of_modes": m.imaginary[0],
            "lowest_frequency_THz": m.imaginary[1],
            "dos_integral": float(trapezoid(m.density().tetrahedron, m.density().frequencies)),
            "dos_integral_smearing": float(trapezoid(m.density().smearing, m.density().frequencies)),
            "modes": 3 * len(m.phonopy.primitive),
            "zero_point_energy_kJ_per_mol": float(m.thermal.free_energy[0]),
        }
        if last is not None and m is not last:
            there = last.points()
            entry["against_reference"] = {
                "dos_distance": dos_distance(m.density(), last.density()),
                "highest_optical_gamma_THz": (
                    float(m.gamma.optical[-1] - last.gamma.optical[-1]) if len(m.gamma.optical) else None
                ),
                "special_points_THz": {name: (values - there[name]).tolist() for name, values in m.points().items()},
            }
        entries[m.name] = entry
    distances = {f"{a.name} {b.name}": dos_distance(a.density(), b.density()) for a, b in combinations(found, 2)}
    return {
        "settings": settings,
        "versions": versions(*PACKAGES),
        "reference": None if last is None else last.name,
        "models": entries,
        "dos_distances": distances,
    }


def write_phonons(result: PhononComparison, out: Path) -> None:
    """Everything into the folder ``out``; phonopy.yaml of several models goes into a folder of each one's name."""
    from tlmlp.analysis.phonon_figures import draw_phonons

    found = result.all()
    for m in found:
        folder = out if len(found) == 1 else out / m.name
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / ".phonopy.part.yaml"
        m.phonopy.save(part, settings={"force_sets": True, "displacements": True})
        part.replace(folder / "phonopy.yaml")
    _write_long(out / "dos.csv", found, _dos_columns)
    _write_long(out / "bands.csv", found, _band_columns)
    _write_long(out / "thermal.csv", found, _thermal_columns)
    draw_phonons(result, out)
    atomic_write_json(out / "summary.json", result.summary)
    for m in found:
        (out / f".{m.name}.forces.npz").unlink(missing_ok=True)


def _write_long(path: Path, found: Sequence[ModelPhonons], columns_of: Any) -> None:
    """Tables of all models below each other, the first column naming the model; a missing column is empty."""
    tables = [columns_of(m) for m in found]
    names = list(dict.fromkeys(name for table in tables for name in table))
    lengths = [len(next(iter(table.values()))) for table in tables]
    columns: dict[str, Any] = {"model": np.repeat([m.name for m in found], lengths)}
    for name in names:
        columns[name] = np.concatenate(
            [np.asarray(t[name]) if name in t else np.full(n, np.nan) for t, n in zip(tables, lengths, strict=True)]
        )
    write_columns(path, columns)


def _dos_columns(m: ModelPhonons) -> dict[str, np.ndarray]:
    d = m.density()
    return {
        "frequency_THz": d.frequencies,
        "tetrahedron_per_THz": d.tetrahedron,
        "smearing_per_THz": d.smearing,
        **{f"{element}_tetrahedron_per_THz": values for element, values in d.projected.items()},
    }


def _band_columns(m: ModelPhonons) -> dict[str, np.ndarray]:
    starts = np.concatenate([[0.0], np.cumsum([s.length for s in m.path])])
    along = [x + np.linspace(0.0, s.length, len(s.qpoints)) for x, s in zip(starts, m.path, strict=False)]
    q, values = np.concatenate([s.qpoints for s in m.path]), np.concatenate(m.bands)
    return {
        "segment": np.repeat([f"{s.start}-{s.end}" for s in m.path], [len(s.qpoints) for s in m.path]),
        "distance_per_ang": np.concatenate(along),
        **{f"q{k + 1}": q[:, k] for k in range(3)},
        **{f"mode_{k + 1}_THz": values[:, k] for k in range(values.shape[1])},
    }


def _thermal_columns(m: ModelPhonons) -> dict[str, np.ndarray]:
    t = m.thermal
    return {
        "temperature_K": t.temperatures,
        "free_energy_kJ_per_mol": t.free_energy,
        "entropy_J_per_K_mol": t.entropy,
        "heat_capacity_J_per_K_mol": t.heat_capacity,
    }

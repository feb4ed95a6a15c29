"""What a model says of atoms that come too close: dimers, crystals under pressure, one bond pressed in a crystal.

Data from dynamics and strained crystals end at some distance; below it a network's energy is whatever its weights make
of it, and minimisations and hot runs find every hole. Three curves for each pair of elements show the holes:

- dimer: two atoms in vacuum, eV relative to the same two beyond the cutoff;
- crystal: scaled as a whole, eV/atom relative to its minimum, over the distance of nearest neighbours;
- pressed bond: two neighbours in a crystal moved towards each other, all others at rest, eV relative to the crystal.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path

if TYPE_CHECKING:
    from ase import Atoms

    from tlmlp.calculators import TlmlpCalculator

#: No minimum may lie below this share of the bond.
SHARE_OF_BOND = 0.8
#: Å; down to here the energy of two atoms must rise.
SMALLEST = 0.3
#: Crystals are scaled down to this share of their bond.
SMALLEST_SCALE = 0.5
#: eV; a fall of the energy by less is none: about kT at room temperature.
SHALLOW = 0.025
#: eV (crystal: eV/atom); the energy must have risen by so much at the shortest distance.
RISE = 1.0
#: Å, of the dimer's and the pressed bond's curve.
STEP = 0.02
_TICKS = (-100, -10, -1, 0, 1, 10, 100, 1000, 10000)
LATTICES = ("sc", "fcc", "bcc", "diamond")


@dataclass(frozen=True)
class Curve:
    """Energies over a distance."""

    #: "dimer", "crystal" or "pressed bond".
    kind: str
    #: (n,) Å, rising.
    distance: np.ndarray
    #: (n,) eV; of the crystal eV/atom.
    energy: np.ndarray

    def _inwards(self, bond: float) -> np.ndarray:
        """Indices of the points from 0.8 of the ``bond`` on, the farthest first."""
        return np.flatnonzero(self.distance <= SHARE_OF_BOND * bond + 1e-9)[::-1]

    def rise(self, bond: float) -> float:
        """eV by which the energy at the shortest distance exceeds that at 0.8 of the ``bond``."""
        return float(self.energy[0] - self.energy[self._inwards(bond)[0]])

    def fall(self, bond: float) -> tuple[float, float] | None:
        """The deepest fall of the energy on the way in from 0.8 of the ``bond``: the distance (Å) where it ends, and
        its depth (eV); None where the energy rises all the way, but for SHALLOW."""
        inwards = self._inwards(bond)
        energy = self.energy[inwards]
        depth = np.maximum.accumulate(energy) - energy
        worst = int(depth.argmax())
        if depth[worst] < SHALLOW:
            return None
        return float(self.distance[inwards[worst]]), float(depth[worst])


@dataclass(frozen=True)
class PairCurves:
    """The curves of one pair of elements."""

    elements: tuple[str, str]
    #: What the crystal is, for example "diamond".
    structure: str
    #: Å, distance of nearest neighbours of these elements where the crystal's energy is lowest. Without a minimum
    #: (``stable`` is False) it is that of the crystal as it was given.
    bond: float
    stable: bool
    curves: tuple[Curve, ...]

    def problems(self) -> list[str]:
        """One sentence for everything that is wrong at short distance; empty when the energy rises as it should."""
        name = "-".join(self.elements)
        found = []
        for curve in self.curves:
            fall, rise = curve.fall(self.bond), curve.rise(self.bond)
            unit = "eV/atom" if curve.kind == "crystal" else "eV"
            way = f"on the way from {SHARE_OF_BOND * self.bond:.2f} Å in to"
            if fall is not None:
                found.append(f"{name}, {curve.kind}: the energy falls by {fall[1]:.2f} {unit} {way} {fall[0]:.2f} Å")
            elif rise < RISE:
                found.append(
                    f"{name}, {curve.kind}: the energy rises by {rise:.2f} {unit} only {way} {curve.distance[0]:.2f} Å"
                )
        return found


@dataclass(frozen=True)
class ShortRange:
    """The short-range check of one model."""

    model: str
    #: Å, of the training data; None: unknown.
    min_distance: float | None
    #: ``inner`` and ``outer`` in Å; None: no repulsion.
    zbl: dict[str, float] | None
    pairs: tuple[PairCurves, ...]

    def problems(self) -> list[str]:
        """Those of all pairs."""
        return [problem for pair in self.pairs for problem in pair.problems()]

    def summary(self) -> dict[str, Any]:
        """Plain values: bonds, problems, radii."""
        return {
            "model": self.model,
            "min_distance_ang": self.min_distance,
            "zbl": self.zbl,
            "bonds_ang": {"-".join(pair.elements): pair.bond for pair in self.pairs},
            "problems": self.problems(),
        }


def short_range(model: str | os.PathLike[str], structure: str | os.PathLike[str] | Atoms | None = None) -> ShortRange:
    """Dimer, scaled crystal and pressed bond for every pair of elements of an exported model.

    The crystals are the elements' own (ASE's lattice constants; face-centred cubic where it has none of LATTICES), and
    zinc blende for two elements, unless ``structure`` is given: then every pair of elements in it is looked at there.

    >>> import tlmlp
    >>> from tlmlp.analysis.short_range import short_range
    >>> short_range(tlmlp.pretrained("si-dft")).problems()
    []

    :raises TlmlpError: when the model or the structure is unusable
    """
    from tlmlp.calculators import TlmlpCalculator

    path = model_path(model)
    calculator = TlmlpCalculator(path, precision="double")
    species = calculator.header["species"]
    given = None if structure is None else _given(structure, species)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that atoms are closer than in the data is the point here
        pairs = tuple(
            _check(calculator, pair, given)
            for pair in combinations_with_replacement(species, 2)
            if given is None or set(pair) <= set(given.get_chemical_symbols())
        )
    return ShortRange(path.name, calculator.header["min_distance"], calculator.header["zbl"], pairs)


def _check(calculator: TlmlpCalculator, pair: tuple[str, str], given: Atoms | None) -> PairCurves:
    atoms, name = (given, "the structure") if given is not None else _crystal(*pair)
    i, vector = _nearest(atoms, pair, calculator.cutoff)
    scales = np.arange(0.8, 1.2001, 0.005)
    energies = _scaled(calculator, atoms, scales)
    best = int(energies.argmin())
    stable = min(energies[0], energies[-1]) - energies[best] > SHALLOW
    scale = 1.0
    if stable:
        left, middle, right = energies[best - 1 : best + 2]
        scale = scales[best] + 0.5 * 0.005 * (left - right) / (left - 2.0 * middle + right)
    atoms, vector = _scaled_copy(atoms, scale), vector * scale
    bond = float(np.linalg.norm(vector))
    shares = np.arange(SMALLEST_SCALE, 1.1001, 0.01)
    lowest = _scaled(calculator, atoms, np.ones(1))[0]
    crystal = Curve("crystal", bond * shares, _scaled(calculator, atoms, shares) - lowest)
    return PairCurves(
        pair,
        name,
        bond,
        stable,
        (_dimer(calculator, pair), crystal, _pressed(calculator, atoms, i, vector)),
    )


def _dimer(calculator: TlmlpCalculator, pair: tuple[str, str]) -> Curve:
    from ase import Atoms

    distances = np.arange(round(SMALLEST / STEP), round(calculator.cutoff / STEP) + 1) * STEP
    energies = [_energy(calculator, Atoms(pair, [[0.0, 0.0, 0.0], [0.0, 0.0, d]])) for d in distances]
    apart = _energy(calculator, Atoms(pair, [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0 * calculator.cutoff]]))
    return Curve("dimer", distances, np.array(energies) - apart)


def _pressed(calculator: TlmlpCalculator, atoms: Atoms, i: int, vector: np.ndarray) -> Curve:
    """``vector`` (3,) Å leads from atom ``i`` to its neighbour."""
    widths = abs(atoms.get_volume()) / np.linalg.norm(np.cross(*_others(atoms.cell.array)), axis=1)
    big = atoms.repeat([int(np.ceil(2.0 * calculator.cutoff / width)) for width in widths])
    bond = float(np.linalg.norm(vector))
    apart = np.linalg.solve(big.cell.array.T, (big.positions - big.positions[i] - vector).T).T
    j = int(np.linalg.norm((apart - np.round(apart)) @ big.cell.array, axis=1).argmin())
    distances = np.arange(round(SMALLEST / STEP), int(1.1 * bond / STEP) + 1) * STEP
    rest, energies = _energy(calculator, big), []
    for distance in distances:
        moved = big.copy()
        step = 0.5 * (bond - distance) * vector / bond
        moved.positions[i] += step
        moved.positions[j] -= step
        energies.append(_energy(calculator, moved) - rest)
    return Curve("pressed bond", distances, np.array(energies))


def _others(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return cell[[1, 2, 0]], cell[[2, 0, 1]]


def _energy(calculator: TlmlpCalculator, atoms: Atoms) -> float:
    return float(calculator.get_potential_energy(atoms))


def _scaled_copy(atoms: Atoms, scale: float) -> Atoms:
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array * scale, scale_atoms=True)
    return copy


def _scaled(calculator: TlmlpCalculator, atoms: Atoms, scales: np.ndarray) -> np.ndarray:
    """eV/atom."""
    return np.array([_energy(calculator, _scaled_copy(atoms, scale)) / len(atoms) for scale in scales])


def _crystal(first: str, second: str) -> tuple[Atoms, str]:
    from ase.build import bulk
    from ase.data import atomic_numbers, covalent_radii, reference_states

    if first == second:
        state = reference_states[atomic_numbers[first]] or {}
        if state.get("symmetry") in LATTICES:
            return bulk(first, cubic=True), str(state["symmetry"])
        side = 2.0 * np.sqrt(2.0) * float(covalent_radii[atomic_numbers[first]])
        return bulk(first, "fcc", side, cubic=True), "fcc"
    bond = sum(float(covalent_radii[atomic_numbers[symbol]]) for symbol in (first, second))
    return bulk(first + second, "zincblende", 4.0 / np.sqrt(3.0) * bond, cubic=True), "zinc blende"


def _given(structure: str | os.PathLike[str] | Atoms, species: list[str]) -> Atoms:
    import ase
    import ase.io

    name = "the structure"
    if isinstance(structure, ase.Atoms):
        atoms = structure
    else:
        name = os.fspath(structure)
        try:
            atoms = cast(ase.Atoms, ase.io.read(name))
        except Exception as error:  # ase raises whatever the reader of the format raises
            raise TlmlpError(f"{name} cannot be read: {' '.join(str(error).split())}") from None
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(species))
    if unknown:
        raise TlmlpError(f"{name} has {', '.join(unknown)}, the model knows {', '.join(species)}")
    if not (atoms.pbc.all() and abs(atoms.get_volume()) > 0.0):
        raise TlmlpError(f"{name} must be a crystal: periodic in all directions, got pbc {atoms.pbc.tolist()}")
    atoms = atoms.copy()
    atoms.set_constraint()
    return atoms


def _nearest(atoms: Atoms, pair: tuple[str, str], cutoff: float) -> tuple[int, np.ndarray]:
    """The first of the two closest atoms of these elements, and the vector (3,) Å from it to the other."""
    from tlmlp.data.neighbours import neighbour_list

    index, vector, _ = neighbour_list(atoms.positions, atoms.cell.array, atoms.pbc, cutoff)
    symbols = np.array(atoms.get_chemical_symbols())
    chosen = np.flatnonzero((symbols[index[1]] == pair[0]) & (symbols[index[0]] == pair[1]))
    if not len(chosen):
        raise TlmlpError(f"no {pair[0]} and {pair[1]} are closer than the cutoff of {cutoff:.4g} Å in the crystal")
    edge = chosen[int(np.linalg.norm(vector[chosen], axis=1).argmin())]
    return int(index[1, edge]), vector[edge]


def rows(check: ShortRange) -> Iterator[dict[str, Any]]:
    """All points of all curves, as the CSV file has them."""
    for pair in check.pairs:
        for curve in pair.curves:
            for distance, energy in zip(curve.distance, curve.energy, strict=True):
                yield {
                    "pair": "-".join(pair.elements),
                    "curve": curve.kind,
                    "distance_ang": float(distance),
                    "energy_eV": float(energy),
                }


def draw(check: ShortRange, stem: str | os.PathLike[str]) -> list[Path]:
    """Write ``stem.png``, ``stem.svg`` and ``stem.csv``; returns the files.

    One row for each pair: its curves with the bond, 0.8 of it, the smallest distance in the training data and the radii
    of the repulsion. Energies are in eV, of the crystal in eV/atom, on an axis that is linear well below 1 eV and
    logarithmic well above.
    """
    from matplotlib.figure import Figure

    from tlmlp.figures import COLOURS, save_sheet, write_columns

    stem = Path(stem)
    sheet = Figure(figsize=(11.0, 3.5 * len(check.pairs)), layout="constrained")
    axes = sheet.subplots(len(check.pairs), 3, squeeze=False)
    for line, pair in zip(axes, check.pairs, strict=True):
        for axis, curve in zip(line, pair.curves, strict=True):
            axis.plot(curve.distance, curve.energy, color=COLOURS[0], lw=1.4)
            if check.zbl is not None:
                label = f"repulsion sets in ({check.zbl['outer']:g} to {check.zbl['inner']:g} Å)"
                axis.axvspan(check.zbl["inner"], check.zbl["outer"], color=COLOURS[1], alpha=0.2, lw=0, label=label)
            if check.min_distance is not None:
                label = f"smallest in the data ({check.min_distance:.2f} Å)"
                axis.axvline(check.min_distance, color=COLOURS[2], lw=1.0, ls="--", label=label)
            axis.axvline(pair.bond, color="black", lw=1.0, ls=":", label=f"bond ({pair.bond:.2f} Å)")
            axis.axvline(
                SHARE_OF_BOND * pair.bond, color="0.5", lw=1.0, ls="-.", label=f"{SHARE_OF_BOND:g} of the bond"
            )
            axis.axhline(0.0, color="0.8", lw=0.8, zorder=0)
            axis.set_yscale("asinh", linear_width=1.0)
            lowest, highest = float(curve.energy.min()), float(curve.energy.max())
            limits = min(1.5 * lowest, -0.5), 1.5 * max(highest, 1.0)
            ticks = [tick for tick in _TICKS if limits[0] <= tick <= limits[1]]
            axis.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
            axis.set_yticks([], minor=True)
            axis.set_ylim(*limits)
            unit = "eV/atom" if curve.kind == "crystal" else "eV"
            axis.set(xlabel="distance (Å)", ylabel=f"energy ({unit})", xlim=(0.2, max(1.25 * pair.bond, 3.0)))
            what = f"{curve.kind} ({pair.structure})" if curve.kind == "crystal" else curve.kind
            axis.set_title(f"{'-'.join(pair.elements)} {what}", fontsize=10)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    sheet.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    sheet.suptitle(f"{check.model} at short distance", fontsize=11)
    save_sheet(sheet, stem)
    table = list(rows(check))
    csv = stem.with_name(f"{stem.name}.csv")
    write_columns(csv, {key: [row[key] for row in table] for key in table[0]})
    return [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "svg", "csv")]

"""What the fits to few frames share: `SCRIPT fit FOLDER N` fits the frames of FOLDER/train.npz with the script's N-th
settings, and `SCRIPT speed FOLDER N SYSTEMS` times the potential; both print one JSON object. Needs numpy alone."""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from measure import System, load_systems, report

SETS = ("train", "held_out", "test")


@dataclass(frozen=True)
class Frame:
    """Atoms of one element: Å, eV, eV/Å, and the stress (3, 3) in eV/Å^3, tensile positive."""

    number: int
    positions: np.ndarray
    cell: np.ndarray
    energy: float
    forces: np.ndarray
    stress: np.ndarray


def read_frames(path: Path) -> list[Frame]:
    """The frames of a file that :func:`write_frames` wrote."""
    stored = np.load(path)
    ends = np.cumsum(stored["counts"])[:-1]
    atoms = zip(np.split(stored["positions"], ends), np.split(stored["forces"], ends), strict=True)
    rest = zip(stored["cells"], stored["energies"], stored["stresses"], strict=True)
    return [
        Frame(int(stored["number"]), positions, cell, float(energy), forces, stress)
        for (positions, forces), (cell, energy, stress) in zip(atoms, rest, strict=True)
    ]


def write_frames(path: Path, frames: Sequence) -> None:
    """Labelled frames of one element, tlmlp's or these, as .npz."""
    np.savez(
        path,
        number=np.array(32),
        counts=[len(frame.positions) for frame in frames],
        positions=np.concatenate([frame.positions for frame in frames]),
        forces=np.concatenate([frame.forces for frame in frames]),
        cells=np.array([frame.cell for frame in frames]),
        energies=np.array([frame.energy for frame in frames]),
        stresses=np.array([frame.stress for frame in frames]),
    )


def as_atoms(frame: Frame, labels: bool = True):
    """The frame as ASE's atoms, with its labels in a calculator."""
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = Atoms([frame.number] * len(frame.positions), frame.positions, cell=frame.cell, pbc=True)
    if labels:
        voigt = frame.stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        atoms.calc = SinglePointCalculator(atoms, energy=frame.energy, forces=frame.forces, stress=voigt)
    return atoms


def predict_by(calculator: object) -> Callable[[Sequence[Frame]], list[tuple]]:
    """Energies, forces and stresses of frames by an ASE calculator."""

    def predict(frames: Sequence[Frame]) -> list[tuple]:
        found = []
        for frame in frames:
            atoms = as_atoms(frame, labels=False)
            atoms.calc = calculator
            found.append((atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)))
        return found

    return predict


def cpu_seconds() -> float:
    """Of this process and its finished children."""
    return sum(os.times()[:4])


def main(
    tries: Sequence[dict],
    fit: Callable[[Path, list[Frame], dict], None],
    predict: Callable[[Path, dict], Callable[[Sequence[Frame]], list[tuple]]],
    times: Callable[[Path, dict, list[System]], list[float]],
    *packages: str,
) -> None:
    """Fit with one of ``tries``, or time the result, as the command line wants.

    ``fit(folder, frames, settings)`` leaves the potential in the folder; what ``predict(folder, settings)`` returns gives
    energy, forces and stress of every frame. ``times(folder, settings, systems)`` are the milliseconds of each system.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["fit", "speed"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int)
    parser.add_argument("systems", nargs="?")
    options = parser.parse_args()
    if options.number >= len(tries):
        raise SystemExit(f"error: there are {len(tries)} settings, counted from 0, got {options.number}")
    settings = tries[options.number]
    folder = options.folder.resolve() / f"try-{options.number}"
    folder.mkdir(exist_ok=True)
    if options.task == "speed":
        systems = load_systems(options.systems)
        report(systems[0], 1, times(folder, settings, systems), *packages)
        return
    began = cpu_seconds()
    fit(folder, read_frames(options.folder / "train.npz"), settings)
    seconds = cpu_seconds() - began
    evaluate = predict(folder, settings)
    for name in SETS:
        frames = read_frames(options.folder / f"{name}.npz")
        parts = [np.array(part, dtype=object) for part in zip(*evaluate(frames), strict=True)]
        np.savez(
            folder / f"{name}.npz",
            energies=np.array(parts[0], dtype=float),
            forces=np.concatenate([np.asarray(part, dtype=float) for part in parts[1]]),
            stresses=np.array([np.asarray(part, dtype=float) for part in parts[2]]),
        )
    about = {"settings": settings, "seconds": round(seconds, 1), "versions": {p: version(p) for p in packages}}
    print(json.dumps(about))

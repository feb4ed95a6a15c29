"""One replica in LAMMPS, and a batch of replicas on a device, each under the eyes of its monitor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import units

from tlmlp.analysis.monitor import ENGINE, LOST_ATOMS, NOT_FINITE, Monitor, RunFiles
from tlmlp.analysis.stability_settings import StabilitySettings
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.md.run import read_structure

#: Called with the number of steps made since the last call.
Progress = Callable[[int], None]


def run_in_lammps(settings: StabilitySettings, model: Path, files: RunFiles, progress: Progress) -> dict[str, Any]:
    """One replica to its end or its failure, on one thread of this process; returns its record, which is then on the disk."""
    from tlmlp.md.lammps_engine import LammpsSimulation

    started = time.monotonic()
    of_run = settings.of_run(model, files.seed)
    atoms = read_structure(of_run)
    simulation = LammpsSimulation(of_run, atoms)
    monitor = Monitor(settings, atoms, files)
    seen = 0

    def look(step: int, positions: np.ndarray, velocities: np.ndarray, energy: float) -> bool:
        nonlocal seen
        progress(step - seen)
        seen = step
        return monitor.look(step, positions, velocities, energy)

    try:
        simulation.watch(settings.check_every, look)
        simulation.advance(settings.steps)
    except TlmlpError as error:
        monitor.fail(_reason(str(error)), max(seen, simulation.step), str(error))
    finally:
        simulation.close()
    record = {"model": files.model, "seed": files.seed, **monitor.finish()}
    record |= {"engine": simulation.description, "seconds": round(time.monotonic() - started, 2)}
    atomic_write_json(files.record, record)
    return record


def run_on_device(
    settings: StabilitySettings, model: Path, files: Sequence[RunFiles], progress: Progress
) -> list[dict[str, Any]]:
    """All replicas of a model in one batch; those that fail stay in it unobserved, and the batch ends when all have failed.

    The records are written when the batch is over.
    """
    import warnings

    from tlmlp.cuda import Replicas

    started = time.monotonic()
    starts = [read_structure(settings.of_run(model, one.seed)) for one in files]
    replicas = Replicas(
        model,
        starts,
        temperature=settings.temperature,
        time_step=settings.timestep_fs,
        friction=settings.friction_per_ps * 1e-3,
        seeds=[one.seed for one in files],
        velocities=[atoms.get_velocities() * units.fs for atoms in starts],
        precision=settings.precision,
        device=settings.device,
    )
    monitors = [Monitor(settings, atoms, one) for atoms, one in zip(starts, files, strict=True)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*broke up by step")  # the monitors say so
        while True:
            state = replicas.state()
            over = [
                monitor.look(state.steps, state.positions[k], state.velocities[k], float(state.energies[k]))
                for k, monitor in enumerate(monitors)
            ]
            if all(over) or state.steps >= settings.steps:
                break
            replicas.run(settings.check_every)
            progress(settings.check_every * len(files))
    progress((settings.steps - state.steps) * len(files))
    seconds = round(time.monotonic() - started, 2)
    records = []
    for one, monitor in zip(files, monitors, strict=True):
        record = {"model": one.model, "seed": one.seed, **monitor.finish()}
        records.append({**record, "engine": f"tlmlp.cuda.Replicas on {settings.device}", "seconds": seconds})
        atomic_write_json(one.record, records[-1])
    return records


def _reason(message: str) -> str:
    if "Lost atoms" in message:
        return LOST_ATOMS
    return NOT_FINITE if "Non-numeric" in message else ENGINE

"""How long does dynamics with a model last? Many replicas, and how many of them survive.

>>> from tlmlp.analysis.stability import run_stability
>>> from tlmlp.analysis.stability_settings import stability_settings
>>> settings = stability_settings(structure="liquid.extxyz", temperature=1200, time_ps=100)
>>> summary = run_stability(["ge.pt"], settings, "stability-out", seeds=20, jobs=2)
>>> summary["stable"], summary["runs"]

A run is stable when it reaches its end, no pair of atoms came closer than allowed, and neither temperature nor energy
exploded. Distances are checked every 10 fs or more often.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.analysis.close_pairs import PairCheck, min_distances
from tlmlp.analysis.monitor import RunFiles
from tlmlp.analysis.replicas import run_on_device
from tlmlp.analysis.stability_settings import StabilitySettings
from tlmlp.analysis.stability_worker import Worker
from tlmlp.console import console, progress
from tlmlp.data.neighbours import with_open_rows
from tlmlp.errors import TlmlpError
from tlmlp.export.model_file import read_header
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.lock import run_lock
from tlmlp.md.run import read_structure
from tlmlp.shipped import model_path

RECORD = "stability.json"


@dataclass(frozen=True)
class NamedModel:
    """A model of the test."""

    #: Names its folders and rows.
    name: str
    path: Path
    sha256: str
    #: Å, in its training data; None when the file does not say.
    training_min_distance: float | None


def run_stability(
    models: Sequence[str | os.PathLike[str]],
    settings: StabilitySettings,
    out: str | os.PathLike[str],
    *,
    seeds: int = 20,
    jobs: int = 1,
) -> dict[str, Any]:
    """Run what is not yet there of ``seeds`` replicas of each model in the folder ``out``; returns what summary.json holds.

    :param seeds: velocities and thermostats from the seeds 0, 1, ...
    :param jobs: replicas side by side in LAMMPS, one thread each; a device runs all replicas of a model in one batch
    :raises TlmlpError: when the input does not fit together, ``out`` holds a test with other settings, or an engine is missing
    """
    from tlmlp.analysis.stability_output import write_results

    if seeds < 1 or jobs < 1:
        raise TlmlpError(f"expected one seed and one job or more, got {seeds} and {jobs}")
    tested = named_models(models)
    settings = settings.model_copy(update={"structure": settings.structure.absolute()})
    limits = _check(tested, settings)
    out = Path(out)
    with run_lock(out):
        _keep_settings(out, settings, tested)
        files = [RunFiles(out.absolute(), model.name, seed) for model in tested for seed in range(seeds)]
        for leftover in out.glob("trajectories/*/.*.part"):
            leftover.unlink()
        waiting = [one for one in files if not one.record.is_file()]
        _announce(settings, tested, limits, len(files), len(waiting))
        if waiting:
            paths = {model.name: model.path for model in tested}
            with progress("stability: steps", len(waiting) * settings.steps) as bar:
                lock = threading.Lock()

                def advance(steps: int) -> None:
                    with lock:
                        bar.advance(steps, f"{sum(one.record.is_file() for one in files)}/{len(files)} runs")

                if settings.device == "cpu":
                    _side_by_side(settings, paths, waiting, jobs, advance)
                else:
                    for name, path in paths.items():
                        batch = [one for one in waiting if one.model == name]
                        if batch:
                            run_on_device(settings, path, batch, advance)
        records = [json.loads(one.record.read_text()) for one in files]
        return write_results(records, tested, settings, limits, out)


def named_models(models: Sequence[str | os.PathLike[str]]) -> list[NamedModel]:
    """The models with names that tell them apart: the file's name, with as many of its folders as that takes.

    :raises TlmlpError: when a file is no model, or there are two of the same path
    """
    paths = [model_path(model).absolute() for model in models]
    if not paths:
        raise TlmlpError("expected at least one model")
    if len(set(paths)) < len(paths):
        raise TlmlpError("a model is given twice")
    parts = [(*path.parts[1:-1], path.stem) for path in paths]
    depth = next((n for n in range(1, 100) if len({part[-n:] for part in parts}) == len(parts)), 100)
    names = ["-".join(part[-depth:]) for part in parts]
    if len(set(names)) < len(names):
        raise TlmlpError("models of the same name in the same folder: rename one")
    headers = [read_header(path) for path in paths]
    return [
        NamedModel(name, path, sha256_file(path), header["min_distance"])
        for name, path, header in zip(names, paths, headers, strict=True)
    ]


def _check(tested: Sequence[NamedModel], settings: StabilitySettings) -> dict[str, float]:
    """Smallest distances allowed, by pair of elements, after a look at what would fail at once."""
    from tlmlp.md.simulation import engine_missing

    if settings.device == "cpu":
        reason = engine_missing("lammps")
        if reason is not None:
            raise TlmlpError(reason)
    atoms = read_structure(settings.of_run(tested[0].path, 0))
    if len(atoms) == 0 or not np.isfinite(atoms.positions).all():
        raise TlmlpError(f"{settings.structure} must hold atoms at finite positions")
    symbols = atoms.get_chemical_symbols()
    for model in tested:
        unknown = sorted(set(symbols) - set(read_header(model.path)["species"]))
        if unknown:
            known = ", ".join(read_header(model.path)["species"])
            raise TlmlpError(f"{settings.structure} has {', '.join(unknown)}, but the model {model.name} knows {known}")
    limits = min_distances(symbols, settings.min_distance)
    cell = with_open_rows(atoms.cell.array, atoms.pbc)
    if atoms.pbc.any() and abs(np.linalg.det(cell)) < 1e-6:
        raise TlmlpError(f"{settings.structure} is periodic, but its cell has no volume")
    _, close = PairCheck(symbols, limits).closest(atoms.positions, cell, atoms.pbc)
    if close is not None:
        raise TlmlpError(
            f"{settings.structure}: atoms {close.atoms[0]} and {close.atoms[1]} are {close.distance:.3f} Å apart, below the "
            f"smallest distance allowed, {limits['-'.join(sorted(close.elements))]:g} Å, before the first step: give another "
            "structure or --min-distance"
        )
    return limits


def _keep_settings(out: Path, settings: StabilitySettings, tested: Sequence[NamedModel]) -> None:
    """Save the settings, or compare them with those of the test that is there already."""
    content = settings.model_dump(mode="json") | {"structure_sha256": sha256_file(settings.structure)}
    hashes = {model.name: model.sha256 for model in tested}
    path = out / RECORD
    if path.is_file():
        kept = json.loads(path.read_text())
        for name, value in content.items():
            if name != "structure" and kept["settings"].get(name) != value:
                raise TlmlpError(
                    f"{out} holds a test with {name} {kept['settings'].get(name)}, not {value}: choose another --out, or the "
                    "same settings to go on"
                )
        for name, value in hashes.items():
            if kept["models"].get(name, value) != value:
                raise TlmlpError(f"{out} holds a test of another model called {name}: choose another --out")
        hashes = kept["models"] | hashes
    atomic_write_json(path, {"settings": content, "models": hashes})


def _announce(
    settings: StabilitySettings, tested: Sequence[NamedModel], limits: dict[str, float], runs: int, waiting: int
) -> None:
    smallest = ", ".join(f"{pair} {limit:g} Å" for pair, limit in limits.items())
    how = "given" if settings.min_distance is not None else "5/6 of the sum of the covalent radii"
    console.print(f"smallest distance allowed ({how}): {smallest}")
    for model in tested:
        known = "is not known" if model.training_min_distance is None else f"is {model.training_min_distance:.3f} Å"
        console.print(f"{model.name}: smallest distance of its training data {known}")
    console.print(
        f"{runs} runs of {settings.steps} steps, {settings.time(settings.steps):g} ps, a look every "
        f"{settings.check_every} steps; {runs - waiting} done before"
    )


def _side_by_side(
    settings: StabilitySettings, paths: dict[str, Path], waiting: Sequence[RunFiles], jobs: int, advance: Any
) -> None:
    """All runs in ``jobs`` processes; the first error ends them."""
    tasks: queue.SimpleQueue[RunFiles] = queue.SimpleQueue()
    for one in waiting:
        tasks.put(one)
    workers: list[Worker] = []
    errors: list[BaseException] = []

    def serve(worker: Worker) -> None:
        try:
            while not errors:
                one = tasks.get_nowait()
                task = {"out": str(one.out), "name": one.model, "seed": one.seed, "model": str(paths[one.model])}
                worker.run(task | {"settings": settings.model_dump(mode="json")}, advance)
        except queue.Empty:
            pass
        except BaseException as error:
            errors.append(error)

    try:
        workers += [Worker() for _ in range(min(jobs, len(waiting)))]
        threads = [threading.Thread(target=serve, args=(worker,), daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(timeout=0.2)
                if errors:
                    raise errors[0]
    except KeyboardInterrupt:
        raise TlmlpError("interrupted: the same command goes on; the runs under way start again") from None
    finally:
        for worker in workers:
            worker.close()
    if errors:
        raise errors[0]

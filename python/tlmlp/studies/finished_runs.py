"""Dynamics of an earlier study that a study takes over in place of running it: they belong to models that it took over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tlmlp.files import atomic_write_bytes
from tlmlp.studies.plan import Plan
from tlmlp.studies.rows import row_name

#: Of a test of stability, what the reports read; trajectories stay behind.
KEPT = ("runs.csv", "summary.json")
STARTS = ("start.extxyz", "start.txt")


def take_runs(
    plan: Plan, earlier: Plan, results: Path, folder: Path, names: Iterable[tuple[str, int, int]], taken: set[str]
) -> int:
    """Copy the finished runs of models that were taken over, where both plans ask for the same dynamics.

    Distribution functions are made of all runs of an ensemble, so a study of them takes whole ensembles.

    :param names: arm, frames and draw of the rows that were taken over
    :param taken: the files that were; what is copied is added
    :return: of how many models
    """
    if plan.dynamics is None or plan.dynamics != earlier.dynamics or not (results / STARTS[0]).is_file():
        return 0
    ensembles: dict[str, list[str]] = {}
    for arm, frames, draw in names:
        place = f"stability/{arm}-{frames}-frames/draw-{draw}"
        if f"models/{row_name(arm, frames, draw)}.pt" in taken and (results / place / "summary.json").is_file():
            ensembles.setdefault(f"{arm}-{frames}-frames", []).append(place)
    if plan.study == "dft-structure":
        ensembles = {
            name: places
            for name, places in ensembles.items()
            if len(places) == plan.draws and (results / "structure" / name / "summary.json").is_file()
        }
        for name in ensembles:
            _copy(
                results, folder, [file.name for file in (results / "structure" / name).iterdir()], f"structure/{name}"
            )
            taken.add(f"structure/{name}/summary.json")
    for place in (place for places in ensembles.values() for place in places):
        _copy(results, folder, KEPT, place)
        taken.add(f"{place}/summary.json")
    if ensembles:
        _copy(results, folder, STARTS, ".")
        taken.add(STARTS[0])
    return sum(map(len, ensembles.values()))


def _copy(results: Path, folder: Path, names: Iterable[str], place: str) -> None:
    """The files that are not there yet."""
    for name in names:
        if not (folder / place / name).exists():
            atomic_write_bytes(folder / place / name, (results / place / name).read_bytes())

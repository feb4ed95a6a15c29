"""Time that the commands of a study took, as Snakemake measured it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from tlmlp.figures import write_csv


def costs(folder: Path) -> list[dict[str, Any]]:
    """Per kind of command: how many have been run to their end, minutes of wall and of CPU time in all.

    From FOLDER/benchmarks, which Snakemake writes, and from FOLDER/costs.csv, which is what an earlier study took whose
    results stand in the folder.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in sorted(path for path in folder.glob("benchmarks/*") if path.is_dir()):
        rows = [row for file in kind.glob("*.tsv") for row in csv.DictReader(file.open(), delimiter="\t")]
        if rows:
            line = {"command": kind.name, "finished": len(rows)}
            for name, key in (("minutes", "s"), ("cpu_minutes", "cpu_time")):
                line[name] = round(sum(float(row[key]) for row in rows) / 60.0, 2)
            found[kind.name] = line
    kept = folder / "costs.csv"
    if kept.is_file():
        with kept.open(newline="") as stream:
            for row in csv.DictReader(stream):
                here = found.setdefault(
                    row["command"], {"command": row["command"], "finished": 0, "minutes": 0.0, "cpu_minutes": 0.0}
                )
                here["finished"] += int(row["finished"])
                for name in ("minutes", "cpu_minutes"):
                    here[name] = round(here[name] + float(row[name]), 2)
    return [found[name] for name in sorted(found)]


def write_costs(folder: Path, out: Path) -> None:
    """OUT/costs.csv with the costs of the study in ``folder``; nothing where none were measured."""
    if found := costs(folder):
        write_csv(out / "costs.csv", found)

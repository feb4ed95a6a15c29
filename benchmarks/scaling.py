"""Scaling of `pair_style tlmlp` over MPI ranks on this machine: `python benchmarks/scaling.py --out DIR`.

Writes scaling.csv and scaling.png: time per step for 512 to 32,768 silicon atoms on 1, 2, ... ranks, the speed-up over one
rank, the atoms exchanged, and for one rank the time of the engine alone.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

from tlmlp.console import progress, table

COLUMNS = [
    "atoms",
    "ranks",
    "ms_per_step",
    "us_per_atom",
    "speedup",
    "engine_ms",
    "pair_ms",
    "neighbour_ms",
    "communication_ms",
    "ghost_atoms",
    "exchanged_atoms",
    "exchanged_mb_per_step",
]


def measure(benchmark: str, *arguments: object) -> dict:
    """One `tlmlp bench` in a process of its own."""
    command = [sys.executable, "-m", "tlmlp", "bench", benchmark, *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def rows_of(sizes: list[int], ranks: list[int], steps: int) -> list[dict]:
    """One row per size and number of ranks; ``steps`` are for 4,096 atoms, in proportion for others, at least 2."""
    rows = []
    with progress("measuring", len(sizes) * len(ranks)) as bar:
        for atoms in sizes:
            count = min(20, max(2, steps * 4096 // atoms))
            for n in ranks:
                row = measure("lammps", "--atoms", atoms, "--ranks", n, "--steps", count)
                if n == 1:
                    row["engine_ms"] = measure("engine", "--atoms", atoms, "--repeats", max(2, count // 2))[
                        "ms_per_step"
                    ]
                rows.append({name: row.get(name, "") for name in COLUMNS})
                bar.advance(1)
    return rows


def merge(old: list[dict], new: list[dict]) -> list[dict]:
    """``new`` in the place of rows of ``old`` of the same size and ranks, with the speed-ups over one rank."""
    rows = {(row["atoms"], row["ranks"]): row for row in [*old, *new]}
    for (atoms, _), row in rows.items():
        if (atoms, 1) in rows:
            row["speedup"] = round(rows[atoms, 1]["ms_per_step"] / row["ms_per_step"], 3)
    return [rows[key] for key in sorted(rows)]


def read(path: Path) -> list[dict]:
    """Rows of an earlier scaling.csv."""
    with open(path, newline="") as file:
        whole = ("atoms", "ranks", "ghost_atoms", "exchanged_atoms")
        return [
            {name: (int(text) if name in whole else float(text)) if text else "" for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def draw(rows: list[dict], path: Path) -> None:
    """Time per atom and speed-up against the number of atoms, a line per number of ranks."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for n in sorted({row["ranks"] for row in rows}):
        mine = [row for row in rows if row["ranks"] == n]
        label = f"{n} rank" + ("s" if n > 1 else "")
        left.plot([r["atoms"] for r in mine], [r["us_per_atom"] for r in mine], "o-", label=label)
        right.plot([r["atoms"] for r in mine], [r["speedup"] for r in mine], "o-", label=label)
    left.set_ylabel("time per step and atom, µs")
    right.set_ylabel("speed-up over one rank")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xlabel("atoms")
        axes.set_ylim(bottom=0)
        axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for scaling.csv and scaling.png")
    parser.add_argument("--atoms", type=int, nargs="+", default=[512, 4096, 32768], help="8 n^3 each")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], help="speed-ups refer to 1")
    parser.add_argument("--keep", action="store_true", help="keep the other rows of a scaling.csv in DIR")
    parser.add_argument("--steps", type=int, default=6, help="timed steps at 4,096 atoms")
    arguments = parser.parse_args()
    path = arguments.out / "scaling.csv"
    old = read(path) if arguments.keep and path.exists() else []
    rows = merge(old, rows_of(arguments.atoms, arguments.ranks, arguments.steps))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    table(
        "pair_style tlmlp, float32, silicon, 5 Å",
        COLUMNS,
        [[row[name] for name in COLUMNS] for row in rows],
    )
    draw(rows, arguments.out / "scaling.png")


if __name__ == "__main__":
    main()

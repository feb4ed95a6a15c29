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
            single = None
            count = min(20, max(2, steps * 4096 // atoms))
            engine = measure("engine", "--atoms", atoms, "--repeats", max(3, count // 2))["ms_per_step"]
            for n in ranks:
                row = measure("lammps", "--atoms", atoms, "--ranks", n, "--steps", count)
                single = single or row["ms_per_step"] * n
                row["speedup"] = round(single / row["ms_per_step"], 3)
                row["engine_ms"] = engine if n == 1 else ""
                rows.append(row)
                bar.advance(1)
    return rows


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
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], help="the first is what speed-ups refer to")
    parser.add_argument("--steps", type=int, default=6, help="timed steps at 4,096 atoms")
    arguments = parser.parse_args()
    rows = rows_of(arguments.atoms, arguments.ranks, arguments.steps)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "scaling.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    table(
        f"pair_style tlmlp, float32, 5 Å, {rows[0]['versions']['processor']}",
        COLUMNS,
        [[row[name] for name in COLUMNS] for row in rows],
    )
    draw(rows, arguments.out / "scaling.png")


if __name__ == "__main__":
    main()

"""Sizes of the network compared on the silicon of mlearn: errors beside the time of a step, a row for every training.

    tlmlp data mlearn --element Si --out data/si
    OMP_NUM_THREADS=1 python benchmarks/presets.py run --data data/si --sizes preset=small preset=full
    OMP_NUM_THREADS=1 python benchmarks/presets.py run --data data/si --sizes embed_size=16,n_blocks=2
    OMP_NUM_THREADS=1 python benchmarks/presets.py time
    python benchmarks/presets.py show

All trainings are alike but for the sizes and, with ``--updates``, their length. They fit all labels. Sizes are compared by
the validation frames, which also choose the best update; the test frames choose nothing. Microseconds per atom are those
of the engine on 512 atoms with the trained weights in single precision, one thread; ``time`` measures all of them again, one
after the other. ``run`` goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import Any

ROWS = Path("benchmarks/presets.csv")
FIELDS = (
    *("sizes", "updates", "parameters", "us_per_atom", "cpu_seconds"),
    *(f"{part}_{error}" for part in ("validation", "test") for error in ("energy_mae", "force_mae", "stress_mae")),
    *(f"{part}_{error}" for part in ("validation", "test") for error in ("energy_rmse", "force_rmse")),
)
KEYS = {
    "energy_mae": ("energy_mae_mev_per_atom", 1.0),
    "force_mae": ("force_mae_ev_per_ang", 1e3),
    "stress_mae": ("stress_mae_gpa", 1.0),
    "energy_rmse": ("energy_rmse_mev_per_atom", 1.0),
    "force_rmse": ("force_rmse_ev_per_ang", 1e3),
}


def config_of(sizes: str, updates: int, data: Path) -> dict[str, Any]:
    """Config of a training; ``sizes`` is ``name=value,...`` of the section ``model``."""
    model: dict[str, Any] = {"cutoff": 4.3}
    for pair in sizes.split(","):
        name, _, value = pair.partition("=")
        model[name] = int(value) if value.isdigit() else value
    return {
        "model": model,
        "data": {"train": str(data / "train.extxyz"), "val": str(data / "val.extxyz")},
        "training": {
            "updates": updates,
            "batch_size": 3,
            "learning_rate": 4e-3,
            "schedule": "cosine",
            "final_rate_factor": 0.001,
            "warmup": 100,
            "clip_gradient": 0.2,
            "weight_decay": 0.2,
            "ema": 0.998,
            "validate_every": max(updates // 20, 1),
            "threads": 1,
            "seed": 0,
        },
    }


def train_one(sizes: str, updates: int, data: Path, runs: Path) -> dict[str, Any]:
    """The row of one training."""
    import time

    from tlmlp.data import read_frames
    from tlmlp.train import evaluate, fit
    from tlmlp.train.model.modelfile import export_run

    run = run_of(sizes, updates, runs)
    started = time.process_time()
    result = fit(config_of(sizes, updates, data), run)
    if not result.finished:
        raise SystemExit("interrupted; the same command goes on")
    row: dict[str, Any] = {"sizes": sizes, "updates": updates, "cpu_seconds": round(time.process_time() - started)}
    potential = result.potential
    row["parameters"] = sum(p.numel() for p in potential.network.parameters())
    for part, file in (("validation", "val.extxyz"), ("test", "test.extxyz")):
        errors = evaluate(run, read_frames(data / file))
        row |= {f"{part}_{name}": f"{errors[key] * factor:.4g}" for name, (key, factor) in KEYS.items()}
    row["us_per_atom"] = us_per_atom(export_run(run, run / "model.pt"))
    return row


def run_of(sizes: str, updates: int | str, runs: Path) -> Path:
    """Run directory of a training."""
    return runs / f"{sizes}-{updates}".replace("=", "-").replace(",", "-")


def us_per_atom(model: Path) -> float:
    """Energy and forces of 512 atoms by the engine, median."""
    from tlmlp.bench.engine import bench_engine

    return round(bench_engine(512, 1, "float32", 15, str(model))["ms_per_step"] / 512 * 1e3, 1)


def read_rows(path: Path) -> list[dict[str, str]]:
    """All rows so far."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the whole file anew."""
    from tlmlp.files import atomic_write_text

    stream = io.StringIO()
    writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write_text(path, stream.getvalue())


def table(rows: list[dict[str, str]]) -> str:
    """The rows as a Markdown table, by the time of a step."""
    head = (
        "| sizes | updates | parameters | µs per atom | energy MAE (meV/atom) | force MAE (meV/Å) | stress MAE (GPa) |"
    )
    lines = [head, "|---|" + "---:|" * 6]
    for row in sorted(rows, key=lambda row: (float(row["us_per_atom"]), int(row["updates"]))):
        errors = [
            f"{row['validation_' + name]}, {row['test_' + name]}" for name in ("energy_mae", "force_mae", "stress_mae")
        ]
        lines.append(
            f"| {row['sizes']} | {row['updates']} | {int(row['parameters']):,} | {row['us_per_atom']} | {' | '.join(errors)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train and measure what has no row yet")
    run.add_argument("--data", required=True, type=Path, help="folder of train.extxyz, val.extxyz and test.extxyz")
    run.add_argument("--sizes", nargs="+", required=True, help="name=value,... of the section `model`")
    run.add_argument("--updates", default=3000, type=int)
    again = commands.add_parser("time", help="measure the engine with all models again")
    show = commands.add_parser("show", help="print the table")
    for command in (run, again):
        command.add_argument("--runs", default=Path("build/presets"), type=Path)
    for command in (run, again, show):
        command.add_argument("--csv", type=Path, default=ROWS)
    options = parser.parse_args()
    if options.command == "show":
        print(table(read_rows(options.csv)))
        return
    if options.command == "time":
        rows = read_rows(options.csv)
        timed = [us_per_atom(run_of(row["sizes"], row["updates"], options.runs) / "model.pt") for row in rows]
        write_rows(options.csv, [row | {"us_per_atom": us} for row, us in zip(rows, timed, strict=True)])
        return
    for sizes in options.sizes:
        if any((row["sizes"], row["updates"]) == (sizes, str(options.updates)) for row in read_rows(options.csv)):
            continue
        row = train_one(sizes, options.updates, options.data, options.runs)
        write_rows(options.csv, [*read_rows(options.csv), row])


if __name__ == "__main__":
    main()

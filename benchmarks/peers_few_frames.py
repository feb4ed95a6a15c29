"""Force error against speed: what ten frames of germanium give, here and with other codes.

    tlmlp data mlearn --element Ge --pool --out data/ge
    python benchmarks/peers_few_frames.py fit --pool data/ge/pool.extxyz --test data/ge/test.extxyz
    python benchmarks/peers_few_frames.py speed
    python benchmarks/peers_few_frames.py show --figure docs/figures/peers.png

``fit`` fits every code to the frames of draw 0 of benchmarks/few_frames.py, by each setting of its script in
benchmarks/peers (fit_*.py), with one thread. A row of benchmarks/peers_few_frames.csv holds the errors on 40 frames of
the pool that were not drawn, which choose the better setting, and on the test frames, which choose nothing. What is not
fitted ("as it comes") gets its mean energy from the ten frames. ``speed`` times every potential that has a row, on 512
germanium atoms (SevenNet-0: 64), by CPU time: in LAMMPS single steps of dynamics, else calls of the calculator for ASE with its neighbour
list. Every code has the environment of benchmarks/compare_peers.py.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from compare_peers import ENVIRONMENTS, KEEP_MEMORY, PEERS, SCRIPTS, PeerError, install, run, write_systems

sys.path.append(str(SCRIPTS))

CSV = Path(__file__).with_suffix(".csv")
FRAMES, DRAW, HELD_OUT = 10, 0, 40
#: Lattice constant of the timed germanium, Å, and calls that are timed.
LATTICE_CONSTANT, REPEATS = 5.76, 5
#: Code to its label, the script, the environment of which peer (none: this one), and which of the script's settings.
CODES = {
    "tlmlp": ("tlmlp, transfer from silicon", "fit_tlmlp.py", None, (0,)),
    "snap": ("SNAP", "fit_snap.py", "snap", (0, 1)),
    "pod": ("POD", "fit_pod.py", "pod", (0, 1)),
    "uf3": ("UF3", "fit_uf3.py", "uf3", (0, 1)),
    "mace": ("MACE, from scratch", "fit_mace.py", "mace", (0, 1)),
    "chgnet": ("CHGNet, fine-tuned", "fit_chgnet.py", "chgnet", (0, 1)),
    "chgnet-0": ("CHGNet, as it comes", "fit_chgnet.py", "chgnet", (2,)),
    "sevennet-0": ("SevenNet-0, as it comes", "fit_sevennet.py", "sevennet", (0,)),
}
AS_IT_COMES = ("chgnet-0", "sevennet-0")
#: Atoms that are timed, where it is not 512.
ATOMS = {"sevennet-0": 64}
#: Where a label does not stand right of its point: the offset in points, and the label's side that it is of.
LABELS = {"chgnet": ((-8, -4), "right"), "chgnet-0": ((-8, -4), "right"), "sevennet-0": ((6, 8), "right")}
#: Whose network is that of another: its time counts.
SAME_NETWORK = {"chgnet": ("chgnet-0", 2), "mace": ("mace", 0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit", help="fit and evaluate what has no row yet")
    fit.add_argument("--pool", required=True, type=Path)
    fit.add_argument("--test", required=True, type=Path)
    speed = commands.add_parser("speed", help="time the fitted potentials")
    for command in (fit, speed):
        command.add_argument("--only", nargs="+", choices=CODES, default=list(CODES))
    show = commands.add_parser("show", help="print the table, draw the figure")
    show.add_argument("--figure", type=Path)
    options = parser.parse_args()
    if options.command == "show":
        print(table(read_rows()))
        if options.figure:
            draw(read_rows(), options.figure)
        return
    for code in options.only:
        for number in CODES[code][3]:
            try:
                if options.command == "fit":
                    fit_one(code, number, options.pool, options.test)
                else:
                    time_one(code, number)
            except PeerError as error:
                print(f"{CODES[code][0]}, settings {number}, is left out: {error}")


def read_rows() -> list[dict[str, str]]:
    """All rows so far."""
    if not CSV.exists():
        return []
    with CSV.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _row(rows: Sequence[dict[str, Any]], code: str, number: int) -> dict[str, Any] | None:
    return next((row for row in rows if (row["code"], row["setting"]) == (code, str(number))), None)


def started(code: str, *words: Any) -> dict[str, Any]:
    """What the script of the code prints."""
    _, script, peer, _ = CODES[code]
    python = install(peer) if peer else Path(sys.executable)
    environment = {"PYTHONPATH": ""} | PEERS[peer].environment if peer else KEEP_MEMORY
    return run([python, SCRIPTS / script, *words], environment)


def fit_one(code: str, number: int, pool: Path, test: Path) -> None:
    """Fit with one setting, unless its row is there, and add the row."""
    from few_frames import HELD_OUT as PREFIX
    from few_frames import write_rows

    if _row(read_rows(), code, number):
        return
    sets = drawn(pool, test)
    folder = prepared(code, sets, pool)
    print(f"{CODES[code][0]}, settings {number}", flush=True)
    about = started(code, "fit", folder, number)
    found = {name: predictions(folder / f"try-{number}" / f"{name}.npz", frames) for name, frames in sets.items()}
    if code in AS_IT_COMES:
        shift = float(np.mean(found["train"].energies @ [1.0, -1.0]))
        for comparison in found.values():
            comparison.energies[:, 1] += shift
    errors = {f"{PREFIX}{key}": value for key, value in found["held_out"].errors().items()}
    errors |= found["test"].errors()
    row = {
        "code": code,
        "setting": str(number),
        "date": datetime.date.today().isoformat(),
        "cpu_seconds": about["seconds"],
        "us_per_atom": "",
        **{name: None if value is None else f"{value:.6g}" for name, value in errors.items()},
        "versions": " ".join(f"{name} {value}" for name, value in about["versions"].items()),
        "settings": json.dumps(about["settings"]),
    }
    print(
        f"  {about['seconds']} s, forces {1e3 * found['test'].errors()['force_mae_ev_per_ang']:.1f} meV/Å", flush=True
    )
    write_rows(CSV, [*read_rows(), row])


def drawn(pool: Path, test: Path) -> dict[str, list[Any]]:
    """Training frames, some others of the pool and the test frames."""
    from few_frames import held_out

    from tlmlp.data import read_frames
    from tlmlp.train import as_config
    from tlmlp.train.data.selection import load_data
    from tlmlp.train.element_transfer.recipe import few_frames_config

    content = few_frames_config([], FRAMES)
    content["data"] = {"pool": str(pool), "n_train": FRAMES, "subset_seed": DRAW}
    config = as_config(content)
    others = held_out(config)
    chosen = np.linspace(0, len(others) - 1, HELD_OUT).round().astype(int)
    return {
        "train": load_data(config.data, config.loss).train,
        "held_out": [others[n] for n in chosen],
        "test": read_frames(test),
    }


def prepared(code: str, sets: dict[str, list[Any]], pool: Path) -> Path:
    """The folder of a code, with the frames as its script reads them."""
    from fits import write_frames

    folder = ENVIRONMENTS / "fits" / code
    folder.mkdir(parents=True, exist_ok=True)
    for name, frames in sets.items():
        write_frames(folder / f"{name}.npz", frames)
    (folder / "pool.json").write_text(json.dumps({"pool": str(pool.resolve()), "frames": FRAMES, "draw": DRAW}))
    return folder


def predictions(path: Path, frames: list[Any]) -> Any:
    """References and what the script predicted, as every evaluation of the package has them."""
    from tlmlp.train.evaluation.comparison import Comparison
    from tlmlp.train.optimise.losses import VOIGT
    from tlmlp.units import EV_PER_ANG3_IN_GPA

    found = np.load(path)
    sizes = np.array([len(frame) for frame in frames])
    energies = np.column_stack([np.array([frame.energy for frame in frames]) / sizes, found["energies"] / sizes])
    forces = np.stack([np.concatenate([frame.forces for frame in frames]), found["forces"]], axis=-1)
    stresses = [
        [(0.5 * (s + s.T))[VOIGT] * EV_PER_ANG3_IN_GPA for s in (frame.stress, predicted)]
        for frame, predicted in zip(frames, found["stresses"], strict=True)
    ]
    return Comparison(frames, energies, forces, np.array(stresses).transpose(0, 2, 1))


def time_one(code: str, number: int) -> None:
    """Microseconds per atom and step of one potential, into its row."""
    from few_frames import write_rows

    rows = read_rows()
    row = _row(rows, code, number)
    if row is None or row["us_per_atom"]:
        return
    other = _row(rows, *SAME_NETWORK[code]) if code in SAME_NETWORK else None
    if other and other["us_per_atom"]:
        row["us_per_atom"] = other["us_per_atom"]
        write_rows(CSV, rows)
        return
    with tempfile.TemporaryDirectory() as scratch:
        systems = Path(scratch) / "systems.npz"
        write_systems(systems, ATOMS.get(code, 512), REPEATS + 3, atomic_number=32, lattice_constant=LATTICE_CONSTANT)
        found = started(code, "speed", ENVIRONMENTS / "fits" / code, number, systems)
    row["us_per_atom"] = f"{1e3 * found['ms_per_step'] / found['atoms']:.4g}"
    print(f"{CODES[code][0]}, settings {number}: {row['us_per_atom']} µs", flush=True)
    write_rows(CSV, rows)


def better(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Of each code the setting with the smaller force error on the pool's other frames, in the order of the codes."""
    found = {}
    for row in sorted(rows, key=lambda row: float(row["held_out_force_mae_ev_per_ang"]), reverse=True):
        found[row["code"]] = row
    return [found[code] for code in CODES if code in found]


def table(rows: Sequence[dict[str, str]]) -> str:
    """The better setting of each code, as a Markdown table."""
    lines = [
        "| ten frames of germanium | µs per atom and step | force MAE (meV/Å) | energy MAE (meV/atom) | stress MAE (GPa) | CPU s of the fit |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in better(rows):
        numbers = [
            f"{float(row['us_per_atom']):,.{0 if float(row['us_per_atom']) > 50 else 1}f}"
            if row["us_per_atom"]
            else "-",
            f"{1e3 * float(row['force_mae_ev_per_ang']):.1f}",
            f"{float(row['energy_mae_mev_per_atom']):.2f}",
            f"{float(row['stress_mae_gpa']):.3f}",
            "-"
            if row["code"] in AS_IT_COMES
            else f"{float(row['cpu_seconds']):.{0 if float(row['cpu_seconds']) > 10 else 1}f}",
        ]
        lines.append(f"| {CODES[row['code']][0]} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def draw(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Force error over microseconds per atom and step, the better setting of each code; with the numbers as .csv."""
    from few_frames import write_rows
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    panel = figure.subplots()
    points = []
    for row in better(rows):
        if not row["us_per_atom"]:
            continue
        label, ours = CODES[row["code"]][0], row["code"] == "tlmlp"
        x, y = float(row["us_per_atom"]), 1e3 * float(row["force_mae_ev_per_ang"])
        points.append({"code": label, "us_per_atom": row["us_per_atom"], "force_mae_mev_per_ang": f"{y:.4g}"})
        hollow = row["code"] in AS_IT_COMES
        colour, marker = ("#d55e00", "o") if ours else ("#0072b2", "s")
        face = "white" if hollow else colour
        panel.plot(x, y, marker, color=colour, markerfacecolor=face, markersize=9 if ours else 7)
        offset, side = LABELS.get(row["code"], ((8, -4), "left"))
        panel.annotate(label, (x, y), offset, textcoords="offset points", ha=side)
    panel.set(
        xscale="log", yscale="log", xlabel="µs per atom and step, one thread", ylabel="force MAE, test frames (meV/Å)"
    )
    highest = max(float(point["force_mae_mev_per_ang"]) for point in points)
    panel.yaxis.set_major_locator(FixedLocator([n for n in (40, 60, 80, 100, 150, 200, 300, 500) if n < 1.3 * highest]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.set_ylim(40, 1.15 * highest)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    for ending in (".png", ".svg"):
        figure.savefig(path.with_suffix(ending), dpi=130)
    write_rows(path.with_suffix(".csv"), points)


if __name__ == "__main__":
    main()

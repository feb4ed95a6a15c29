"""What `tlmlp stability` costs beside LAMMPS alone, and how fast trajectories are read.

    python benchmarks/stability.py [MODEL] [--jobs 2] [--steps 4000] [--rounds 5] [--out FILE]

64 silicon atoms at 1200 K, 0.5 fs, Langevin 1/ps, JOBS processes of one thread side by side. Each alternates between a run
under the monitor of `tlmlp stability` (a look every 10 fs, a frame every 100 fs) and the same run in LAMMPS alone, and
counts processor time, which other programs on the machine hardly change, and wall time. Reading: frames per second of
extended XYZ and of a LAMMPS dump of 64 atoms, beside ase.io.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ase.build
import ase.io
import numpy as np

import tlmlp
from tlmlp.analysis.monitor import Monitor, RunFiles
from tlmlp.analysis.stability_settings import stability_settings
from tlmlp.analysis.trajectory import read_trajectory
from tlmlp.bench.timing import versions
from tlmlp.console import table
from tlmlp.files import atomic_write_json
from tlmlp.lammps import run_lammps
from tlmlp.md.lammps_engine import LammpsSimulation
from tlmlp.md.run import read_structure
from tlmlp.shipped import model_path

READ_FRAMES = 2000
DECK = """
units metal
lattice diamond 5.5
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style zero 3.0
pair_coeff * *
velocity all create 1200 4711
fix move all nve
dump frames all custom 1 t.dump id element x y z
dump_modify frames element Si sort id
run 2000
"""


def one_process(model: Path, steps: int, rounds: int) -> None:
    """Print seconds of processor and wall time of each run, as JSON."""
    times: dict[str, list[list[float]]] = {"watched": [], "alone": []}
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "si64.extxyz"
        (ase.build.bulk("Si", "diamond", 5.5, cubic=True) * (2, 2, 2)).write(start)
        settings = stability_settings(structure=start, time_ps=steps * 5e-4)
        of_run = settings.of_run(model, 0)
        atoms = read_structure(of_run)
        for number in range(2 * rounds):
            kind = ("alone", "watched")[number % 2]
            simulation = LammpsSimulation(of_run, atoms)
            if kind == "watched":
                monitor = Monitor(settings, atoms, RunFiles(Path(folder), "model", number))
                simulation.watch(settings.check_every, monitor.look)
            cpu, wall = time.process_time(), time.perf_counter()
            simulation.advance(steps)
            times[kind].append([time.process_time() - cpu, time.perf_counter() - wall])
            simulation.close()
            if kind == "watched" and not monitor.finish()["stable"]:
                sys.exit("the run failed: choose another model")
    print(json.dumps(times))


def reading() -> dict[str, float]:
    """Frames of 64 atoms per second, in thousands."""
    speeds = {}
    with tempfile.TemporaryDirectory() as folder:
        run_lammps(DECK, cwd=folder)
        dump, xyz = Path(folder) / "t.dump", Path(folder) / "t.extxyz"
        frames = ase.io.read(dump, f":{READ_FRAMES}", format="lammps-dump-text")
        ase.io.write(xyz, frames)
        readers = {
            "LAMMPS dump": lambda: read_trajectory(dump),
            "LAMMPS dump, ase.io": lambda: ase.io.read(dump, ":", format="lammps-dump-text"),
            "extended XYZ": lambda: read_trajectory(xyz),
            "extended XYZ, ase.io": lambda: ase.io.read(xyz, ":"),
        }
        for name, read in readers.items():
            start = time.process_time()
            count = len(read())
            speeds[name] = round(count / (time.process_time() - start) / 1e3, 2)
    return speeds


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="si-dft")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = model_path(options.model)
    if options.one:
        one_process(model, options.steps, options.rounds)
        return
    command = [
        sys.executable,
        __file__,
        str(model),
        "--one",
        "--steps",
        str(options.steps),
        "--rounds",
        str(options.rounds),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) for _ in range(options.jobs)
    ]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        sys.exit("a process failed")
    found: dict[str, dict[str, float]] = {}
    for kind in ("alone", "watched"):
        cpu, wall = np.median([json.loads(text)[kind] for text in outputs], axis=(0, 1)) / options.steps
        found[kind] = {"cpu_ms_per_step": round(1e3 * cpu, 4), "steps_per_second_per_job": round(1 / wall, 1)}
    overhead = found["watched"]["cpu_ms_per_step"] / found["alone"]["cpu_ms_per_step"] - 1.0
    speeds = reading()
    rows = [[kind, *values.values()] for kind, values in found.items()]
    table(f"64 atoms, {options.jobs} jobs of one thread", ["run", "CPU ms/step", "steps/s of each job"], rows)
    print(f"overhead in processor time: {100 * overhead:+.2f} %")
    table("reading, thousand frames/s of processor time", ["format", "frames"], [list(row) for row in speeds.items()])
    if options.out is not None:
        record = {
            "jobs": options.jobs,
            "steps": options.steps,
            "rounds": options.rounds,
            "model": options.model,
            **found,
            "overhead": round(overhead, 5),
            "reading_thousand_frames_per_second": speeds,
            "versions": versions("lammps", "numpy", "ase") | {"tlmlp": tlmlp.__version__},
        }
        atomic_write_json(options.out, record)


if __name__ == "__main__":
    main()

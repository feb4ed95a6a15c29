"""All speed figures of this machine in one run: `python benchmarks/speed.py [--out speed.json]`.

Each measurement is a process of its own (`tlmlp bench ... --json`), with its threads pinned to as many processors.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tlmlp.console import progress, table
from tlmlp.files import atomic_write_json

CASES = [("engine", 64), ("engine", 512), ("model", 64), ("model", 512), ("train", 64)]


def measure(benchmark: str, atoms: int, threads: int, dtype: str) -> dict:
    """One `tlmlp bench` in a process pinned to the first ``threads`` processors."""
    processors = sorted(os.sched_getaffinity(0))[:threads]
    command = ["tlmlp", "bench", benchmark, "--atoms", atoms, "--threads", threads, "--dtype", dtype, "--json"]
    result = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )
    return json.loads(result.stdout)


def main() -> None:
    """Measure everything, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    out = parser.parse_args().out
    threads = [1, 2] if len(os.sched_getaffinity(0)) > 1 else [1]
    cases = [(*case, t, dtype) for case in CASES for t in threads for dtype in ("float32", "float64")]
    results = []
    with progress("measuring", len(cases)) as bar:
        for case in cases:
            results.append(measure(*case))
            bar.advance(1)
    table(
        "Medians on " + results[0]["versions"]["processor"],
        ["benchmark", "atoms", "edges", "threads", "dtype", "ms", "min", "max"],
        [
            [
                r["benchmark"],
                r["atoms"],
                r["edges"],
                r["threads"],
                r["dtype"],
                r["ms_per_step"],
                r["ms_min"],
                r["ms_max"],
            ]
            for r in results
        ],
    )
    if out:
        atomic_write_json(out, results)


if __name__ == "__main__":
    main()

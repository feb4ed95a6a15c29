"""Energy and forces through the C++ engine, as LAMMPS, ASE and OpenMM run an exported model; without torch."""

import itertools
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from tlmlp.bench.peak import gflop_per_step, peak_gflops, peak_since, start_of_peak
from tlmlp.bench.systems import silicon
from tlmlp.bench.timing import WARM_UP, median_ms, versions
from tlmlp.bench.trained_model import model_for_bench
from tlmlp.data.neighbours import neighbour_list
from tlmlp.errors import TlmlpError


def bench_engine(atoms: int, threads: int, dtype: str, repeats: int, model: str | None = None) -> dict[str, Any]:
    """Median time of energy and forces of ``atoms`` silicon atoms; every call gets new positions and their edges.

    The neighbour list is made outside the timed call; all else is computed within. The result also holds
    the rate, as a share of the multiply-add peak that the machine reaches in the same run. It holds the memory that the
    first call added to the process, too.
    ``model`` is a model file or the name of a shipped one, see :func:`tlmlp.bench.trained_model.model_for_bench`.

    Raises TlmlpError on an unknown dtype, an unusable model, an impossible number of atoms, or where the engine is not built.
    """
    if dtype not in ("float32", "float64"):
        raise TlmlpError(f"dtype must be float32 or float64, got {dtype!r}")
    try:
        from tlmlp._core import Engine
    except ImportError as error:
        raise TlmlpError(f"the engine tlmlp._core cannot be imported ({error}); reinstall tlmlp") from None
    species = np.zeros(atoms, dtype=np.int32)
    with tempfile.TemporaryDirectory() as folder:
        chosen = model_for_bench(model, folder)
        cutoff = chosen.header["cutoff"]
        inputs = _inputs(atoms, cutoff)
        first = next(inputs)
        memory = start_of_peak()
        engine = Engine(str(chosen.path), precision="double" if dtype == "float64" else "single", threads=threads)

    def call(edges: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
        return engine.compute_edges(species, *edges)

    call(first)
    memory = peak_since(memory)
    median, times = median_ms(call, itertools.islice(inputs, repeats + WARM_UP))
    edges = first[0].shape[1]
    work, peak = gflop_per_step(atoms, edges, chosen.header["model"]), peak_gflops(dtype, threads)
    return {
        "benchmark": "engine",
        "model": chosen.name,
        "ms_per_step": round(median, 3),
        "ms_min": round(min(times), 3),
        "ms_max": round(max(times), 3),
        "atoms": atoms,
        "edges": edges,
        "cutoff_angstrom": cutoff,
        "threads": threads,
        "dtype": dtype,
        "repeats": repeats,
        "simd": engine.level,
        "gflop_per_step": round(work, 4),
        "gflop_per_second": round(work / median * 1e3, 1),
        "peak_gflop_per_second": round(peak, 1),
        "fraction_of_peak": round(work / median * 1e3 / peak, 3),
        "work_space_bytes_per_edge": round(engine.memory / edges),
        "peak_memory_bytes_per_edge": None if memory is None else round(memory / edges),
        "versions": versions("numpy", "vesin"),
    }


def _inputs(atoms: int, cutoff: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless edge lists, each made when it is asked for, so that only one is in memory."""
    for frame in silicon(atoms):
        edge_index, edge_vector, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, cutoff)
        yield edge_index, edge_vector

"""Energy and forces through TorchScript, as every libtorch host runs an exported model."""

import itertools
import tempfile
from typing import Any

import torch

from tlmlp.bench.systems import silicon
from tlmlp.bench.timing import WARM_UP, median_ms, versions
from tlmlp.bench.trained_model import model_for_bench
from tlmlp.data.neighbours import neighbour_list
from tlmlp.export import load_potential
from tlmlp.models import edge_forces, frozen


def torch_dtype(name: str) -> torch.dtype:
    """The torch dtype called ``name``.

    Raises TlmlpError on anything but float32 and float64.
    """
    from tlmlp.errors import TlmlpError

    if name not in ("float32", "float64"):
        raise TlmlpError(f"dtype must be float32 or float64, got {name!r}")
    return getattr(torch, name)


def bench_model(atoms: int, threads: int, dtype: str, repeats: int, model: str | None = None) -> dict[str, Any]:
    """Median time of energy and forces of ``atoms`` silicon atoms; every call gets new positions and their edges.

    The neighbour list is made outside the timed call; the reverse edges and all else are computed within.
    ``model`` as for :func:`tlmlp.bench.engine.bench_engine`.

    Raises TlmlpError on an unknown dtype or an unusable model.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        chosen = model_for_bench(model, folder)
        potential = load_potential(chosen.path, dtype=torch_dtype(dtype))
    cutoff = chosen.header["cutoff"]
    script = torch.jit.freeze(torch.jit.script(frozen(potential)), preserved_attrs=["forward_edges"])
    inputs = []
    for frame in itertools.islice(silicon(atoms), repeats + WARM_UP):
        edge_index, edge_vector, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, cutoff)
        inputs.append((torch.from_numpy(edge_index), torch.from_numpy(edge_vector).to(potential.dtype)))
    species = torch.zeros(atoms, dtype=torch.int64)

    def call(edges: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        edge_index, edge_vector = edges
        _, gradient, _ = script.forward_edges(species, edge_index, edge_vector)
        return edge_forces(atoms, edge_index, gradient)

    median, times = median_ms(call, inputs)
    return {
        "benchmark": "model",
        "model": chosen.name,
        "ms_per_step": round(median, 3),
        "ms_min": round(min(times), 3),
        "ms_max": round(max(times), 3),
        "atoms": atoms,
        "edges": round(sum(index.shape[1] for index, _ in inputs) / len(inputs)),
        "cutoff_angstrom": cutoff,
        "threads": threads,
        "dtype": dtype,
        "repeats": repeats,
        "versions": versions("torch"),
    }

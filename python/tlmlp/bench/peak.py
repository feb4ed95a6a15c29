"""What a call could cost at least: operations of one step, the machine's multiply-add peak, memory at the peak."""

import os
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from tlmlp.network import DEFAULT_SIZES, parameters

#: Multiply-adds per directed edge of the forward pass at the default sizes: dense layers; basis functions and gates;
#: directional sums over the spherical harmonics.
DENSE, BASIS_AND_GATES, DIRECTIONAL = 41_000, 9_000, 7_000
#: Multiply-adds per atom of the forward pass: five output blocks of 32 x 64 + 3 x 64 x 64 + 64.
ATOM_LAYERS = 5 * (32 * 64 + 3 * 64 * 64 + 64)


def gflop_per_step(atoms: int, edges: int, sizes: Mapping[str, Any] = DEFAULT_SIZES) -> float:
    """GFLOP of energy and forces; a multiply-add counts as two.

    The backward pass takes as much again as the forward pass, the directional sums twice as much. Activations are not
    counted. The numbers are those of the default sizes, in proportion to the weights where ``sizes`` are others.
    """
    dense, basis, directional, output = (
        number * mine / usual
        for number, mine, usual in zip(
            (DENSE, BASIS_AND_GATES, DIRECTIONAL, ATOM_LAYERS), _counts(sizes), _counts(DEFAULT_SIZES), strict=True
        )
    )
    return 2e-9 * (edges * (2 * (dense + basis) + 3 * directional) + atoms * 2 * output)


def _counts(sizes: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Weights of the layers on edges, of gates and radial weights, terms of the directional sums, weights on atoms."""
    sizes = {**DEFAULT_SIZES, **sizes}
    weights = {p.name: (prod(p.shape), p.role) for p in parameters(sizes) if p.name.endswith(".weight")}
    dense = sum(n for name, (n, role) in weights.items() if role == "edge" and name.startswith("interaction."))
    output = sum(n for n, role in weights.values() if role in ("atom", "last"))
    blocks, orders = sizes["n_blocks"], sizes["num_spherical"]
    gates = sizes["embed_size"] * sizes["num_radial"] * (2 * blocks + 2)
    radial = blocks * sizes["int_emb_size"] * orders * sizes["num_radial"]
    return dense, gates + radial, blocks * sizes["int_emb_size"] * 2 * orders**2, output


def peak_gflops(dtype: str, threads: int) -> float:
    """GFLOP/s of fused multiply-adds on registers that ``threads`` threads of this machine reach together."""
    from tlmlp._core import multiply_add_peak

    return multiply_add_peak("double" if dtype == "float64" else "single", threads)


def start_of_peak() -> int | None:
    """Forget the largest resident size of this process so far; its present one in bytes (Linux, else None)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return None


def peak_since(start: int | None) -> int | None:
    """Bytes by which the largest resident size since :func:`start_of_peak` exceeds what it returned."""
    return None if start is None else _status("VmHWM") - start


def _status(key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if not found:
        raise OSError(f"/proc/self/status of process {os.getpid()} lacks {key}")
    return int(found[1]) * 1024

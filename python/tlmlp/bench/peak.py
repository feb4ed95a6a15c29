"""What a call could cost at least: operations of one step, the machine's multiply-add peak, memory at the peak."""

import os
import re
from pathlib import Path

#: Multiply-adds per directed edge of the forward pass at the default sizes: dense layers; basis functions and gates;
#: directional sums over the spherical harmonics.
DENSE, BASIS_AND_GATES, DIRECTIONAL = 41_000, 9_000, 7_000
#: Multiply-adds per atom of the forward pass: five output blocks of 32 x 64 + 3 x 64 x 64 + 64.
ATOM_LAYERS = 5 * (32 * 64 + 3 * 64 * 64 + 64)


def gflop_per_step(atoms: int, edges: int) -> float:
    """GFLOP of energy and forces with the default sizes; a multiply-add counts as two.

    The backward pass takes as much again as the forward pass, the directional sums twice as much. Activations are not
    counted.
    """
    per_edge = 2 * (DENSE + BASIS_AND_GATES) + 3 * DIRECTIONAL
    return 2e-9 * (edges * per_edge + atoms * 2 * ATOM_LAYERS)


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

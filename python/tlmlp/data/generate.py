"""Training data from potentials in LAMMPS by the protocol of Röcken and Zavadlav (arXiv:2502.13522), in three sizes.

A crystal of 64 atoms (diamond), 108 (fcc) or 54 (bcc) at each temperature: Nosé-Hoover dynamics at zero pressure, then at constant volume, a frame each
picosecond. Frames for training (or the pool), validation and test are different frames, drawn at random per
temperature. The published text does not say where germanium's test and validation frames come from; here the sampling
is 15 ps longer than 1 ns, so that 900 frames per temperature remain for the pool.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.console import console, progress
from tlmlp.data.frame import Frame
from tlmlp.data.lammps_dynamics import Protocol, run_temperature
from tlmlp.data.lammps_potential import LammpsPotential, lammps_command, sw_potential
from tlmlp.data.readers import read_frames
from tlmlp.data.split import write_split
from tlmlp.data.sw_table import read_table
from tlmlp.data.writers import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_bytes, sha256_file

PAPER_TEMPERATURES = tuple(range(300, 3601, 100))
SMOKE_TEMPERATURES = tuple(range(300, 3601, 300))
TIERS = ("smoke", "small", "paper")
#: Elements whose training frames are written as a pool to draw from.
POOL_ELEMENTS = ("Ge",)


def protocol_for(tier: str, pool: bool, temperatures: Sequence[int] | None = None) -> Protocol:
    """Temperatures, lengths and counts of a tier.

    :param pool: whether training frames are to be drawn from a pool, which is larger: 9 times in the small tier, 45 times
        in the paper's
    :param temperatures: K, in place of those of the tier
    """
    if tier not in TIERS:
        raise TlmlpError(f"the tier can be {', '.join(TIERS)}, got {tier!r}")
    kelvin = tuple(temperatures or (SMOKE_TEMPERATURES if tier == "smoke" else PAPER_TEMPERATURES))
    if tier == "smoke":
        return Protocol(kelvin, npt_ps=4, nvt_ps=10, skip_ps=0, n_train=5, n_val=2, n_test=3)
    if tier == "small":
        return Protocol(kelvin, npt_ps=20, nvt_ps=200, skip_ps=5, n_train=180 if pool else 20, n_val=5, n_test=10)
    if pool:
        return Protocol(kelvin, npt_ps=4000, nvt_ps=1015, skip_ps=100, n_train=900, n_val=5, n_test=10)
    return Protocol(kelvin, npt_ps=4000, nvt_ps=1000, skip_ps=0, n_train=20, n_val=5, n_test=10)


def write_sw(
    element: str,
    tier: str,
    out: Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    parameters: Path | None = None,
    protocol: Protocol | None = None,
) -> dict[str, int]:
    """:func:`write_lammps_data` with a Stillinger-Weber table, the shipped one or that of the .sw file
    ``parameters``."""
    potential = sw_potential(read_table(element, parameters))
    return write_lammps_data(
        potential, tier, out, pool=element in POOL_ELEMENTS, seed=seed, threads=threads, protocol=protocol
    )


def write_lammps_data(
    potential: LammpsPotential,
    tier: str,
    out: Path,
    *,
    pool: bool = False,
    seed: int = 0,
    threads: int | None = None,
    temperatures: Sequence[int] | None = None,
    protocol: Protocol | None = None,
) -> dict[str, int]:
    """Generate the data of ``potential`` below ``out`` and return the counts by file name.

    Writes train, val and test.extxyz, with ``pool`` pool.extxyz in place of the first, and split.json. Every finished
    temperature is kept in OUT/.parts until the end, so that an interrupted call continues where it was; a call whose
    result is there already does nothing. ``threads`` temperatures run at a time, one core each (default: all cores);
    the data do not depend on it. ``temperatures`` (K) replace those of the tier, ``protocol`` all of it.
    """
    if seed < 0:
        raise TlmlpError(f"the seed must not be negative, got {seed}")
    if threads is not None and threads < 1:
        raise TlmlpError(f"--threads must be at least 1, got {threads}")
    protocol = protocol or protocol_for(tier, pool, temperatures)
    lammps_command()
    about = {
        "data": "lammps",
        "element": potential.element,
        "tier": tier,
        "seed": seed,
        "protocol": json.loads(json.dumps(protocol.as_dict())),
        **potential.about(),
    }
    if (counts := _finished(out, about)) is not None:
        console.print(f"{out}: the data is there already")
        return counts
    # Parts of another seed, table or protocol lie in a folder of another name and are never mixed in.
    parts_folder = out / ".parts" / sha256_bytes(json.dumps(about, sort_keys=True).encode())[:16]
    parts_folder.mkdir(parents=True, exist_ok=True)
    console.print(
        f"{potential.element}: {potential.lattice} of pair style {potential.pair_style} has "
        f"a0 = {potential.lattice_constant:.4f} Å and {potential.energy:.4f} eV/atom; "
        f"{len(protocol.temperatures)} temperatures of {protocol.npt_ps + protocol.nvt_ps} ps"
    )
    _run_all(potential, protocol, seed, parts_folder, threads or _cores())

    first = "pool" if pool else "train"
    parts: dict[str, list[Frame]] = {first: [], "val": [], "test": []}
    for temperature in protocol.temperatures:
        frames = read_frames(_part(parts_folder, temperature))
        order = np.random.default_rng([seed, temperature]).permutation(len(frames))
        start = 0
        for name, n in ((first, protocol.n_train), ("val", protocol.n_val), ("test", protocol.n_test)):
            parts[name] += [_renamed(frames[i], potential, i, protocol) for i in sorted(order[start : start + n])]
            start += n
    write_split(out, parts, about)
    shutil.rmtree(out / ".parts")
    return {name: len(frames) for name, frames in parts.items()}


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _part(folder: Path, temperature: int) -> Path:
    return folder / f"{temperature:04d}K.extxyz"


def _run_all(potential: LammpsPotential, protocol: Protocol, seed: int, folder: Path, threads: int) -> None:
    """Run the temperatures that have no file in ``folder`` yet."""
    if protocol.nvt_ps - protocol.skip_ps < protocol.n_train + protocol.n_val + protocol.n_test:
        raise TlmlpError(
            f"{protocol.nvt_ps - protocol.skip_ps} frames per temperature are too few for "
            f"{protocol.n_train} + {protocol.n_val} + {protocol.n_test}"
        )
    missing = [t for t in protocol.temperatures if not _part(folder, t).is_file()]

    def run_one(temperature: int) -> None:
        velocity_seed = int(np.random.default_rng([seed, temperature, 1]).integers(1, 2**31 - 1))
        write_frames(_part(folder, temperature), run_temperature(potential, protocol, temperature, velocity_seed))
        bar.advance(1, f"{temperature} K")

    with progress(f"{potential.element} temperatures", len(protocol.temperatures)) as bar:
        if done := len(protocol.temperatures) - len(missing):
            bar.advance(done)
        with ThreadPoolExecutor(threads) as pool:
            try:
                # The hot ones take longest: first.
                jobs = [pool.submit(run_one, temperature) for temperature in reversed(missing)]
                for job in wait(jobs, return_when=FIRST_EXCEPTION).done:
                    job.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _renamed(frame: Frame, potential: LammpsPotential, n: int, protocol: Protocol) -> Frame:
    return replace(frame, source=f"{potential.name}-{frame.group}#{n + 1 + protocol.skip_ps}")


def _finished(out: Path, about: dict[str, Any]) -> dict[str, int] | None:
    """Counts of the files in ``out`` if split.json says that they are this very data and they are unchanged."""
    try:
        split = json.loads((out / "split.json").read_text())
        files = split["files"]
        if any(split.get(key) != value for key, value in about.items()):
            return None
        if any(sha256_file(out / name) != entry["sha256"] for name, entry in files.items()):
            return None
        return {name.removesuffix(".extxyz"): entry["frames"] for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None

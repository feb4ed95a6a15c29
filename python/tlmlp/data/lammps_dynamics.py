"""One temperature of the protocol in LAMMPS: equilibrate at zero pressure, then sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.data.frame import Frame
from tlmlp.data.lammps_potential import LammpsPotential, run_lammps
from tlmlp.units import EV_PER_ANG3_IN_GPA

GPA_PER_BAR = 1e-4
STEPS_PER_PS = 1000


@dataclass(frozen=True)
class Protocol:
    """Lengths in ps and temperatures in K; 1 fs steps, a frame each ps."""

    temperatures: tuple[int, ...]
    npt_ps: int
    nvt_ps: int
    #: The first frames of the sampling that are not used.
    skip_ps: int
    #: Frames per temperature for pool or training, validation and test.
    n_train: int
    n_val: int
    n_test: int
    #: Damping of the Nosé-Hoover thermostat and barostat, in steps.
    t_damp_steps: int = 100
    p_damp_steps: int = 1000

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


# Thermo columns: potential energy and the virial part of the pressure alone, in 17 digits.
SCRIPT = """\
units metal
atom_style atomic
atom_modify map array
lattice {lattice} {a0!r}
region box block 0 {repeats} 0 {repeats} 0 {repeats}
create_box 1 box
create_atoms 1 box
mass 1 {mass!r}
pair_style {pair_style}
{pair_coeffs}
timestep 0.001
velocity all create {temperature} {seed} mom yes rot no dist gaussian loop geom
compute virial all pressure NULL virial
thermo_style custom step pe c_virial[1] c_virial[2] c_virial[3] c_virial[4] c_virial[5] c_virial[6]
thermo_modify format float %.17g norm no
thermo {every}
fix npt all npt temp {temperature} {temperature} {t_damp} iso 0.0 0.0 {p_damp}
run {npt_steps}
unfix npt
reset_timestep 0
fix nvt all nvt temp {temperature} {temperature} {t_damp}
dump frames all custom {every} frames.dump id x y z fx fy fz
dump_modify frames sort id format float %.17g first no
run {nvt_steps}
"""


def run_temperature(potential: LammpsPotential, protocol: Protocol, temperature: int, seed: int) -> list[Frame]:
    """All sampled frames at ``temperature`` (K) after ``skip_ps``, with energy, forces and stress of ``potential``.

    Raises :class:`TlmlpError` with the last line of LAMMPS where it fails.
    """
    from ase.data import atomic_masses, atomic_numbers

    number = atomic_numbers[potential.element]
    script = SCRIPT.format(
        lattice=potential.lattice,
        a0=potential.lattice_constant,
        repeats=potential.repeats,
        mass=float(atomic_masses[number]),
        pair_style=potential.pair_style,
        pair_coeffs=potential.pair_lines(),
        temperature=temperature,
        seed=seed,
        every=STEPS_PER_PS,
        t_damp=protocol.t_damp_steps / STEPS_PER_PS,
        p_damp=protocol.p_damp_steps / STEPS_PER_PS,
        npt_steps=protocol.npt_ps * STEPS_PER_PS,
        nvt_steps=protocol.nvt_ps * STEPS_PER_PS,
    )
    with tempfile.TemporaryDirectory(prefix="tlmlp-lammps-") as name:
        folder = Path(name)
        for file, content in potential.files.items():
            (folder / file).write_text(content)
        thermo = _read_thermo(run_lammps(folder, script, what=f"{temperature} K"))
        frames = []
        for step, cell, columns in _read_dump(folder / "frames.dump"):
            if step <= protocol.skip_ps * STEPS_PER_PS:
                continue
            energy, xx, yy, zz, xy, xz, yz = thermo[step]
            pressure = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) * GPA_PER_BAR / EV_PER_ANG3_IN_GPA
            frames.append(
                Frame(
                    positions=columns[:, :3],
                    cell=cell,
                    pbc=np.ones(3, bool),
                    forces=columns[:, 3:],
                    energy=energy,
                    atomic_numbers=np.full(len(columns), number),
                    stress=-pressure,
                    group=f"{temperature}K",
                    temperature=temperature,
                    source=f"{potential.name}-{temperature}K#{step // STEPS_PER_PS}",
                )
            )
    return frames


def _read_thermo(lines: list[str]) -> dict[int, list[float]]:
    """Thermo rows of the last run by step."""
    start = max(n for n, line in enumerate(lines) if line.split()[:2] == ["Step", "PotEng"])
    rows = {}
    for line in lines[start + 1 :]:
        words = line.split()
        if words[:1] == ["Loop"]:
            break
        if len(words) == 8 and words[0].isdigit():
            rows[int(words[0])] = [float(word) for word in words[1:]]
    return rows


def _read_dump(path: Path) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(step, cell, columns x y z fx fy fz) of every frame; positions counted from the corner of the box, which moves
    when the barostat scales it."""
    with open(path) as stream:
        while stream.readline():
            step = int(stream.readline())
            stream.readline()
            n_atoms = int(stream.readline())
            stream.readline()
            bounds = np.array([[float(w) for w in stream.readline().split()[:2]] for _ in range(3)])
            stream.readline()
            rows = np.array([stream.readline().split() for _ in range(n_atoms)], dtype=float)
            columns = rows[:, 1:].copy()
            columns[:, :3] -= bounds[:, 0]
            yield step, np.diag(bounds[:, 1] - bounds[:, 0]), columns

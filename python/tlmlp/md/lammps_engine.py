"""Molecular dynamics in LAMMPS, in this process, with ``pair_style tlmlp``."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms, units

from tlmlp.errors import TlmlpError
from tlmlp.lammps.box import boundary, box_sides, lammps_frame
from tlmlp.lammps.names import ascii_name
from tlmlp.md.lammps_library import Library
from tlmlp.md.region import free_atoms
from tlmlp.md.settings import MDSettings
from tlmlp.md.state import EngineState, State
from tlmlp.units import AMU_ANG2_PER_FS2_IN_EV, EV_PER_ANG3_IN_GPA

BAR_PER_GPA = 1e4


class LammpsSimulation:
    """A run with LAMMPS' velocity Verlet, ``fix langevin`` and ``fix nph``.

    LAMMPS wants a lower triangular cell, so the structure is rotated there and back. A checkpoint is LAMMPS' own restart
    file. At each one the lists are built anew, and the random forces get a new seed made of the run's seed and the
    step. So a resumed run does the same as one that never stopped. Sorting of the atoms is off for the same reason.
    """

    def __init__(self, settings: MDSettings, atoms: Atoms, kept: EngineState | None = None, step: int = 0) -> None:
        self._settings = settings
        self._periodic = bool(atoms.pbc.all())
        self._cell = atoms.cell.array.copy()
        self._masses = atoms.get_masses()
        self._lammps = Library(settings.threads)
        self.description = f"LAMMPS {self._lammps.version}"
        try:
            self._start(atoms, kept, step)
        except BaseException:
            self._lammps.close()
            raise

    def advance(self, steps: int) -> None:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        self._run(steps)

    def state(self) -> State:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        lammps = self._lammps
        box = lammps.cell()
        positions = lammps.gather("x") + (lammps.images() + self._images) @ box
        cell = box @ self._turn.T if self._settings.ensemble == "npt" else self._cell.copy()
        return State(
            positions=positions @ self._turn.T,
            velocities=lammps.gather("v") @ self._turn.T / 1e3,
            cell=cell,
            potential_energy=lammps.value("pe"),
            forces=lammps.gather("f_model") @ self._turn.T,
            stress=self._stress() if self._periodic else None,
        )

    def checkpoint(self, step: int) -> EngineState:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        with tempfile.TemporaryDirectory(prefix="tlmlp-md-") as folder:
            file = Path(folder) / "restart"
            self._do(f"write_restart {file}")
            content = np.frombuffer(file.read_bytes(), dtype=np.uint8)
        if self._settings.ensemble != "nve":
            self._heat(step)
        self._fresh = False
        return {"restart": content, "images": self._images, "turn": self._turn}

    def watch(self, every: int, look: Callable[[int, np.ndarray, np.ndarray, float], bool]) -> None:
        """Have ``look(step, positions, velocities, potential_energy)`` made every ``every`` steps of :meth:`advance`.

        No step is interrupted and no force computed twice for it. Positions (n, 3) Å are those inside of LAMMPS' box, and
        velocities (n, 3) Å/fs those of the full step; both in the frame of the structure. True ends the run.
        """
        lammps, half = self._lammps, 0.5 * self._settings.timestep / AMU_ANG2_PER_FS2_IN_EV
        first: list[int] = []

        def call(step: int) -> bool:
            first[:] = first or [step]
            velocities = lammps.per_atom("v") / 1e3
            if step > first[0]:
                velocities += half * lammps.per_atom("f") / self._masses[:, None]
            energy = lammps.compute_scalar("thermo_pe")
            return look(step, lammps.per_atom("x") @ self._turn.T, velocities @ self._turn.T, energy)

        self._do("thermo_style custom step pe", f"thermo {every}")  # has the energy computed at these steps
        lammps.call_every(every, call)
        self._fresh = False

    @property
    def step(self) -> int:
        """Steps made, also when an error ended them."""
        return self._lammps.step()

    def close(self) -> None:
        """End LAMMPS."""
        self._lammps.close()

    def _start(self, atoms: Atoms, kept: EngineState | None, step: int) -> None:
        settings = self._settings
        box, self._turn = lammps_frame(atoms.cell.array, atoms.pbc)
        symbols = sorted(set(atoms.get_chemical_symbols()))
        self._do("units metal", "atom_style atomic", "atom_modify map array sort 0 0.0")
        if kept is None:
            self._do(*_box(box, atoms.positions @ self._turn, atoms.pbc, len(symbols)))
            masses = dict(zip(atoms.get_chemical_symbols(), atoms.get_masses().tolist(), strict=True))
            if len({*zip(atoms.get_chemical_symbols(), atoms.get_masses().tolist(), strict=True)}) > len(masses):
                raise TlmlpError(
                    "LAMMPS has one mass per element here, but atoms of one element differ: use another engine"
                )
            self._do(*(f"mass {kind} {masses[symbol]!r}" for kind, symbol in enumerate(symbols, 1)))
            self._lammps.create_atoms(
                kinds=[symbols.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()],
                positions=atoms.positions @ self._turn,
            )
            # LAMMPS forgets in which image it was given an atom.
            outside = (atoms.positions @ self._turn - self._lammps.gather("x")) @ np.linalg.inv(self._lammps.cell())
            self._images = np.rint(outside).astype(np.int64)
        else:
            self._images, self._turn = kept["images"], kept["turn"]
            self._read_restart(kept["restart"])
        self._do(
            # LAMMPS refuses to sort a box much smaller than the cutoff into bins, as an open box of few atoms can be.
            f"neighbor 0.5 {'nsq' if len(atoms) < 100 and not self._periodic else 'bin'}",
            f"pair_style tlmlp precision {settings.precision}",
        )
        with ascii_name(settings.model) as model:
            self._do(f'pair_coeff * * "{model}" {" ".join(symbols)}')
        self._do(
            f"timestep {settings.timestep * 1e-3!r}",
            "fix model all store/force",  # before the thermostat adds its own
            "compute virial all pressure NULL virial",
            "thermo_style custom step pe c_virial[1]",
            f"thermo {2**30}",
        )
        if kept is None:
            velocities = atoms.get_velocities() * (1e3 * units.fs)
            self._lammps.scatter("v", velocities @ self._turn)
        self._do(*_group(free_atoms(atoms)))
        self._ensemble(step)
        self._run(0)

    def _do(self, *commands: str) -> None:
        self._lammps.commands(*commands)

    def _read_restart(self, content: np.ndarray) -> None:
        with tempfile.TemporaryDirectory(prefix="tlmlp-md-") as folder:
            file = Path(folder) / "restart"
            file.write_bytes(content.tobytes())
            self._do(f"read_restart {file}")

    def _ensemble(self, step: int) -> None:
        s = self._settings
        if s.ensemble == "npt":
            bar = s.pressure * BAR_PER_GPA
            self._do(f"fix move all nph iso {bar!r} {bar!r} {s.barostat_time * 1e-3!r} fixedpoint 0 0 0 flip no")
        else:
            self._do("fix move free nve")
        if s.ensemble != "nve":
            self._heat(step)
        self._fresh = False

    def _heat(self, step: int) -> None:
        s = self._settings
        seed = int(np.random.SeedSequence([s.seed, step]).generate_state(1)[0] % 900_000_000) + 1
        self._do(f"fix heat free langevin {s.temperature!r} {s.temperature!r} {s.thermostat_time * 1e-3!r} {seed}")

    def _run(self, steps: int) -> None:
        self._do(f"run {steps} pre {'no' if self._fresh else 'yes'} post no")
        self._fresh = True

    def _stress(self) -> np.ndarray:
        xx, yy, zz, xy, xz, yz = self._lammps.compute_vector("virial", 6)
        pressure = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) / BAR_PER_GPA
        return -self._turn @ pressure @ self._turn.T / EV_PER_ANG3_IN_GPA


def _box(rows: np.ndarray, positions: np.ndarray, pbc: np.ndarray, kinds: int) -> list[str]:
    """Commands that make the box."""
    low, high = box_sides(rows, positions, pbc)
    sides = " ".join(f"{a!r} {b!r}" for a, b in zip(low.tolist(), high.tolist(), strict=True))
    xy, xz, yz = float(rows[1, 0]), float(rows[2, 0]), float(rows[2, 1])
    tilted = max(abs(xy), abs(xz), abs(yz)) > 0.0
    region = f"region box prism {sides} {xy!r} {xz!r} {yz!r}" if tilted else f"region box block {sides}"
    return [boundary(pbc), "box tilt large", f"{region} units box", f"create_box {kinds} box"]


def _group(free: np.ndarray) -> list[str]:
    """Commands that make the group ``free``; the atoms are numbered from 1."""
    if free.all():
        return ["group free union all"]
    # Runs of neighbouring numbers, few in a line: LAMMPS reads lines of limited length.
    starts = np.flatnonzero(free & ~np.concatenate([[False], free[:-1]])) + 1
    ends = np.flatnonzero(free & ~np.concatenate([free[1:], [False]])) + 1
    runs = [f"{a}:{b}" for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    return ["group free empty", *(f"group free id {' '.join(runs[k : k + 50])}" for k in range(0, len(runs), 50))]

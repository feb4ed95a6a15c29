"""The short-range check: a pure ZBL repulsion gives the curves of its formula, and holes are found where they are."""

import ase
import ase.build
import numpy as np
import pytest
import torch

from tlmlp.analysis.short_range import Curve, short_range
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.models.oracle import brute_force_edges
from tlmlp.models.oracle_zbl import zbl_energies
from tlmlp.testing.random_models import SMALL, random_potential

INNER, OUTER = 1.6, 1.9


def model(path, species=("Si",), scale=0.0, zbl=True):
    """A file with a network that is silent (scale 0), and the repulsion."""
    potential = random_potential(species, 4.3, scale=scale, **SMALL)
    potential.set_zbl({"inner": INNER, "outer": OUTER} if zbl else None)
    export_model(potential, path, {"min_distance": 2.0}, portable=True)
    return path


def repulsion(atoms: ase.Atoms) -> float:
    """eV, by the oracle."""
    edges = brute_force_edges(atoms.positions, atoms.cell.array, atoms.pbc, OUTER)
    positions, cell = torch.from_numpy(atoms.positions), torch.from_numpy(atoms.cell.array)
    return float(zbl_energies(atoms.numbers, edges, positions, cell, INNER, OUTER).sum())


def test_the_curves_are_those_of_the_formula(tmp_path):
    check = short_range(model(tmp_path / "m.pt"))
    (pair,) = check.pairs
    dimer, crystal, pressed = pair.curves
    assert (pair.structure, pair.stable, check.min_distance) == ("diamond", False, 2.0)
    assert pair.bond == pytest.approx(5.43 * np.sqrt(3.0) / 4.0)  # no minimum: the crystal as ASE has it
    for distance in (0.3, 1.0, 1.7, 2.2):
        at = int(np.abs(dimer.distance - distance).argmin())
        expected = repulsion(ase.Atoms("Si2", [[0, 0, 0], [0, 0, dimer.distance[at]]]))
        assert dimer.energy[at] == pytest.approx(expected, rel=1e-9, abs=1e-9)
        at = int(np.abs(pressed.distance - distance).argmin())
        expected = repulsion(ase.Atoms("Si2", [[0, 0, 0], [0, 0, pressed.distance[at]]]))
        assert pressed.energy[at] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    for at in (0, 20, 40):
        atoms = ase.build.bulk("Si", "diamond", 4.0 / np.sqrt(3.0) * crystal.distance[at])
        assert crystal.energy[at] == pytest.approx(repulsion(atoms) / 2.0, rel=1e-9, abs=1e-9)
    assert check.problems() == []


@pytest.mark.parametrize(
    ("energy", "fall", "rise"),
    [
        (lambda r: 1.0 / r, None, 1.0 / 0.3 - 1.0 / 2.0),
        (lambda r: 0.0 * r, None, 0.0),
        (lambda r: -0.01 / r + 0.01 / r**2, None, -0.01 / 0.3 + 0.01 / 0.09 + 0.0025),
        (lambda r: (r - 1.0) ** 2, (1.0, 1.0), -0.51),  # a minimum at 1 Å, 1 eV below 2 Å, as deep as that
        (lambda r: 10.0 * (2.0 - r) - 40.0 * np.exp(-(((r - 0.9) / 0.2) ** 2)), (0.92, None), 17.0),
        (lambda r: r, (0.3, 1.7), -1.7),  # attraction all the way
    ],
)
def test_falls_are_found(energy, fall, rise):
    distance = np.arange(0.3, 3.0, 0.02)
    curve = Curve("dimer", distance, energy(distance))
    assert curve.rise(2.5) == pytest.approx(rise, abs=0.03)
    found = curve.fall(2.5)
    if fall is None:
        assert found is None
    else:
        assert found[0] == pytest.approx(fall[0], abs=0.021)
        assert fall[1] is None or found[1] == pytest.approx(fall[1], abs=0.03)


def test_a_network_alone_fails_and_the_structure_may_be_given(tmp_path):
    bare = model(tmp_path / "bare.pt", ("Si", "Ge"), zbl=False)
    flat = short_range(bare)
    assert [pair.elements for pair in flat.pairs] == [("Si", "Si"), ("Si", "Ge"), ("Ge", "Ge")]
    assert len(flat.problems()) == 9 and "rises by" in flat.problems()[0]
    rocksalt = ase.build.bulk("SiGe", "rocksalt", 5.0)
    ((pair,),) = ([p for p in short_range(bare, rocksalt).pairs if p.elements == ("Si", "Ge")],)
    assert pair.bond == pytest.approx(2.5) and pair.structure == "the structure"
    for wrong, message in (
        (ase.build.bulk("Cu"), "has Cu, the model knows Si, Ge"),
        (ase.Atoms("Si2", [[0, 0, 0], [0, 0, 2]]), "must be a crystal"),
        (tmp_path / "none.xyz", "cannot be read"),
    ):
        with pytest.raises(TlmlpError, match=message):
            short_range(bare, wrong)


def test_the_command_draws_and_judges(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    monkeypatch.chdir(tmp_path)
    model(tmp_path / "walled.pt")
    model(tmp_path / "bare.pt", zbl=False)
    done = CliRunner().invoke(app, ["dimer", "walled.pt", "--out", "figure"])
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "figure.csv").read_text().splitlines()
    assert lines[0] == "pair,curve,distance_ang,energy_eV"
    assert {line.split(",")[1] for line in lines[1:]} == {"dimer", "crystal", "pressed bond"}
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "figure.svg").read_text()
    assert CliRunner().invoke(app, ["dimer", "bare.pt"]).exit_code == 1

"""forward(positions in nm, box in nm) -> (kJ/mol, kJ/mol/nm), as OpenMM's TorchForce calls it."""

import numpy as np
import pytest
import torch

from tlmlp.data.frame import Frame
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model, load_archive
from tlmlp.export.script import CompiledNeighbours, PlainNeighbours
from tlmlp.testing import standard_structures
from tlmlp.testing.backends import potential_backend
from tlmlp.testing.random_models import SMALL, random_potential

EV = 96.48533212331  # kJ/mol


def call(archive, frame: Frame, box: bool = True):
    positions = torch.tensor(frame.positions * 0.1, requires_grad=True)
    if box:
        return archive(positions, torch.tensor(frame.cell * 0.1))
    return archive(positions)


@pytest.fixture(scope="module", params=["portable", "compiled"])
def silicon(request, tmp_path_factory):
    potential = random_potential(["Si"], dtype=torch.float64, **SMALL)
    path = tmp_path_factory.mktemp("openmm") / "si.pt"
    export_model(potential, path, portable=request.param == "portable")
    return potential, load_archive(path)


def test_equals_the_potential_in_any_cell(silicon):
    potential, archive = silicon
    compute = potential_backend(potential)
    for name, structure in standard_structures(["Si"]).items():
        if structure.pbc.any() and not structure.pbc.all():
            continue
        energy, forces = call(archive, structure, box=bool(structure.pbc.all()))
        expected = compute(structure)
        np.testing.assert_allclose(float(energy) / EV, expected["energy"], rtol=0, atol=1e-9 * 20, err_msg=name)
        np.testing.assert_allclose(forces.numpy() / (10 * EV), expected["forces"], rtol=0, atol=1e-9, err_msg=name)
        assert forces.is_contiguous() and forces.dtype == torch.float64 and not forces.requires_grad


def test_atoms_outside_the_box_are_the_same(silicon):
    _, archive = silicon
    structure = standard_structures(["Si"])["skewed"]
    moved = structure.replace(positions=structure.positions + np.array([[3, -2, 1]]) @ structure.cell)
    for one, two in zip(call(archive, structure), call(archive, moved), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-8)


def test_single_precision_positions_give_single_precision_forces(silicon):
    _, archive = silicon
    structure = standard_structures(["Si"])["random"]
    energy, forces = archive(
        torch.tensor(structure.positions * 0.1, dtype=torch.float32),
        torch.tensor(structure.cell * 0.1, dtype=torch.float32),
    )
    assert energy.dtype == torch.float64 and forces.dtype == torch.float32


def test_both_neighbour_searches_find_the_same_edges():
    for name, structure in standard_structures(["Si"]).items():
        periodic = bool(structure.pbc.all())
        if structure.pbc.any() and not periodic:
            continue
        arguments = (torch.tensor(structure.positions), torch.tensor(structure.cell), periodic, 4.3)
        found = []
        for search in (CompiledNeighbours(), PlainNeighbours()):
            edges, shifts = search(*arguments)
            found.append(sorted(map(tuple, torch.cat([edges.T, shifts], dim=1).tolist())))
        assert found[0] == found[1], name


def test_several_species_need_a_structure(tmp_path):
    potential = random_potential(["Si", "Ge"], **SMALL)
    structure = standard_structures(["Si", "Ge"])["random"]
    path = tmp_path / "alloy.pt"
    export_model(potential, path, portable=True)
    with pytest.raises(torch.jit.Error, match="export it with --structure FILE"):
        call(load_archive(path), structure)

    from ase.data import chemical_symbols

    symbols = [chemical_symbols[z] for z in structure.atomic_numbers]
    export_model(potential, path, portable=True, structure=symbols)
    energy, _ = call(load_archive(path), structure)
    assert abs(float(energy) / EV - potential_backend(potential)(structure)["energy"]) < 1e-8
    with pytest.raises(torch.jit.Error, match="exported for a structure of 14 atoms, got 2"):
        call(load_archive(path), standard_structures(["Si"])["two atoms"])
    with pytest.raises(TlmlpError, match="the structure has C, the model knows Si, Ge"):
        export_model(potential, path, portable=True, structure=["C", "Si"])

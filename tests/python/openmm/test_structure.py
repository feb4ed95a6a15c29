"""The way into OpenMM's frame and back: reduced boxes, rotations, units."""

import numpy as np
import openmm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlmlp.errors import TlmlpError
from tlmlp.openmm import from_ase
from tlmlp.openmm.structure import reduced_box
from tlmlp.testing import standard_structures


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 4))
def test_reduced_boxes_span_the_same_lattice(seed, left_handed, mixing):
    random = np.random.default_rng(seed)
    cell = random.normal(size=(3, 3)) + 3.0 * np.eye(3)
    for _ in range(mixing):  # rows that lie close together
        i, j = random.permutation(3)[:2]
        cell[i] += random.integers(-3, 4) * cell[j]
    if left_handed:
        cell = cell[[1, 0, 2]]
    if abs(np.linalg.det(cell)) < 0.5:
        return
    box, rotation, lattice = reduced_box(cell)
    size = np.abs(cell).max()
    np.testing.assert_allclose(lattice @ cell @ rotation, box, atol=1e-9 * size)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) > 0.0, "a mirror image"
    assert abs(round(np.linalg.det(lattice))) == 1 and (lattice == lattice.astype(int)).all()
    assert (np.triu(box, 1) == 0.0).all() and (np.diag(box) > 0.0).all()
    # OpenMM itself judges whether the vectors are reduced.
    openmm.System().setDefaultPeriodicBoxVectors(*box.tolist())
    system = openmm.System()
    system.addParticle(1.0)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPeriodicBoxVectors(*box.tolist())


def test_there_and_back():
    structure = standard_structures(["Si"])["skewed"]
    made = from_ase(structure)
    np.testing.assert_allclose(made.lattice_to_ase(made.box), structure.cell, atol=1e-10)
    np.testing.assert_allclose(made.positions_to_ase(made.positions), structure.positions, atol=1e-10)
    # A box that a barostat made 1 % longer is the same cell, 1 % longer.
    np.testing.assert_allclose(made.lattice_to_ase(1.01 * made.box), 1.01 * structure.cell, atol=1e-10)


def test_a_rotation_in_ase_is_none_in_openmm(crystal):
    turned = crystal.copy()
    turned.rotate(33.0, (1, 2, 3), rotate_cell=True)
    np.testing.assert_allclose(from_ase(turned).positions, from_ase(crystal).positions, atol=1e-12)
    np.testing.assert_allclose(from_ase(turned).box, from_ase(crystal).box, atol=1e-12)


def test_topology(crystal):
    topology = from_ase(crystal).topology()
    assert [atom.element.symbol for atom in topology.atoms()] == crystal.get_chemical_symbols()
    box = np.array(topology.getPeriodicBoxVectors().value_in_unit(openmm.unit.angstrom))
    np.testing.assert_allclose(box, crystal.cell.array)


def test_bad_structures(crystal):
    bad = crystal.copy()
    bad.positions[3, 1] = np.nan
    with pytest.raises(TlmlpError, match="position of atom 3 is not finite"):
        from_ase(bad)
    bad = crystal.copy()
    bad.set_cell([5.0, 5.0, 0.0])
    with pytest.raises(TlmlpError, match="must have a volume"):
        from_ase(bad)

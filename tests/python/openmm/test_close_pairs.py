"""Atoms closer than any pair in the training data: each force says it once, in the words of all hosts."""

import copy
import subprocess
import sys
import warnings

import numpy as np
import pytest
from ase.io import write

from tlmlp.calculators import TlmlpCalculator
from tlmlp.export import export_model
from tlmlp.testing.random_models import SMALL, random_potential

SENTENCE = "atoms 3 and 4 are 0.800 Å apart, closer than any pair in the training data of the model (2.200 Å)"

#: A structure (0: good, 1: squeezed), options of the force, what its Context says in three evaluations and two steps.
CASES = [
    (0, {}, []),
    (1, {}, [SENTENCE]),
    (1, {"warn_close": False}, []),
    (1, {"atoms": [4, 3, 10]}, [SENTENCE]),
    (1, {"atoms": [3, 10, 11]}, []),
]

SCRIPT = """
import sys, openmm, tlmlp.openmm as forces
from ase.io import read
model, file, platform, cases = sys.argv[1], sys.argv[2], sys.argv[3], eval(sys.argv[4])
frames = read(file, ":")
for frame, options, _ in cases:
    made = forces.from_ase(frames[frame])
    system = forces.create_system(model, made, route="native", **options)
    system = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    context = openmm.Context(system, openmm.VerletIntegrator(0.00001), openmm.Platform.getPlatformByName(platform))
    context.setPositions(made.positions)
    for _ in range(3):
        context.getState(getEnergy=True, getForces=True)
    context.getIntegrator().step(2)
    print("next", file=sys.stderr, flush=True)
"""


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A model that says its training data held no pair below 2.2 Å."""
    path = tmp_path_factory.mktemp("close") / "ge.pt"
    export_model(random_potential(["Ge"], **SMALL), path, {"min_distance": 2.2}, portable=True)
    return path


@pytest.fixture(scope="module")
def squeezed(crystal):
    atoms = crystal.copy()
    vector = atoms.get_distance(4, 3, mic=True, vector=True)
    atoms.positions[3] = atoms.positions[4] + 0.8 * vector / np.linalg.norm(vector)
    return atoms


@pytest.mark.parametrize("platform", ["Reference", "CPU"])
def test_the_native_force_says_it_once_on_standard_error(narrow, crystal, squeezed, platform, tmp_path):
    write(tmp_path / "in.traj", [crystal, squeezed])
    command = [sys.executable, "-c", SCRIPT, str(narrow), str(tmp_path / "in.traj"), platform, repr(CASES)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for said, (_, options, expected) in zip(done.stderr.split("next\n"), CASES, strict=False):
        assert said == "".join(f"TLMLPForce: warning: {sentence}\n" for sentence in expected), options


@pytest.mark.parametrize("options", [{}, {"atoms": [4, 3, 10]}])
def test_the_python_force_and_the_calculator_warn_once(narrow, squeezed, options):
    import openmm

    import tlmlp.openmm as forces

    made = forces.from_ase(squeezed)
    system = forces.create_system(narrow, made, route="python", **options)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(made.positions)
    atoms = squeezed.copy()
    atoms.calc = TlmlpCalculator(narrow)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            context.getState(getEnergy=True, getForces=True)
        first = [str(w.message) for w in caught]
        for _ in range(2):
            atoms.get_potential_energy()
            atoms.positions[0] += 0.01
    assert first == [SENTENCE]
    ours = [w for w in caught[1:] if str(w.message) == SENTENCE]
    assert len(ours) == 1 and ours[0].filename == __file__  # the caller's line, not one of a library
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet = squeezed.copy()
        quiet.calc = copy.deepcopy(TlmlpCalculator(narrow, warn_close=False))
        quiet.get_potential_energy()


def test_the_torch_sim_model_warns_once(narrow, squeezed):
    torch = pytest.importorskip("torch")
    ts = pytest.importorskip("torch_sim", reason="torch-sim is not installed: pip install 'tlmlp[torchsim]'")
    from tlmlp.torchsim import TlmlpModel

    model = TlmlpModel(narrow, route="plain")
    state = ts.io.atoms_to_state([squeezed], torch.device("cpu"), torch.float64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model(state), model(state)
    assert [str(w.message) for w in caught if "training data" in str(w.message)] == [SENTENCE]

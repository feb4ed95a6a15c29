"""The name of a model that comes with the package, wherever a model is named: one resolver, a row for each place."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import tlmlp
from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path

NAME, SILICON = "si-dft", bulk("Si", "diamond", 5.43, cubic=True)


def need(*modules):
    for module in modules:
        pytest.importorskip(module)


def energy_of(calculator):
    return float(calculator.get_potential_energy(SILICON))


def calculator(model, **options):
    from tlmlp.calculators import TlmlpCalculator

    return energy_of(TlmlpCalculator(model, **options))


def torch_calculator(model):
    need("torch")
    return calculator(model, backend="torch-plain")


def committee(model):
    from tlmlp.calculators import TlmlpCommittee

    return energy_of(TlmlpCommittee([model, model]))


def header(model):
    from tlmlp.export import read_header

    return read_header(model)["provenance"]


def parameters(model):
    from tlmlp.export import read_model_file

    return {name: float(array.sum()) for name, array in read_model_file(model)[1].items()}


def potential(model):
    need("torch")
    from tlmlp.export import load_potential

    return load_potential(model, route="plain").cutoff


def archive(model):
    need("torch")
    from tlmlp.export import load_archive

    return float(load_archive(model).cutoff) if hasattr(load_archive(model), "cutoff") else "opened"


def verified(model):
    need("torch")
    from tlmlp.export import verify

    return all(row.passed for row in verify(model))


def opened(model):
    need("torch")
    from tlmlp.train import open_model

    return open_model(model, route="plain")[0].cutoff


def md(model, engine):
    from tlmlp.md.settings import make_settings
    from tlmlp.md.simulation import engine_missing, open_simulation

    if reason := engine_missing(engine):
        pytest.skip(reason)
    simulation = open_simulation(make_settings(model=model, structure="s", engine=engine), SILICON)
    try:
        return simulation.state().potential_energy
    finally:
        simulation.close()


def openmm_evaluate(model, route):
    need("openmm")
    from tlmlp.openmm import available_routes, evaluate

    if reason := available_routes()[route]:
        pytest.skip(reason)
    return evaluate(model, SILICON, route=route)["energy"]


def openmm_ml(model):
    need("openmm", "openmmml")
    from openmm import app
    from openmmml import MLPotential

    topology = app.Topology()
    residue = topology.addResidue("SI", topology.addChain())
    topology.addAtom("Si", app.Element.getBySymbol("Si"), residue)
    return MLPotential("tlmlp", modelPath=model).createSystem(topology).getNumForces()


def script(model):
    need("openmm", "torch")
    from tlmlp.openmm.torch_route import script_module

    return script_module(model, portable=True)[1]


def torchsim(model):
    need("torch", "torch_sim")
    from tlmlp.torchsim import TlmlpModel

    return TlmlpModel(model, route="plain").cutoff


def replicas(model):
    from tlmlp.cuda import Replicas

    return Replicas(model, [SILICON], temperature=300.0, device="cuda-on-cpu").state().energies.tolist()


def conformance(model):
    need("torch")
    from tlmlp.testing.conformance import comparison

    every = comparison.routes
    with pytest.MonkeyPatch.context() as patch:  # one of each host will do
        patch.setattr(
            comparison,
            "routes",
            lambda *a: (
                r for r in every(*a) if r.engine == "oracle" or (r.engine, r.precision) == ("engine", "double")
            ),
        )
        rows = comparison.compare(model, systems=SYSTEM)
    return sorted({row.verdict.split(":")[0] for row in rows} - {"skipped"})


def command(*arguments):
    """Status of ``tlmlp ARGUMENTS`` with the model in the place of None."""

    def run(model):
        need("torch")
        from tlmlp.cli.main import main

        old = sys.argv
        sys.argv = ["tlmlp", *(str(model) if a is None else a for a in arguments)]
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0
        finally:
            sys.argv = old

    return run


@pytest.fixture(scope="module", autouse=True)
def one_atom(tmp_path_factory):
    """A system that makes the comparison of all hosts quick."""
    import json

    global SYSTEM
    SYSTEM = tmp_path_factory.mktemp("systems") / "one.json"
    entry = {"name": "atom", "species": [0], "positions": [[0, 0, 0]], "cell": np.eye(3).tolist(), "pbc": [False] * 3}
    SYSTEM.write_text(json.dumps([entry]))


PLACES = {
    "TlmlpCalculator": calculator,
    "TlmlpCalculator, torch-plain": torch_calculator,
    "TlmlpCommittee": committee,
    "read_header": header,
    "read_model_file": parameters,
    "load_potential": potential,
    "load_archive": archive,
    "verify": verified,
    "train.open_model": opened,
    "md, ASE": lambda model: md(model, "ase"),
    "md, LAMMPS": lambda model: md(model, "lammps"),
    "md, OpenMM": lambda model: md(model, "openmm"),
    "openmm.evaluate, native": lambda model: openmm_evaluate(model, "native"),
    "openmm.evaluate, python": lambda model: openmm_evaluate(model, "python"),
    "openmm-ml": openmm_ml,
    "torch_route": script,
    "torch-sim": torchsim,
    "Replicas": replicas,
    "conformance": conformance,
    "tlmlp info": command("info", None),
}


#: What is right, where asking the file too would take long.
RIGHT = {"verify": True, "conformance": ["passed"]}


@pytest.mark.parametrize("place", PLACES)
def test_the_name_and_the_file_are_the_same(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no file of that name here
    use = PLACES[place]
    assert use(NAME) == (RIGHT[place] if place in RIGHT else use(tlmlp.pretrained(NAME)))


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_name_is_one_line(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if place == "tlmlp info":
        assert PLACES[place]("si-none") == 2
        return
    with pytest.raises(TlmlpError, match="si-none") as caught:
        PLACES[place]("si-none")
    assert "\n" not in str(caught.value)


def test_a_file_of_that_name_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_bytes(b"")
    assert model_path(NAME) == (tmp_path / NAME).relative_to(tmp_path)
    with pytest.raises(TlmlpError, match="it is empty"):
        calculator(NAME)


ODD = {
    "letters beyond ASCII": "Sié Ge.pt",
    "blanks, quotes and signs of a shell": "a 'b' $c & #d.pt",
    "not UTF-8": b"Latin-1 \xe9.pt",
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize(
    "place", ["TlmlpCalculator", "openmm.evaluate, native", "md, LAMMPS", "Replicas", "conformance"]
)
def test_a_path_of_any_letters(place, kind, tmp_path):
    """The engine is given bytes, LAMMPS a link whose name its input can carry."""
    if place == "conformance" and kind != "not UTF-8":
        pytest.skip("the hardest name will do")
    name = ODD[kind]
    file = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), os.fsencode(name))))
    try:
        shutil.copy(tlmlp.pretrained(NAME), file)
    except OSError as error:
        pytest.skip(f"this file system takes no such name ({error})")
    assert PLACES[place](file) == (RIGHT[place] if place in RIGHT else PLACES[place](NAME))
    if place == "Replicas":
        from tlmlp import _core

        assert _core.Engine(file).cutoff == _core.Engine(os.fsencode(file)).cutoff


def test_a_path_with_a_nul_is_one_line(tmp_path):
    from tlmlp import _core

    with pytest.raises(RuntimeError, match="`path` must be the path of a file"):
        _core.Engine("si\0dft.pt")

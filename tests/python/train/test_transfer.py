"""Transfer between elements: the new model begins as its source, bitwise, and knows where it came from."""

import dataclasses

import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.train import evaluate, fit, load_run, transfer, transferred, weights_sha256
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.element_transfer.transfer import parse_element_map
from tlmlp.train.evaluation.predictions import predict

SIZES = {"embed_size": 8, "n_blocks": 2, "num_spherical": 3, "num_radial": 3}


def source(species=("Si",), dtype=torch.float32):
    shift = [-5.0 - n for n in range(len(species))]
    return build_potential(species, 4.0, seed=4, dtype=dtype, route="plain", energy_shift=shift, **SIZES)


def as_element(frame, numbers):
    return dataclasses.replace(frame, atomic_numbers=numbers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_transferred_model_gives_the_numbers_of_its_source_bitwise(lj, dtype):
    silicon = source(dtype=dtype)
    germanium = transferred(silicon, {"Si": "Ge"}, ["Ge"], route="plain")
    frames = lj(4, 0)
    before = predict(silicon, [build_graph(silicon, f) for f in frames], virials=True)
    after = predict(germanium, [build_graph(germanium, as_element(f, [32] * 4)) for f in frames], virials=True)
    assert (before.energies == after.energies).all()
    assert (before.forces == after.forces).all()
    assert (before.virials == after.virials).all()
    assert germanium.dtype == dtype and germanium.energy_shift.tolist() == [-5.0]


def test_the_first_state_of_a_transfer_run_is_the_source_bitwise(config, ge_config, tmp_path):
    silicon = fit(config(), tmp_path / "si").run
    plain = {**ge_config(updates=4, keep_checkpoints=9), "transfer": {"rescale": "none"}}
    transfer(silicon, plain, "Si:Ge", tmp_path / "ge")
    first = torch.load(tmp_path / "ge" / "checkpoints" / "00000000.pt", weights_only=True)["model"]["state"]
    expected = load_run(silicon, route="plain")[0].state_dict()
    assert first.keys() == expected.keys()
    assert all(torch.equal(first[name], expected[name]) for name in expected)


def test_all_parameters_are_trained_and_the_provenance_is_kept(config, ge_config, data_dir, tmp_path):
    silicon = fit(config(updates=40), tmp_path / "si")
    plain = {**ge_config(learning_rate=2e-3, updates=20), "transfer": {"rescale": "none"}}
    result = transfer(tmp_path / "si", plain, "Si:Ge", tmp_path / "ge")
    potential, metadata = load_run(result.run, route="plain")
    last = load_run(result.run, "last", route="plain")[0]
    old, new = dict(silicon.potential.named_parameters()), dict(last.named_parameters())
    assert all(not torch.equal(old[name], new[name]) for name in old)  # the species embedding too
    origin = metadata["provenance"]
    assert origin["method"] == "transfer" and origin["element_map"] == {"Si": "Ge"} and origin["frozen"] == []
    assert origin["source"]["sha256"] == weights_sha256(silicon.potential)
    assert origin["source"]["provenance"]["data"]["train"]["frames"] == 12
    assert potential.species == ["Ge"] and potential.config.to_dict() == silicon.potential.config.to_dict()
    assert evaluate(result.run, data_dir / "ge-test.extxyz", route="plain")["frames"] == 5


def test_several_species_take_the_rows_of_their_sources(lj):
    alloy = source(("Si", "C"))
    new = transferred(alloy, {"C": "Sn", "Si": "Ge"}, ["Ge", "Sn"], route="plain")
    assert new.energy_shift.tolist() == [-5.0, -6.0]
    swapped = transferred(alloy, {"C": "Sn"}, ["Sn", "Si"], route="plain")
    frame = lj(1, 0)[0]
    energies = [
        predict(model, [build_graph(model, as_element(frame, numbers))]).energies[0]
        for model, numbers in ((alloy, [6, 14, 14, 6]), (new, [50, 32, 32, 50]), (swapped, [50, 14, 14, 50]))
    ]
    assert energies[0] == energies[1]
    assert energies[2] == pytest.approx(energies[0], rel=1e-5)  # another order of the rows, another rounding
    fewer = transferred(alloy, {}, ["C"], route="plain")
    assert fewer.energy_shift.tolist() == [-6.0]
    energies = [
        predict(model, [build_graph(model, as_element(frame, [6] * 4))]).energies[0] for model in (alloy, fewer)
    ]
    assert energies[0] == pytest.approx(energies[1], rel=1e-5)


@pytest.mark.parametrize(
    ("element_map", "species", "message"),
    [
        ({"Si": "Ge"}, ["Sn"], "the element map leads to Ge, but the new model is for Sn"),
        ({"Cu": "Ge"}, ["Ge"], "the element map starts from Cu, but the source model knows Si"),
        ({}, ["Ge"], "nothing to start Ge from: the source model knows Si; map an element with --element-map Si:Ge"),
        ({"Si": "Zz"}, ["Ge"], "'Zz', which is no chemical symbol"),
    ],
)
def test_maps_that_do_not_fit_are_refused(element_map, species, message):
    with pytest.raises(TlmlpError) as caught:
        transferred(source(), element_map, species, route="plain")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "Si", "Si:", ":Ge", "Si:Ge:C", "Si:Ge,C:Ge"])
def test_maps_of_another_form_are_refused(text):
    with pytest.raises(TlmlpError, match="--element-map"):
        parse_element_map(text)
    assert parse_element_map("Si:Ge, C:Sn") == {"Si": "Ge", "C": "Sn"}
    assert parse_element_map("Si:Ge,Si:Sn,mean:Pb") == {"Si": ["Ge", "Sn"], "mean": "Pb"}


def test_sizes_that_differ_from_the_source_are_refused_with_both(ge_config, tmp_path):
    for section, message in (
        ({"cutoff": 5.0}, "cutoff 4.0 there and 5.0 here"),
        ({"embed_size": 16}, "embed_size 8 there and 16 here"),
        ({"preset": "small"}, r"embed_size 8 there and 16 here.*these keys \(and preset\)"),
    ):
        with pytest.raises(TlmlpError, match=message):
            transfer(source(), {**ge_config(), "model": section}, "Si:Ge", tmp_path / "run")
    transfer(source(), {**ge_config(updates=1), "model": {"cutoff": 4.0, "embed_size": 8}}, "Si:Ge", tmp_path / "run")


def test_a_damaged_source_is_refused(ge_config, tmp_path):
    (tmp_path / "source.pt").write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(TlmlpError, match=r"source\.pt"):
        transfer(tmp_path / "source.pt", ge_config(), "Si:Ge", tmp_path / "run")


def test_an_exported_model_serves_as_source_and_is_evaluated(lj, ge_config, data_dir, tmp_path):
    from tlmlp.export import export_model

    silicon = source()
    header = export_model(silicon, tmp_path / "si.pt", {"min_distance": 2.2}, portable=True)
    assert header["weights"]["sha256"] == weights_sha256(silicon)
    plain = {**ge_config(), "transfer": {"rescale": "none"}}
    result = transfer(tmp_path / "si.pt", plain, "Si:Ge", tmp_path / "ge")
    assert result.metadata["provenance"]["source"]["sha256"] == weights_sha256(silicon)
    assert result.metadata["provenance"]["source"]["name"] == "si.pt"
    first = torch.load(tmp_path / "ge" / "checkpoints" / "00000004.pt", weights_only=True)
    assert first["config"]["model"]["cutoff"] == 4.0
    frames = lj(2, 0)
    assert evaluate(tmp_path / "si.pt", frames=frames, route="plain") == evaluate(silicon, frames)

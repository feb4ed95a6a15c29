"""Ways to start and to restrain a transfer, each against its definition."""

import dataclasses

import numpy as np
import pytest
import torch

from tlmlp.data import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.train import as_config, fit, load_run, transfer, transferred
from tlmlp.train.config.sections import TransferSection
from tlmlp.train.optimise.parameter_groups import RateFactors

SIZES = {"embed_size": 8, "n_blocks": 2, "num_spherical": 3, "num_radial": 3}


def source(species=("Si",), dtype=torch.float64):
    shift = [-5.0 - k for k in range(len(species))]
    potential = build_potential(species, 4.0, seed=4, dtype=dtype, route="plain", energy_shift=shift, **SIZES)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in potential.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=dtype))
    return potential


def table(potential):
    return potential.network.embedding.species.weight.detach()


def test_rescaled_lengths_and_energies_give_the_scaled_function(lj):
    silicon = source()
    scaled = transferred(silicon, {"Si": "Ge"}, ["Ge"], route="plain", length_scale=1.07, energy_scale=0.8)
    assert scaled.cutoff == pytest.approx(4.28)
    for frame in lj(2, 0):
        stretched = dataclasses.replace(
            frame, positions=1.07 * frame.positions, cell=1.07 * frame.cell, atomic_numbers=[32] * 4
        )
        small, large = oracle_energy_forces_virial(silicon, frame), oracle_energy_forces_virial(scaled, stretched)
        assert large["energy"] == pytest.approx(0.8 * small["energy"], rel=1e-10)
        np.testing.assert_allclose(large["forces"], 0.8 / 1.07 * small["forces"], rtol=1e-8, atol=1e-10)


def test_new_species_from_a_named_one_the_mean_or_random():
    alloy = source(("Si", "C", "O"))
    element_map = {"Si": ["Ge", "Sn"], "mean": "Pb", "random": "Ti"}
    new = transferred(alloy, element_map, ["O", "Ge", "Sn", "Pb", "Ti"], route="plain", seed=7)
    old = table(alloy)
    assert torch.equal(table(new)[:3], old[[2, 0, 0]])
    torch.testing.assert_close(table(new)[3], old.mean(0))
    assert float((table(new)[4] - old).abs().min()) > 1e-6 and float(table(new)[4].abs().max()) < 3**0.5
    assert new.energy_shift.tolist() == [-7.0, -5.0, -5.0, -6.0, -6.0]
    other = transferred(alloy, element_map, ["O", "Ge", "Sn", "Pb", "Ti"], route="plain", seed=8)
    assert not torch.equal(table(other)[4], table(new)[4])
    same = dict(new.network.named_parameters())
    for name, parameter in alloy.network.named_parameters():
        assert name == "embedding.species.weight" or torch.equal(parameter, same[name])
    unnamed = transferred(alloy, {}, ["Si", "Ge"], route="plain", new_species="mean")
    torch.testing.assert_close(table(unnamed)[1], old.mean(0))
    with pytest.raises(TlmlpError, match=r"set transfer\.new_species to mean or random"):
        transferred(alloy, {}, ["Si", "Ge"], route="plain")


def test_frozen_groups_stay_bitwise_and_the_rest_moves(config, ge_config, tmp_path):
    silicon = fit(config(), tmp_path / "si")
    section = {
        "frozen": ["embedding", "interaction.0", "frequencies"],
        "unfreeze": {"embedding.species": 0},
        "rescale": "none",
    }
    result = transfer(silicon.run, {**ge_config(), "transfer": section}, "Si:Ge", tmp_path / "ge")
    old = dict(silicon.potential.network.named_parameters())
    for name, parameter in load_run(result.run, "last", route="plain")[0].network.named_parameters():
        frozen = name.startswith(("embedding.", "interaction.0.", "frequencies")) and "species" not in name
        assert torch.equal(parameter, old[name]) == frozen, name
    assert result.metadata["provenance"]["frozen"] == ["embedding", "interaction.0", "frequencies"]
    assert result.metadata["provenance"]["transfer"]["unfreeze"] == {"embedding.species": 0}


def test_gradual_unfreezing_lets_a_group_go_at_its_update(config, ge_config, tmp_path):
    silicon = fit(config(), tmp_path / "si")
    content = ge_config(checkpoint_every=1, keep_checkpoints=9)
    content["transfer"] = {"unfreeze": {"interaction": 3}}
    run = transfer(silicon.run, content, "Si:Ge", tmp_path / "ge").run

    def weight(update, name="interaction.0.kj.weight"):
        state = torch.load(run / "checkpoints" / f"{update:08d}.pt", weights_only=True)
        return state["model"]["state"][f"network.{name}"]

    assert torch.equal(weight(3), weight(0)) and not torch.equal(weight(4), weight(3))
    assert not torch.equal(weight(1, "output.0.rbf.weight"), weight(0, "output.0.rbf.weight"))


def test_the_longest_name_gives_the_rate():
    potential = source()
    section = TransferSection(learning_rates={"output": 0.5, "output.1": 0.1}, frozen=["embedding"])
    factors = RateFactors(potential, section)(0)
    start = 0
    for name, parameter in potential.network.named_parameters():
        part = factors[start : (start := start + parameter.numel())]
        expected = 0.0 if name.startswith("embedding") else 0.1 if name.startswith("output.1.") else None
        expected = expected if expected is not None else 0.5 if name.startswith("output.") else 1.0
        assert bool((part == expected).all()), name
    assert RateFactors(potential, TransferSection())(0) is None
    with pytest.raises(
        TlmlpError, match=r"no parameters are called 'outptu'; groups: frequencies, embedding, embedding\.species"
    ):
        RateFactors(potential, TransferSection(frozen=["outptu"]))


def test_the_pull_to_the_source_adds_its_gradient(lj):
    from tlmlp.train.data.dataset import build_graph
    from tlmlp.train.optimise.step import TrainingStep

    graphs = [build_graph(source(), f) for f in lj(2, 0)]
    means = []
    for pull in (0.0, 0.3):
        step = TrainingStep(source(), pull=pull)
        start = step.optimizer.vector()
        step.optimizer.assign(start + 0.01)
        step(graphs, 1e-3)
        means.append(step.optimizer.mean / 0.1)
    torch.testing.assert_close(means[1] - means[0], torch.full_like(start, 0.3 * 0.01), rtol=1e-6, atol=1e-9)


def test_a_strong_pull_keeps_the_model_near_its_source(config, ge_config, tmp_path):
    silicon = fit(config(), tmp_path / "si")
    distances = []
    for pull in (0.0, 1e3):
        content = {**ge_config(updates=12), "transfer": {"l2_sp": pull, "rescale": "none"}}
        run = transfer(silicon.run, content, "Si:Ge", tmp_path / str(pull)).run
        new = dict(load_run(run, "last", route="plain")[0].named_parameters())
        distances.append(
            sum(float((p - new[n]).detach().square().sum()) for n, p in silicon.potential.named_parameters())
        )
    assert distances[1] < 0.2 * distances[0]


def test_replay_mixes_the_source_data_in_and_keeps_its_element(config, ge_config, data_dir, tmp_path):
    silicon = fit(config(), tmp_path / "si").run
    replay = {"files": str(data_dir / "si-train.extxyz"), "weight": 0.5}
    content = {**ge_config(), "transfer": {"replay": replay}}
    assert as_config(content).transfer.replay.per_batch == 1
    result = transfer(silicon, content, "Si:Ge", tmp_path / "both")
    assert result.potential.species == ["Si", "Ge"]
    origin = result.metadata["provenance"]
    assert origin["data"]["replay"]["frames"] == 12 and origin["transfer"]["replay"]["weight"] == 0.5
    first = transferred(load_run(silicon, route="plain")[0], {"Si": "Ge"}, ["Si", "Ge"], route="plain")
    assert torch.equal(table(first)[0], table(first)[1])


def test_the_section_transfer_is_refused_in_a_training_from_scratch(config, tmp_path, lj):
    with pytest.raises(TlmlpError, match="the section `transfer` is for tlmlp transfer"):
        fit({**config(), "transfer": {"frozen": ["embedding"]}}, tmp_path / "run")
    write_frames(tmp_path / "x.extxyz", lj(1, 0))
    with pytest.raises(TlmlpError, match=r"unknown key `transfer\.replay\.wieght`; did you mean `weight`"):
        as_config({**config(), "transfer": {"replay": {"files": ["x"], "wieght": 1.0}}})

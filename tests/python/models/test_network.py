"""Sizes, names, initial weights, seeds and the errors of the constructors."""

import math
import pickle

import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import DimeNetPP, DimeNetPPConfig, Potential, build_potential


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts():
    for n_species in (1, 2, 5):
        network = DimeNetPP(DimeNetPPConfig(n_species, 5.0), route="plain")
        assert count(network) == 121_382 + 16 * n_species


def test_full_size_has_the_shapes_of_the_original():
    network = DimeNetPP(DimeNetPPConfig(1, 5.0, embed_size=128, atom_emb_size=128), route="plain")
    shapes = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    assert shapes["embedding.dense.weight"] == (128, 3 * 128)
    assert shapes["interaction.3.down.weight"] == (64, 128)
    assert shapes["interaction.0.sbf1.weight"] == (8, 42)
    assert shapes["output.4.up.weight"] == (256, 128)
    assert shapes["output.4.final.weight"] == (1, 256)


def test_state_dict_names_and_shapes():
    """These names are the file format."""
    s, e, t, o, i, b, k, n = 2, 12, 3, 9, 7, 5, 4, 3
    config = DimeNetPPConfig(
        s, 5.0, e, o, i, b, t, n_blocks=1, num_spherical=k, num_radial=n, n_residual_before=1, n_residual_after=1,
        n_dense_output=1,
    )  # fmt: skip
    expected = {
        "frequencies": (n,),
        "embedding.species.weight": (s, t),
        "embedding.rbf.weight": (e, n),
        "embedding.dense.weight": (e, 2 * t + e),
        "embedding.dense.bias": (e,),
    }
    for name in ("kj", "ji", "final", "before.0.0", "before.0.1", "after.0.0", "after.0.1"):
        expected[f"interaction.0.{name}.weight"] = (e, e)
        expected[f"interaction.0.{name}.bias"] = (e,)
    for name, shape in dict(rbf1=(b, n), rbf2=(e, b), down=(i, e), up=(e, i), sbf1=(b, k * n), sbf2=(i, b)).items():
        expected[f"interaction.0.{name}.weight"] = shape
    for block in range(2):
        expected[f"output.{block}.rbf.weight"] = (e, n)
        expected[f"output.{block}.up.weight"] = (o, e)
        expected[f"output.{block}.dense.0.weight"] = (o, o)
        expected[f"output.{block}.dense.0.bias"] = (o,)
        expected[f"output.{block}.final.weight"] = (1, o)
    network = DimeNetPP(config, route="plain")
    assert {name: tuple(weight.shape) for name, weight in network.state_dict().items()} == expected


def test_initial_weights():
    network = DimeNetPP(DimeNetPPConfig(3, 5.0), route="plain", dtype=torch.float64)
    state = network.state_dict()
    assert state.pop("frequencies").numpy() == pytest.approx([math.pi * n for n in range(1, 7)])
    table = state.pop("embedding.species.weight")
    assert table.abs().max() <= math.sqrt(3.0) and table.std() > 0.7
    for name, weight in state.items():
        if name.endswith("bias"):
            assert (weight == 0.0).all()
            continue
        rows = weight if weight.shape[0] <= weight.shape[1] else weight.T
        gram = rows @ rows.T
        scale = gram[0, 0]
        assert torch.allclose(gram, scale * torch.eye(len(rows), dtype=weight.dtype), atol=1e-10), name
        assert float(weight.var(correction=0)) == pytest.approx(1.0 / sum(weight.shape)), name


def test_seeds_decide_the_weights_and_touch_no_other_random_state():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = build_potential(["Si"], 5.0, seed=4, route="plain")
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(99)
    second = build_potential(["Si"], 5.0, seed=4, route="plain")
    other = build_potential(["Si"], 5.0, seed=5, route="plain")
    double = build_potential(["Si"], 5.0, seed=4, route="plain", dtype=torch.float64)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name])
        assert torch.equal(weight, double.state_dict()[name].to(weight.dtype))
    assert not torch.equal(first.network.output[0].final.weight, other.network.output[0].final.weight)


def test_routes_share_the_weights(route):
    network = DimeNetPP(DimeNetPPConfig(1, 5.0), route=route, seed=1)
    plain = DimeNetPP(DimeNetPPConfig(1, 5.0), route="plain", seed=1)
    assert network.route_name == route
    assert network.state_dict().keys() == plain.state_dict().keys()
    assert network.set_route("plain").route_name == "plain"
    assert all(module.name == "plain" for name, module in network.named_modules() if name.endswith("route"))


def test_config_round_trip():
    config = DimeNetPPConfig(2, 4.3, embed_size=16)
    sizes = config.to_dict()
    assert (sizes["out_size"], sizes["int_emb_size"], sizes["atom_emb_size"]) == (32, 8, 8)
    assert DimeNetPPConfig.from_dict(sizes) == config


def test_shift_keeps_double_precision_and_pickles(make_potential):
    potential = make_potential(("Si", "Ge")).to(torch.float32)
    assert potential.dtype == torch.float32
    assert potential.energy_shift.dtype == torch.float64
    copy = pickle.loads(pickle.dumps(potential))
    assert copy.species == ["Si", "Ge"] and copy.atomic_numbers == [14, 32]
    assert all(torch.equal(a, b) for a, b in zip(copy.parameters(), potential.parameters(), strict=True))


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(embed_size=0), "`embed_size` must be an integer from 2 to 4096, got 0"),
        (dict(cutoff=-1.0), "`cutoff` must be a positive length in angstrom, got -1.0"),
        (dict(cutoff=float("nan")), "`cutoff`"),
        (dict(num_radial=2.5), "`num_radial` must be an integer"),
        (dict(hidden=3), "unknown model size 'hidden'"),
    ],
)
def test_wrong_sizes_are_refused(change, words):
    sizes = {"n_species": 1, "cutoff": 5.0, **change}
    with pytest.raises(TlmlpError, match="model size") as error:
        DimeNetPPConfig.from_dict(sizes)
    assert words in str(error.value)


def test_wrong_species_and_shifts_are_refused():
    network = DimeNetPP(DimeNetPPConfig(2, 5.0), route="plain")
    for species, shift, words in (
        (["Si"], None, "2 species"),
        (["Si", "Xx"], None, "'Xx'"),
        (["Si", "Si"], None, "twice"),
        (["Si", "Ge"], [0.0], "shape"),
    ):
        with pytest.raises(TlmlpError, match=words):
            Potential(network, species, shift)
    with pytest.raises(TlmlpError, match="'fast'"):
        build_potential(["Si"], 5.0, route="fast")

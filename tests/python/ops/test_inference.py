"""The whole network without gradients: the engine behind an operator, made of the parameters that it is given."""

import gc
import threading

import pytest
import torch

from tlmlp.data import neighbour_list
from tlmlp.models import Potential
from tlmlp.testing import standard_structures
from tlmlp.testing.random_models import SMALL, random_potential

OPS = torch.ops.tlmlp
STRUCTURES = standard_structures(("Si", "Ge"))


def model(dtype=torch.float64, seed=1, **sizes) -> Potential:
    return random_potential(("Si", "Ge"), route="ops", dtype=dtype, seed=seed, **SMALL | sizes)


def edges(name: str, potential: Potential) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    s = STRUCTURES[name]
    index, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, potential.cutoff)
    species = torch.from_numpy((s.atomic_numbers == 32).astype("int64"))
    return species, torch.from_numpy(index), torch.from_numpy(vectors)


def of_the_engine(potential: Potential, name: str = "random") -> list[torch.Tensor]:
    return [t.detach() for t in potential.inference(*edges(name, potential))]


def by_autograd(potential: Potential, name: str = "random") -> list[torch.Tensor]:
    """The same by the layers and the operators of the bases, the derivative of a pair shared as the engine does."""
    graph = potential.edge_graph(*edges(name, potential))
    energies, gradient = potential.network.derivatives_by_autograd(graph._replace(edge_vector=graph.edge_vector / 10.0))
    return [energies * potential.ev_per_kj_per_mol, gradient * potential.ev_per_kj_per_mol / 10.0]


def of_pairs(derivatives: torch.Tensor, potential: Potential, name: str) -> torch.Tensor:
    reverse = potential.edge_graph(*edges(name, potential)).reverse
    return derivatives - derivatives[reverse]


@pytest.mark.parametrize(("dtype", "relative"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize(
    "name", ["random", "skewed", "slab", "one atom in a small cell", "isolated atom", "straight chain"]
)
def test_equals_the_layers(name, dtype, relative):
    potential = model(dtype)
    energies, derivatives = of_the_engine(potential, name)
    expected, by_layers = by_autograd(potential, name)
    assert energies.dtype == derivatives.dtype == torch.float64
    torch.testing.assert_close(energies, expected, rtol=0, atol=relative * expected.abs().max().item())
    pairs, expected = (of_pairs(d, potential, name) for d in (derivatives, by_layers))
    scale = max(1.0, expected.abs().max().item() if len(expected) else 0.0)
    torch.testing.assert_close(pairs, expected, rtol=0, atol=50 * relative * scale)


def test_results_have_the_dtype_of_the_edges_and_no_history():
    potential = model(torch.float32)
    species, index, vectors = edges("random", potential)
    _, gradient, atomic = potential.forward_edges(species, index, vectors.float())
    assert gradient.dtype == torch.float32 and atomic.dtype == torch.float64
    assert not gradient.requires_grad and not atomic.requires_grad


@pytest.mark.parametrize("how", ["in place", "behind torch's back", "another tensor"])
def test_changed_parameters_change_the_result(how):
    potential = model()
    before = of_the_engine(potential)
    weight = potential.network.output[0].final.weight
    with torch.no_grad():
        if how == "in place":
            weight.mul_(2.0)
        elif how == "behind torch's back":
            weight.detach().numpy()[:] *= 2.0
        else:
            potential.network.output[0].final.weight = torch.nn.Parameter(2.0 * weight)
    after = of_the_engine(potential)
    assert not torch.equal(before[0], after[0])
    torch.testing.assert_close(after, by_autograd(potential), rtol=0, atol=1e-9)


def test_networks_alternate_and_give_the_same_bits():
    potentials = [model(seed=seed) for seed in range(3)] + [model(torch.float32), model(n_blocks=1)]
    first = [of_the_engine(p) for p in potentials]
    for k in (4, 0, 2, 2, 1, 3, 0):
        assert all(torch.equal(a, b) for a, b in zip(first[k], of_the_engine(potentials[k]), strict=True))


def test_threads_at_once_give_the_same_bits():
    potential = model()
    expected, found = of_the_engine(potential), []
    threads = [threading.Thread(target=lambda: found.append(of_the_engine(potential))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(torch.equal(e, f) for r in found for e, f in zip(expected, r, strict=True))


def test_number_of_threads_changes_no_bit():
    potential, threads, results = model(torch.float32), torch.get_num_threads(), []
    for number in (1, 3):
        torch.set_num_threads(number)
        try:
            results.append(of_the_engine(potential))
        finally:
            torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_memory_goes_with_the_module():
    """A large structure once, then small ones of other networks: the arrays of the large one are given back."""
    import ctypes
    import resource

    def resident() -> int:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what was freed goes back to the system, also from between smaller arrays
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    n = 300_000
    vectors = torch.tensor([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]], dtype=torch.float64).repeat(n // 2, 1)
    atoms = torch.arange(n)
    index = torch.stack([atoms, atoms ^ 1])
    of_the_engine(model(seed=5))
    before = resident()
    large = model(seed=6)
    large.inference(torch.zeros(n, dtype=torch.int64), index, vectors)
    assert resident() - before > 150e6
    del large
    of_the_engine(model(seed=7))
    assert resident() - before < 100e6


def test_gradients_are_refused():
    potential = model()
    n = potential.network
    graph = edges("random", potential)
    energies, _ = OPS.inference(n.parameter_list(), n.parameter_names, *graph, n.sizes, potential.cutoff, [14, 32], [])
    with pytest.raises(RuntimeError, match="not implemented"):
        energies.sum().backward()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a | {"names": a["names"].partition(" ")[2]}, "`parameters` and `names` must hold"),
        (lambda a: a | {"names": a["names"].replace("frequencies", "width")}, "holds width, which the network has not"),
        (lambda a: a | {"zbl": [2.0, 1.0]}, "`zbl` must hold two radii, 0 < inner < outer"),
        (lambda a: a | {"zbl": [1.0, 2.0], "atomic_numbers": [14]}, "`atomic_numbers` must hold one number for each"),
        (lambda a: a | {"parameters": [p.long() for p in a["parameters"]]}, "must be float32 or float64"),
        (lambda a: a | {"parameters": [a["parameters"][0].float(), *a["parameters"][1:]]}, "must have the dtype of"),
        (lambda a: a | {"sizes": a["sizes"] | {"embed_size": 9}}, "must have shape that `sizes` gives it"),
        (lambda a: a | {"sizes": a["sizes"] | {"n_blocks": 1}}, "`parameters` and `names` must hold"),
        (lambda a: a | {"sizes": a["sizes"] | {"n_bricks": 1}}, "`sizes` has n_bricks, which is none"),
        (lambda a: a | {"cutoff": 0.0}, "`cutoff` must be positive"),
        (lambda a: a | {"species": a["species"] + 7}, "has species number"),
        (lambda a: a | {"species": a["species"].int()}, "`species` must be int64"),
        (lambda a: a | {"edge_index": a["edge_index"] + 100}, "but there are"),
        (lambda a: a | {"edge_vector": a["edge_vector"][1:]}, "`edge_vector` must have shape"),
        (lambda a: a | {"edge_vector": a["edge_vector"] * float("nan")}, "not finite"),
        (lambda a: a | {"edge_vector": a["edge_vector"] * 0.0}, "in the same place"),
        (
            lambda a: a | {"edge_index": a["edge_index"][:, 1:], "edge_vector": a["edge_vector"][1:]},
            "has no reverse edge",
        ),
    ],
)
def test_bad_input_is_one_line(change, message):
    potential = model()
    species, index, vectors = edges("random", potential)
    arguments = {
        "parameters": [p.detach() for p in potential.network.parameter_list()],
        "names": potential.network.parameter_names,
        "species": species,
        "edge_index": index,
        "edge_vector": vectors,
        "sizes": potential.network.sizes,
        "cutoff": potential.cutoff,
        "atomic_numbers": potential.atomic_numbers,
        "zbl": [],
    }
    with pytest.raises((ValueError, TypeError), match=message) as error:
        OPS.inference(**change(arguments))
    assert len(str(error.value).splitlines()) == 1

"""Wrong shapes, dtypes and indices end in one line that names the argument, never in a crash."""

import pytest
import torch

from .conftest import GRAPHS, random_inputs

OPS = torch.ops.tlmlp


@pytest.fixture
def arguments() -> dict:
    graph = GRAPHS["cluster"]()
    y, sbf, weight, harmonics = random_inputs(graph, 3, 2, 4)
    offsets, edges, reverse = graph.topology
    return {"y": y, "sbf": sbf, "weight": weight, "Y": harmonics, "edge_index": graph.edge_index,
            "offsets": offsets, "edges": edges, "reverse": reverse}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("y", lambda t: t[0], "`y` must have shape"),
        ("y", lambda t: t.long(), "`y` must be float32 or float64"),
        ("sbf", lambda t: t[:, 1:], "`sbf` must have shape"),
        ("sbf", lambda t: t.float(), "`sbf` must have the dtype of `y`"),
        ("weight", lambda t: t[..., :2], "`weight` must have shape"),
        ("Y", lambda t: t[:, :4], "`Y` must have shape"),
        ("edge_index", lambda t: t.int(), "`edge_index` must be int64"),
        ("edge_index", lambda t: t.t(), "`edge_index` must have shape"),
        ("edge_index", lambda t: t + 1000, "tlmlp::topology"),
        ("offsets", lambda t: t + 1, "tlmlp::topology"),
        ("offsets", lambda t: t[:0], "`offsets` must have shape"),
        ("edges", lambda t: t + 5, "tlmlp::topology"),
        ("reverse", lambda t: t.roll(1), "tlmlp::topology"),
        ("reverse", lambda t: t - 7, "tlmlp::topology"),
        ("reverse", lambda t: t[1:], "`reverse` must have shape"),
    ],
)
def test_directional_sum(arguments, name, change, message):
    arguments[name] = change(arguments[name])
    with pytest.raises((ValueError, TypeError), match=message) as error:
        OPS.directional_sum(*arguments.values())
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: OPS.spherical_harmonics(torch.zeros(4, 2), 3), "`edge_vector` must have shape"),
        (lambda: OPS.spherical_harmonics(torch.ones(4, 3), 0), "`num_spherical` must lie in"),
        (lambda: OPS.spherical_harmonics(torch.zeros(4, 3), 3), "two atoms coincide"),
        (lambda: OPS.spherical_harmonics(torch.full((4, 3), float("nan")), 3), "not finite"),
        (lambda: OPS.radial_basis(torch.ones(3), torch.ones(2).double(), 1.0, 6), "dtype of `distance`"),
        (lambda: OPS.radial_basis(torch.ones(3), torch.ones(2), 0.0, 6), "`cutoff` must be positive"),
        (lambda: OPS.radial_basis(torch.ones(3, 1), torch.ones(2), 1.0, 6), "`distance` must have shape"),
        (lambda: OPS.spherical_bessel_basis(torch.ones(3), 1.0, 1, 7, 6), "`p`, the envelope exponent"),
        (lambda: OPS.spherical_bessel_basis(torch.ones(3), 1.0, 6, 7, 0), "`num_radial` must be positive"),
        (lambda: OPS.spherical_bessel_basis(torch.ones(3).long(), 1.0, 6, 7, 6), "`distance` must be float32"),
        (lambda: OPS.topology(torch.zeros(2, 3), torch.ones(3, 3), 2), "`edge_index` must be int64"),
        (lambda: OPS.topology(torch.zeros(3, 2).long(), torch.ones(3, 3), 2), "`edge_index` must have shape"),
        (lambda: OPS.topology(torch.zeros(2, 2).long(), torch.ones(3, 3), 2), "`edge_vector` must have shape"),
        (lambda: OPS.topology(torch.full((2, 1), 5), torch.ones(1, 3), 2), "outside 0..1"),
        (lambda: OPS.topology(torch.zeros(2, 1).long(), torch.ones(1, 3), -1), "`n_atoms` must not be negative"),
    ],
)  # fmt: skip
def test_others(call, message):
    with pytest.raises((ValueError, TypeError, IndexError), match=message) as error:
        call()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("n_atoms", [0, 1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_edges(n_atoms, dtype):
    index = torch.zeros(2, 0, dtype=torch.int64)
    vector = torch.zeros(0, 3, dtype=dtype, requires_grad=True)
    topology = OPS.topology(index, vector, n_atoms)
    assert topology[0].tolist() == [0] * (n_atoms + 1)
    distance, harmonics = OPS.spherical_harmonics(vector, 7)
    frequencies = torch.ones(6, dtype=dtype, requires_grad=True)
    rbf = OPS.radial_basis(distance, frequencies, 0.5, 6)
    sbf = OPS.spherical_bessel_basis(distance, 0.5, 6, 7, 6)
    weight = torch.ones(16, 6, dtype=dtype, requires_grad=True)
    y = torch.nn.functional.silu(rbf @ weight.t())
    mixing = torch.ones(7, 6, 16, dtype=dtype, requires_grad=True)
    z = OPS.directional_sum(y, sbf, mixing, harmonics, index, *topology)
    assert z.shape == (0, 16)
    (first,) = torch.autograd.grad(z.sum(), vector, create_graph=True)
    (first.sum() + z.sum()).backward()
    for parameter in (frequencies, weight, mixing):
        assert (parameter.grad == 0).all()


def test_inputs_that_are_not_contiguous():
    graph = GRAPHS["cluster"]()
    y, sbf, weight, harmonics = random_inputs(graph, 3, 2, 4)
    expected = OPS.directional_sum(y, sbf, weight, harmonics, graph.edge_index, *graph.topology)
    strided = [t.t().contiguous().t() for t in (y, sbf)] + [weight.permute(2, 1, 0).contiguous().permute(2, 1, 0)]
    torch.testing.assert_close(
        OPS.directional_sum(*strided, harmonics, graph.edge_index, *graph.topology), expected, rtol=0, atol=0
    )

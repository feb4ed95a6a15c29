"""The residual pair h + swish(swish(h W1 + b1) W2 + b2): values, derivatives, threads, and what it refuses."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear, silu

OPS = torch.ops.tlmlp
NAMES = ("h", "weight1", "bias1", "weight2", "bias2")


def inputs(rows: int, size: int, middle: int, dtype=torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(rows)
    shapes = ((rows, size), (middle, size), (middle,), (size, middle), (size,))
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]


def plain(h: Tensor, weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor) -> Tensor:
    return h + silu(linear(silu(linear(h, weight1, bias1)), weight2, bias2))


def check(function, *arguments) -> None:
    arguments = tuple(a.detach().clone().requires_grad_(True) for a in arguments)
    assert torch.autograd.gradcheck(function, arguments)
    assert torch.autograd.gradgradcheck(function, arguments)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (4, 3, 5), (7, 9, 2), (0, 3, 2)])
def test_values_and_derivatives(sizes):
    arguments = inputs(*sizes)
    torch.testing.assert_close(OPS.residual_swish(*arguments), plain(*arguments), rtol=1e-13, atol=1e-13)
    check(OPS.residual_swish, *arguments)


@pytest.mark.parametrize("which", range(5), ids=NAMES)
def test_by_one_input_alone(which):
    arguments = inputs(5, 3, 4)
    check(lambda a: OPS.residual_swish(*arguments[:which], a, *arguments[which + 1 :]).sin(), arguments[which])


def test_two_in_a_row():
    """Second derivatives reach both nodes, and each node's preactivations get gradients of their own."""
    h, *first = inputs(5, 3, 3)
    second = inputs(6, 3, 3)[1:]
    check(lambda h, *w: OPS.residual_swish(OPS.residual_swish(h, *w[:4]), *w[4:]), h, *first, *second)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 2e-4)])
def test_gradient_of_a_gradient_over_many_rows(dtype, tolerance):
    """The order of a force loss, over several tiles: by h first, then by everything."""
    arguments = [a / max(1, a.shape[-1]) ** 0.5 for a in inputs(1000, 32, 32)]
    results = []
    for function, kind in ((OPS.residual_swish, dtype), (plain, torch.float64)):
        leaves = [a.to(kind).requires_grad_(True) for a in arguments]
        (slope,) = torch.autograd.grad(function(*leaves).square().sum(), leaves[0], create_graph=True)
        results.append(torch.autograd.grad(slope.pow(3).sum(), leaves))
    for actual, expected in zip(*results, strict=True):
        assert (actual.double() - expected).abs().max() < tolerance * expected.abs().max()


def test_number_of_threads_changes_no_bit():
    threads = torch.get_num_threads()
    results = []
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            leaves = [a.requires_grad_(True) for a in inputs(3000, 32, 32, torch.float32)]
            (slope,) = torch.autograd.grad(OPS.residual_swish(*leaves).sum(), leaves[0], create_graph=True)
            results.append(torch.autograd.grad(slope.square().sum(), leaves))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        (0, lambda t: t[0], "`h` must have shape"),
        (0, lambda t: t.long(), "`h` must be float32 or float64"),
        (1, lambda t: t[:, 1:], "`weight1` must have shape"),
        (2, lambda t: t[1:], "`bias1` must have shape"),
        (3, lambda t: t.t(), "`weight2` must have shape"),
        (4, lambda t: t.float(), "`bias2` must have the dtype of `h`"),
    ],
)
def test_bad_input(which, change, message):
    arguments = inputs(5, 3, 4)
    arguments[which] = change(arguments[which])
    with pytest.raises((ValueError, TypeError), match=message):
        OPS.residual_swish(*arguments)

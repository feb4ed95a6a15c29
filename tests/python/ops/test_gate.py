"""The gate y = x * (e W^T): values, both derivatives, threads, and what it refuses."""

import pytest
import torch
from torch import Tensor


def inputs(rows: int, channels: int, width: int, dtype=torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(rows)
    shapes = ((rows, channels), (rows, width), (channels, width))
    return [torch.randn(shape, dtype=dtype, generator=generator).requires_grad_(True) for shape in shapes]


def plain(x: Tensor, e: Tensor, weight: Tensor) -> Tensor:
    return x * (e @ weight.T)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 3, 4), (13, 17, 6), (0, 4, 2)])
def test_derivatives(sizes):
    arguments = inputs(*sizes)
    assert torch.allclose(torch.ops.tlmlp.gate(*arguments), plain(*arguments), atol=1e-13)
    assert torch.autograd.gradcheck(torch.ops.tlmlp.gate, arguments)
    assert torch.autograd.gradgradcheck(torch.ops.tlmlp.gate, arguments)


@pytest.mark.parametrize("which", range(3))
def test_by_one_input_alone(which):
    arguments = [a.detach() for a in inputs(7, 5, 3)]

    def function(a: Tensor) -> Tensor:
        return torch.ops.tlmlp.gate(*arguments[:which], a, *arguments[which + 1 :])

    moving = arguments[which].clone().requires_grad_(True)
    assert torch.autograd.gradcheck(function, moving)
    assert torch.autograd.gradgradcheck(lambda a: function(a).sin(), moving)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-11), (torch.float32, 1e-3)])
def test_gradient_of_a_gradient_over_many_rows(dtype, tolerance):
    """The order of a force loss: by x and e first, then by everything."""
    arguments = inputs(2000, 32, 6, dtype)

    def second(function) -> tuple[Tensor, ...]:
        first = torch.autograd.grad(function(*arguments).sin().sum(), arguments[:2], create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), arguments)

    for got, expected in zip(second(torch.ops.tlmlp.gate), second(plain), strict=True):
        assert torch.allclose(got, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))


def test_number_of_threads_changes_no_bit():
    arguments = inputs(3000, 32, 6, torch.float32)

    def results() -> tuple[Tensor, ...]:
        y = torch.ops.tlmlp.gate(*arguments)
        return (y, *torch.autograd.grad(y.sin().sum(), arguments))

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = results()
        torch.set_num_threads(3)
        assert all(torch.equal(a, b) for a, b in zip(results(), one, strict=True))
    finally:
        torch.set_num_threads(before)


def test_rows_that_are_not_contiguous():
    x, e, weight = (a.detach() for a in inputs(9, 4, 4))
    assert torch.allclose(torch.ops.tlmlp.gate(x, e, weight.T), plain(x, e, weight.T), atol=1e-13)
    assert torch.allclose(torch.ops.tlmlp.gate(x[::2], e[::2], weight), plain(x[::2], e[::2], weight), atol=1e-13)


def test_wrong_shapes_are_refused():
    x, e, weight = inputs(5, 3, 4)
    with pytest.raises(ValueError, match="`e` must have shape"):
        torch.ops.tlmlp.gate(x, e[:4], weight)
    with pytest.raises(ValueError, match="`weight` must have shape"):
        torch.ops.tlmlp.gate(x, e, weight[:, :2])
    with pytest.raises(TypeError, match="`weight` must have the dtype of `x`"):
        torch.ops.tlmlp.gate(x, e, weight.float())

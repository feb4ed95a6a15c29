"""The weights of a network as the operator ``tlmlp::energies_and_derivatives`` takes them.

Neighbouring matrices without an activation in between are multiplied out, here by torch, so that their gradients go
back to the network's own parameters; ``csrc/core/include/tlmlp/network.h`` says which.
"""

from typing import TYPE_CHECKING

from torch import Tensor

from tlmlp.models.config import DimeNetPPConfig
from tlmlp.network import SIZES, Factor, Matrix, matrices

if TYPE_CHECKING:
    from tlmlp.models.dimenet import DimeNetPP


def merged_weights(network: "DimeNetPP") -> list[Tensor]:
    """The matrices of :func:`tlmlp.network.matrices` in their order."""
    parameters = dict(network.named_parameters())
    return [_merged(parameters, matrix) for matrix in matrices(network.config.to_dict())]


def sizes(config: DimeNetPPConfig) -> list[int]:
    """The whole numbers among the sizes in the order of :data:`tlmlp.network.SIZES`."""
    return [getattr(config, name) for name in SIZES]


def _merged(parameters: dict[str, Tensor], matrix: Matrix) -> Tensor:
    product = _factor(parameters, matrix.left)
    if matrix.right is not None:
        product = product @ _factor(parameters, matrix.right)
    return product if matrix.bias is None else product + parameters[matrix.bias]


def _factor(parameters: dict[str, Tensor], factor: Factor) -> Tensor:
    whole = parameters[factor.name]
    part = whole[:, factor.first : factor.first + factor.count] if factor.count else whole
    return part.t() if factor.transposed else part

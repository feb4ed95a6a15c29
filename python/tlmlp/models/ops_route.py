"""The route on the compiled operators ``torch.ops.tlmlp.*``, whose first and second derivatives are C++ too."""

from typing import Final

import torch
from torch import Tensor, nn

from tlmlp import ops
from tlmlp.models.graph import EdgeGraph


class OpsRoute(nn.Module):
    """The methods of :class:`tlmlp.models.routes.PlainRoute`, compiled; the sizes come with each call.

    :raises TlmlpError: when the library of the operators is missing or was built for another torch
    """

    compiled: Final[bool] = True

    def __init__(self, num_spherical: int = 7, num_radial: int = 6) -> None:
        super().__init__()
        ops.load()
        self.name = "ops"

    def __setstate__(self, state):
        """Unpickling in a fresh process needs the library too."""
        ops.load()
        super().__setstate__(state)

    def topology(self, edge_index: Tensor, edge_vector: Tensor, n_atoms: int) -> tuple[Tensor, Tensor, Tensor]:
        """Edges grouped by target (``offsets``, ``edges``), and the ``reverse`` of each edge."""
        return torch.ops.tlmlp.topology(edge_index, edge_vector, n_atoms)

    def spherical_harmonics(self, edge_vector: Tensor, num_spherical: int) -> tuple[Tensor, Tensor]:
        """Length (E,) of each edge vector and Y_lm (E, num_spherical^2) of its direction."""
        return torch.ops.tlmlp.spherical_harmonics(edge_vector, num_spherical)

    def radial_basis(self, distance: Tensor, frequencies: Tensor, cutoff: float, exponent: int) -> Tensor:
        """sqrt(2 / c) sin(f_n x) / d u(x), shape (E, num_radial); lengths in nm."""
        return torch.ops.tlmlp.radial_basis(distance, frequencies, cutoff, exponent)

    def spherical_bessel_basis(
        self, distance: Tensor, cutoff: float, exponent: int, num_spherical: int, num_radial: int
    ) -> Tensor:
        """u(x) N_ln j_l(z_ln x), shape (E, num_spherical * num_radial)."""
        return torch.ops.tlmlp.spherical_bessel_basis(distance, cutoff, exponent, num_spherical, num_radial)

    def directional_sum(self, y: Tensor, sbf: Tensor, weight: Tensor, harmonics: Tensor, graph: EdgeGraph) -> Tensor:
        """z_e[c] = sum over k != i of y_kj[c] sum_l N_l P_l(cos theta_kji) R_l[c](d_kj), for the edge e = j->i."""
        return torch.ops.tlmlp.directional_sum(
            y, sbf, weight, harmonics, graph.edge_index, graph.offsets, graph.edges, graph.reverse
        )

    def segment_sum(self, values: Tensor, index: Tensor, size: int) -> Tensor:
        """``out[a] = sum of values[e] over the e with index[e] == a``, shape (size, C)."""
        return values.new_zeros((size, values.shape[1])).index_add(0, index, values)

"""The two ways to evaluate the bases and the directional sum of DimeNet++: standard torch operators, or compiled ones.

Both routes are modules without parameters and share one set of scriptable methods; the layers between are torch's own
on both. Where only energies and forces are wanted, and in training on a CPU, the compiled route has an operator for the
whole network (:mod:`tlmlp.models.potential`, :mod:`tlmlp.models.dimenet`). Directed edges run from a
source j to a target i; ``edge_vector`` = r_j - r_i + S.cell points from the target to the source. Inside the network
lengths are in nm.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from tlmlp.errors import TlmlpError
from tlmlp.models import basis
from tlmlp.models.graph import EdgeGraph
from tlmlp.models.segments import log_implementation, segment_sum


class PlainRoute(nn.Module):
    """Standard torch operators only; differentiable to any order; no triplet list.

    :param num_spherical: degrees of the directional basis
    :param num_radial: radial functions per degree
    """

    #: Whether ``torch.ops.tlmlp`` may be called; scripts leave out what is behind a false one.
    compiled: Final[bool] = False

    def __init__(self, num_spherical: int = 7, num_radial: int = 6) -> None:
        super().__init__()
        self.name = "plain"
        zeros, norms = basis.bessel_tables(num_spherical, num_radial)
        self.register_buffer("zeros", zeros, persistent=False)
        self.register_buffer("norms", norms, persistent=False)
        self.harmonic_norms = basis.harmonic_norms(num_spherical)
        log_implementation()

    def _apply(self, fn, recurse=True):
        """Moves of the module; the tables keep float64, as the basis is evaluated in it."""
        zeros, norms = self.zeros, self.norms
        super()._apply(fn, recurse)
        self.zeros, self.norms = zeros.to(self.zeros.device), norms.to(self.norms.device)
        return self

    def topology(self, edge_index: Tensor, edge_vector: Tensor, n_atoms: int) -> tuple[Tensor, Tensor, Tensor]:
        """Edges grouped by target, and the reverse of each edge.

        :return: ``offsets`` (N + 1,) and ``edges`` (E,): the edges with target a are
            ``edges[offsets[a]:offsets[a + 1]]``; ``reverse`` (E,): the edge i->j of the same periodic image, -1 where
            the list lacks it (which is harmless only at a distance equal to the cutoff)
        """
        source, target = edge_index[0], edge_index[1]
        edges = torch.argsort(target, stable=True)
        counts = torch.bincount(target, minlength=n_atoms)
        offsets = torch.cat([torch.zeros_like(counts[:1]), torch.cumsum(counts, 0)])
        n_edges = int(source.shape[0])
        if n_edges == 0:
            return torch.zeros(n_atoms + 1, dtype=torch.int64, device=source.device), edges, edges
        # The candidates for the reverse of an edge are the edges of the swapped pair, one per periodic image; the
        # right one has the opposite vector.
        key = source * n_atoms + target
        order = torch.argsort(key, stable=True)
        sorted_key = key[order]
        wanted = target * n_atoms + source
        first = torch.searchsorted(sorted_key, wanted)
        last = torch.searchsorted(sorted_key, wanted, right=True)
        vector = edge_vector.detach()
        best = torch.full_like(source, -1)
        error = torch.full_like(vector[:, 0], math.inf)
        for step in range(int((last - first).max())):
            slot = first + step
            candidate = order[slot.clamp(max=n_edges - 1)]
            difference = (vector[candidate] + vector).abs().amax(dim=1)
            better = (slot < last) & (difference < error)
            best = torch.where(better, candidate, best)
            error = torch.where(better, difference, error)
        length = vector.square().sum(dim=1).sqrt()
        reverse = torch.where(error < 1e-3 * length, best, torch.full_like(best, -1))
        return offsets, edges, reverse

    def spherical_harmonics(self, edge_vector: Tensor, num_spherical: int) -> tuple[Tensor, Tensor]:
        """Length (E,) of each edge vector and Y_lm (E, num_spherical^2) of its direction."""
        distance = edge_vector.square().sum(dim=1).sqrt()
        unit = edge_vector / distance.unsqueeze(1)
        return distance, basis.spherical_harmonics(unit, num_spherical, self.harmonic_norms)

    def radial_basis(self, distance: Tensor, frequencies: Tensor, cutoff: float, exponent: int) -> Tensor:
        """sqrt(2 / c) sin(f_n x) / d u(x), shape (E, num_radial); lengths in nm."""
        return basis.radial_basis(distance, frequencies, cutoff, exponent)

    def spherical_bessel_basis(
        self, distance: Tensor, cutoff: float, exponent: int, num_spherical: int, num_radial: int
    ) -> Tensor:
        """u(x) N_ln j_l(z_ln x), shape (E, num_spherical * num_radial)."""
        return basis.spherical_bessel_basis(distance, cutoff, exponent, self.zeros, self.norms)

    def directional_sum(self, y: Tensor, sbf: Tensor, weight: Tensor, harmonics: Tensor, graph: EdgeGraph) -> Tensor:
        """z_e[c] = sum over k != i of y_kj[c] sum_l N_l P_l(cos theta_kji) R_l[c](d_kj), for the edge e = j->i.

        With the addition theorem P_l(u.u') = 4 pi / (2l + 1) sum_m Y_lm(u) Y_lm(u') the sum over k is one sum per
        atom: A_j = sum_p y_p R_l(d_p) Y_lm(u_p) over all edges p into j. Each edge out of j then reads A_j and
        subtracts its own term k = i, where P_l(1) = 1. The direction from j to i is minus the edge vector: a factor
        (-1)^l. Work and memory grow with the edges, not with the triplets.
        """
        degrees, radial, _ = weight.shape
        radials = torch.einsum("eln,lnc->elc", sbf.view(-1, degrees, radial), weight)
        source, target = graph.edge_index[0], graph.edge_index[1]
        n_atoms = graph.species.shape[0]
        z = torch.zeros_like(y)
        own = torch.zeros_like(y)
        for degree in range(degrees):
            norm = math.sqrt((2 * degree + 1) / (4.0 * math.pi))
            message = y * radials[:, degree]
            y_lm = harmonics[:, degree * degree : (degree + 1) * (degree + 1)]
            density = segment_sum(y_lm.unsqueeze(2) * message.unsqueeze(1), target, n_atoms)
            parity = 1.0 if degree % 2 == 0 else -1.0
            outgoing = (y_lm.unsqueeze(2) * density.index_select(0, source)).sum(dim=1)
            z = z + outgoing * (parity / norm)
            own = own + message * norm
        present = (graph.reverse >= 0).unsqueeze(1).to(y.dtype)
        return z - own.index_select(0, graph.reverse.clamp(min=0)) * present

    def segment_sum(self, values: Tensor, index: Tensor, size: int) -> Tensor:
        """``out[a] = sum of values[e] over the e with index[e] == a``, shape (size, C)."""
        return segment_sum(values, index, size)


def build_route(name: str, num_spherical: int, num_radial: int) -> nn.Module:
    """The route called ``name``: "ops" (compiled) or "plain".

    :raises TlmlpError: on another name, or when the compiled ops cannot be loaded
    """
    if name == "plain":
        return PlainRoute(num_spherical, num_radial)
    if name == "ops":
        from tlmlp.models.ops_route import OpsRoute

        return OpsRoute(num_spherical, num_radial)
    raise TlmlpError(f"`route` must be 'ops' or 'plain', got {name!r}")

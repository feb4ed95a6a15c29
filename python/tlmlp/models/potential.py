"""A potential: a network with its species, its energy shift, and eV and angstrom at the border."""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tlmlp.errors import TlmlpError
from tlmlp.models.config import DimeNetPPConfig
from tlmlp.models.dimenet import DimeNetPP
from tlmlp.models.graph import EdgeGraph, with_vectors
from tlmlp.models.zbl import zbl_of
from tlmlp.units import EV_IN_KJ_PER_MOL, NM_PER_ANGSTROM


class Potential(nn.Module):
    """Energies in eV from edges in angstrom.

    :param network: the network, in nm and kJ/mol
    :param species: chemical symbol of each species index
    :param energy_shift: (S,) eV per atom, added to the network's energies; float64 whatever the dtype of the network
    :param zbl: radii ``inner`` and ``outer`` (angstrom) of a short-range repulsion, see :class:`tlmlp.models.zbl.Zbl`
    :raises TlmlpError: on unknown or repeated symbols, or a wrong number of them
    """

    radii: list[float]

    __jit_unused_properties__ = ("atomic_numbers", "dtype", "config", "zbl_radii")

    def __init__(
        self,
        network: DimeNetPP,
        species: Sequence[str],
        energy_shift: Tensor | Sequence[float] | None = None,
        zbl: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        n_species = network.config.n_species
        self.species = [str(symbol) for symbol in species]
        _atomic_numbers(self.species)
        if len(self.species) != n_species:
            raise TlmlpError(f"the network has {n_species} species, got {len(self.species)}: {self.species}")
        if energy_shift is None:
            energy_shift = [0.0] * n_species
        shift = torch.as_tensor(energy_shift, dtype=torch.float64).detach().clone()
        if tuple(shift.shape) != (n_species,):
            raise TlmlpError(f"`energy_shift` must have shape ({n_species},), got {tuple(shift.shape)}")
        self.network = network
        self.nm_per_angstrom = NM_PER_ANGSTROM
        self.ev_per_kj_per_mol = 1.0 / EV_IN_KJ_PER_MOL
        self.cutoff = float(network.config.cutoff)
        self.register_buffer("energy_shift", shift)
        self.set_zbl(zbl)

    @torch.jit.unused
    def set_zbl(self, radii: Mapping[str, float] | None) -> None:
        """Give the potential a short-range repulsion with the radii ``inner`` and ``outer`` (angstrom), or take it away.

        :raises TlmlpError: when the radii do not rise, or reach beyond the cutoff
        """
        self.zbl = zbl_of(radii, self.atomic_numbers, self.cutoff)
        #: The same for the operator ``tlmlp::inference``.
        self.radii = [] if self.zbl is None else [self.zbl.inner, self.zbl.outer]
        self.numbers = self.atomic_numbers

    def _apply(self, fn, recurse=True):
        """Casts and moves of the module; the shift keeps float64, or millivolts of a large shift would be lost."""
        shift = self.energy_shift
        super()._apply(fn, recurse)
        self.energy_shift = shift.to(self.energy_shift.device)
        return self

    @property
    def config(self) -> DimeNetPPConfig:
        """Sizes of the network."""
        return self.network.config

    @property
    def atomic_numbers(self) -> list[int]:
        """Atomic number of each species index."""
        return _atomic_numbers(self.species)

    @property
    def zbl_radii(self) -> dict[str, float] | None:
        """Radii of the short-range repulsion; None without."""
        return None if self.zbl is None else {"inner": self.zbl.inner, "outer": self.zbl.outer}

    @property
    def dtype(self) -> torch.dtype:
        """dtype of the parameters."""
        return self.network.frequencies.dtype

    def atomic_energies(self, graph: EdgeGraph) -> Tensor:
        """Energies of the atoms (N,) in eV without the shift, differentiable; ``edge_vector`` (E, 3) in angstrom.

        The vectors are scaled before they are cast to the dtype of the network.
        """
        energies = self.network_energies(graph)
        if self.zbl is not None:
            energies = energies + self.zbl(graph.species, graph.edge_index, graph.edge_vector)
        return energies

    def network_energies(self, graph: EdgeGraph) -> Tensor:
        """What the network has in :meth:`atomic_energies`, in its dtype."""
        vector = (graph.edge_vector * self.nm_per_angstrom).to(self.network.frequencies.dtype)
        return self.network(with_vectors(graph, vector)) * self.ev_per_kj_per_mol

    @torch.jit.unused
    def energies_and_edge_derivatives(self, graph: EdgeGraph) -> tuple[Tensor, Tensor]:
        """Energies of the atoms and the derivative of their sum by the edges: what training losses are made of.

        Both can be differentiated by the parameters (and by nothing else, once), so any loss of energies, forces
        (:func:`edge_forces`) and virials (:func:`edge_virial`) can call ``backward``.

        The vector of j->i is minus that of i->j; how their derivatives divide a pair's between the two edges differs
        from one route to another, while forces and virials do not.

        :param graph: ``edge_vector`` in angstrom
        :return: (N,) in eV without the shift, and (E, 3) in eV/angstrom; both of the dtype of ``edge_vector``
        """
        energies, derivatives = self.network.energies_and_derivatives(
            with_vectors(graph, graph.edge_vector.detach() * self.nm_per_angstrom)
        )
        energies = energies * self.ev_per_kj_per_mol
        derivatives = derivatives * (self.ev_per_kj_per_mol * self.nm_per_angstrom)
        if self.zbl is not None and self.zbl.reaches(graph.edge_vector):  # no parameters: a constant of the loss
            with torch.enable_grad():
                vector = graph.edge_vector.detach().requires_grad_(True)
                repulsion = self.zbl(graph.species, graph.edge_index, vector)
                (slopes,) = torch.autograd.grad(repulsion.sum(), vector)
            energies, derivatives = energies + repulsion.detach(), derivatives + slopes
        return energies, derivatives

    @torch.jit.export
    def edge_graph(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> EdgeGraph:
        """The graph of a list of edges: grouped by target, each edge with its reverse, as the route finds them."""
        offsets, edges, reverse = self.network.route.topology(edge_index, edge_vector.detach(), species.shape[0])
        return EdgeGraph(species, edge_index, edge_vector, offsets, edges, reverse)

    def inference(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`forward_edges` returns without the shift, by the engine."""
        return torch.ops.tlmlp.inference(
            self.network.parameter_list(),
            self.network.parameter_names,
            species,
            edge_index,
            edge_vector,
            self.network.sizes,
            self.cutoff,
            self.numbers,
            self.radii,
        )

    def inference_by_autograd(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> tuple[Tensor, Tensor]:
        """The same on a GPU, and on the plain route."""
        was_enabled = torch.is_grad_enabled()
        torch.set_grad_enabled(True)  # a host may have switched it off; scripts know no enable_grad block
        vector = edge_vector.detach().requires_grad_(True)
        energies = self.network_energies(self.edge_graph(species, edge_index, vector))
        gradient = torch.autograd.grad([energies.sum()], [vector], allow_unused=True)[0]
        if gradient is None:
            gradient = torch.zeros_like(edge_vector)
        energies = energies.detach().to(torch.float64)
        if self.zbl is not None:  # apart from the network, which may have another dtype
            close = edge_vector.detach().requires_grad_(True)
            repulsion = self.zbl(species, edge_index, close)
            slopes = torch.autograd.grad([repulsion.sum()], [close], allow_unused=True)[0]
            if slopes is not None:
                gradient = gradient + slopes
            energies = energies + repulsion.detach()
        torch.set_grad_enabled(was_enabled)
        return energies, gradient

    @torch.jit.export
    def forward_edges(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Energy and its derivative by the edges; on the compiled route and a CPU at the speed of the engine.

        :param species: (N,) int64 index of each atom's species
        :param edge_index: (2, E) int64, row 0 the source j, row 1 the target i; both directions of every pair
        :param edge_vector: (E, 3) r_j - r_i + S.cell in angstrom, float64 or the dtype of the network
        :return: energy in eV (scalar, float64, shift included), its derivative by ``edge_vector`` (E, 3) in eV/angstrom
            and of the dtype of ``edge_vector``, energies of the atoms (N,) in eV (float64, shift included)
        """
        if self.network.route.compiled:
            if edge_vector.is_cuda:
                energies, gradient = self.inference_by_autograd(species, edge_index, edge_vector)
            else:
                energies, gradient = self.inference(species, edge_index, edge_vector)
        else:
            energies, gradient = self.inference_by_autograd(species, edge_index, edge_vector)
        atomic = energies.detach() + self.energy_shift.index_select(0, species)
        return atomic.sum(), gradient.detach(), atomic

    def forward(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same as :meth:`forward_edges`."""
        return self.forward_edges(species, edge_index, edge_vector)

    @torch.jit.unused
    def evaluate(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> dict[str, Tensor]:
        """The same under the names that the engine gives: ``energy``, ``edge_gradients``, ``atomic_energies``."""
        energy, gradient, atomic = self.forward_edges(species, edge_index, edge_vector)
        return {"energy": energy, "edge_gradients": gradient, "atomic_energies": atomic}


def frozen(potential: Potential) -> Potential:
    """A copy for inference: its weights ask for no gradients, which saves work in every derivative by the edges."""
    return copy.deepcopy(potential).eval().requires_grad_(False)


def edge_forces(n_atoms: int, edge_index: Tensor, gradient: Tensor) -> Tensor:
    """Forces (N, 3) on the atoms from the derivative of the energy by the edge vectors (E, 3).

    The vector of the edge j->i is r_j - r_i + S.cell, so dE/dr_j collects +g and dE/dr_i collects -g.
    """
    zeros = torch.zeros(n_atoms, 3, dtype=gradient.dtype, device=gradient.device)
    return zeros.index_add(0, edge_index[1], gradient).index_add(0, edge_index[0], -gradient)


def edge_virial(edge_vector: Tensor, gradient: Tensor) -> Tensor:
    """Virial -dE/d(strain) (3, 3), symmetric for an energy that is invariant under rotations; eV."""
    return -(gradient.t() @ edge_vector.to(gradient.dtype))


def build_potential(
    species: Sequence[str],
    cutoff: float,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    route: str = "ops",
    energy_shift: Tensor | Sequence[float] | None = None,
    zbl: Mapping[str, float] | None = None,
    **sizes: int,
) -> Potential:
    """A potential with new weights.

    :param species: chemical symbols
    :param cutoff: in angstrom
    :param seed: of the initial weights
    :param zbl: radii ``inner`` and ``outer`` of a short-range repulsion, angstrom
    :param sizes: fields of :class:`DimeNetPPConfig`
    :raises TlmlpError: on a wrong size or symbol
    """
    config = DimeNetPPConfig.from_dict({**sizes, "n_species": len(species), "cutoff": cutoff})
    return Potential(DimeNetPP(config, route=route, seed=seed, dtype=dtype), species, energy_shift, zbl)


def _atomic_numbers(species: Sequence[str]) -> list[int]:
    from ase.data import atomic_numbers

    unknown = [symbol for symbol in species if symbol not in atomic_numbers or symbol == "X"]
    if unknown:
        raise TlmlpError(f"unknown chemical symbol {', '.join(map(repr, unknown))} in `species`")
    if len(set(species)) != len(species):
        raise TlmlpError(f"`species` names an element twice: {list(species)}")
    return [atomic_numbers[symbol] for symbol in species]

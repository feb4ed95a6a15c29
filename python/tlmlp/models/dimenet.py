"""DimeNet++ as used by Roecken and Zavadlav (arXiv 2502.13522), written from the formulas of the papers."""

import math

import torch
from torch import Tensor, nn

from tlmlp.models.config import DimeNetPPConfig
from tlmlp.models.graph import EdgeGraph, with_vectors
from tlmlp.models.initialise import glorot_orthogonal
from tlmlp.models.layers import Embedding, Interaction, Linear, Output
from tlmlp.models.merged import merged_weights, sizes
from tlmlp.models.routes import build_route
from tlmlp.units import NM_PER_ANGSTROM


class DimeNetPP(nn.Module):
    """Energies of atoms from directed messages between neighbours, in nm and kJ/mol.

    :param config: the sizes
    :param route: "ops" for the compiled operators, "plain" for standard torch operators
    :param seed: of the initial weights; equal seeds give equal weights, and no other random state is read or changed
    :param dtype: of the parameters
    :raises TlmlpError: when the route is unknown or its compiled ops cannot be loaded
    """

    __jit_unused_properties__ = ("route_name",)

    def __init__(
        self,
        config: DimeNetPPConfig,
        route: str = "ops",
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.config = config
        self.cutoff_nm = config.cutoff * NM_PER_ANGSTROM
        self.num_spherical = config.num_spherical
        self.num_radial = config.num_radial
        self.exponent = config.envelope_exponent
        self.route = build_route(route, config.num_spherical, config.num_radial)
        self.frequencies = nn.Parameter(torch.zeros(config.num_radial, dtype=dtype))
        self.embedding = Embedding(config, dtype)
        self.interaction = nn.ModuleList([Interaction(config, self.route, dtype) for _ in range(config.n_blocks)])
        self.output = nn.ModuleList([Output(config, self.route, dtype) for _ in range(config.n_blocks + 1)])
        #: For the operator ``tlmlp::inference``: names of the parameters, and sizes as the model file names them.
        self.parameter_names = " ".join(name for name, _ in self.named_parameters())
        self.sizes = {name: int(size) for name, size in config.to_dict().items() if name != "cutoff"}
        self.reset_parameters(seed)

    @torch.jit.unused
    def reset_parameters(self, seed: int) -> None:
        """Draw the weights: scaled semi-orthogonal matrices, zero biases, uniform species rows, frequencies n pi."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            n = torch.arange(1, self.num_radial + 1, dtype=torch.float64)
            self.frequencies.copy_(math.pi * n)
            table = self.embedding.species.weight
            uniform = torch.rand(table.shape, dtype=torch.float64, generator=generator)
            table.copy_(math.sqrt(3.0) * (2.0 * uniform - 1.0))
            for module in self.modules():
                if isinstance(module, Linear):
                    module.weight.copy_(glorot_orthogonal(*module.weight.shape, generator))
                    if module.bias is not None:
                        module.bias.zero_()

    @property
    def route_name(self) -> str:
        """Name of the route in use: ops or plain."""
        return self.route.name

    @torch.jit.unused
    def set_route(self, name: str) -> "DimeNetPP":
        """Evaluate by another route from now on; the parameters stay. Returns the network itself."""
        route = build_route(name, self.num_spherical, self.num_radial)
        for module in list(self.modules()):
            if "route" in module._modules:
                module.route = route
        return self

    def forward(self, graph: EdgeGraph) -> Tensor:
        """Energies of the atoms (N,) in kJ/mol, differentiable; ``edge_vector`` in nm and in the dtype of the parameters."""
        distance, harmonics = self.route.spherical_harmonics(graph.edge_vector, self.num_spherical)
        rbf = self.route.radial_basis(distance, self.frequencies, self.cutoff_nm, self.exponent)
        sbf = self.route.spherical_bessel_basis(
            distance, self.cutoff_nm, self.exponent, self.num_spherical, self.num_radial
        )
        m = self.embedding(rbf, graph)
        energies = torch.zeros(graph.species.shape[0], dtype=rbf.dtype, device=rbf.device)
        messages = [m]
        for block in self.interaction:
            m = block(m, rbf, sbf, harmonics, graph)
            messages.append(m)
        for b, output in enumerate(self.output):
            energies = energies + output(messages[b], rbf, graph)
        return energies

    @torch.jit.export
    def parameter_list(self) -> list[Tensor]:
        """The parameters, in the order of ``parameter_names``; scripts know no ``parameters()``."""
        if not torch.jit.is_scripting():
            return list(self.parameters())
        found = [self.frequencies]
        for module in self.modules():
            if hasattr(module, "weight"):
                found.append(module.weight)
            if hasattr(module, "bias"):
                if module.bias is not None:
                    found.append(module.bias)
        return found

    @torch.jit.unused
    def energies_and_derivatives(self, graph: EdgeGraph) -> tuple[Tensor, Tensor]:
        """Energies of the atoms (N,) in kJ/mol and the derivative of their sum by ``edge_vector`` (E, 3), in nm.

        Both can be differentiated by the parameters, once. ``edge_vector`` may have any dtype; the results have its.
        """
        if self.route.compiled and graph.edge_vector.device.type == "cpu":
            return torch.ops.tlmlp.energies_and_derivatives(
                merged_weights(self),
                *with_vectors(graph, graph.edge_vector.detach()),
                sizes(self.config),
                self.cutoff_nm,
            )
        return self.derivatives_by_autograd(graph)

    @torch.jit.unused
    def derivatives_by_autograd(self, graph: EdgeGraph) -> tuple[Tensor, Tensor]:
        """:meth:`energies_and_derivatives` where no operator does the whole network: on a GPU, and on the plain route."""
        create_graph = torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())
        with torch.enable_grad():
            vector = graph.edge_vector.detach().requires_grad_(True)
            energies = self(with_vectors(graph, vector.to(self.frequencies.dtype)))
            (derivatives,) = torch.autograd.grad(
                energies.sum(), vector, create_graph=create_graph, materialize_grads=True
            )
        if not create_graph:
            energies = energies.detach()
        return energies.to(graph.edge_vector.dtype), derivatives

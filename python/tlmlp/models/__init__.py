"""The DimeNet++ network, its two routes, the potential around it and the oracle it is tested against."""

from tlmlp.models.config import DimeNetPPConfig
from tlmlp.models.dimenet import DimeNetPP
from tlmlp.models.graph import EdgeGraph
from tlmlp.models.potential import Potential, build_potential, edge_forces, edge_virial, frozen
from tlmlp.models.routes import PlainRoute, build_route

__all__ = [
    "DimeNetPP",
    "DimeNetPPConfig",
    "EdgeGraph",
    "PlainRoute",
    "Potential",
    "build_potential",
    "build_route",
    "edge_forces",
    "edge_virial",
    "frozen",
]

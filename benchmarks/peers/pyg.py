"""DimeNet++ of PyTorch Geometric, a quarter of the original size, on our neighbour list.

Its own graph code needs torch-cluster and torch-sparse and knows no periodic cells; edges and triplets are therefore
made outside the timed call, and the forward pass below follows ``DimeNet.forward`` from there on.
"""

import torch
from measure import CUTOFF, System, measure
from torch_geometric.nn import DimeNetPlusPlus


def prepare(systems: list[System]) -> list:
    """Edges, their vectors and triplets as tensors."""
    made = []
    for system in systems:
        arrays = (*system.edge_index, *system.triplets())
        made.append((*map(torch.from_numpy, arrays), torch.from_numpy(system.edge_vector).float()))
    return made


def build(systems: list[System]):
    """Energy and forces of one prepared system."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = DimeNetPlusPlus(
        hidden_channels=32,
        out_channels=1,
        num_blocks=4,
        int_emb_size=16,
        basis_emb_size=8,
        out_emb_channels=64,
        num_spherical=7,
        num_radial=6,
        cutoff=CUTOFF,
        output_initializer="glorot_orthogonal",
    ).requires_grad_(False)
    atoms = len(systems[0].positions)
    species = torch.full((atoms,), 14)

    def call(edges: tuple[torch.Tensor, ...]) -> torch.Tensor:
        j, i, kj, ji, vector = edges
        vector = vector.clone().requires_grad_()
        distance = vector.pow(2).sum(dim=-1).sqrt()
        ij, jk = -vector[ji], -vector[kj]
        angle = torch.atan2(torch.cross(ij, jk, dim=1).norm(dim=-1), (ij * jk).sum(dim=-1))
        rbf = model.rbf(distance)
        sbf = model.sbf(distance, angle, kj)
        x = model.emb(species, rbf, i, j)
        energies = model.output_blocks[0](x, rbf, i, num_nodes=atoms)
        for interaction, output in zip(model.interaction_blocks, model.output_blocks[1:], strict=True):
            x = interaction(x, rbf, sbf, kj, ji)
            energies = energies + output(x, rbf, i, num_nodes=atoms)
        (gradient,) = torch.autograd.grad(energies.sum(), vector)
        return torch.zeros(atoms, 3).index_add_(0, i, gradient).index_add_(0, j, -gradient)

    return call


measure(prepare, build, "torch", "torch-geometric")

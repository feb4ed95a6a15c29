"""DimeNet++ of PyTorch Geometric, a quarter of the original size, on our neighbour list.

Its own graph code needs torch-cluster and torch-sparse and knows no periodic cells; edges and triplets are therefore
made outside the timed call, and the forward pass below follows ``DimeNet.forward`` from there on.
"""

import numpy as np
import torch
from measure import CUTOFF, System, measure
from torch_geometric.nn import DimeNetPlusPlus


def prepare(systems: list[System], device: str) -> list:
    """Edges, their vectors and triplets as tensors."""
    made = []
    for system in systems:
        arrays = (*system.edge_index, *system.triplets())
        tensors = (*map(torch.from_numpy, arrays), torch.from_numpy(system.edge_vector).float())
        made.append(tuple(tensor.to(device) for tensor in tensors))
    return made


def network() -> DimeNetPlusPlus:
    """With the sizes of ours."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return DimeNetPlusPlus(
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
    )


def forces(model: DimeNetPlusPlus, edges: tuple[torch.Tensor, ...], atoms: int, training: bool) -> torch.Tensor:
    """Forces on all atoms of the edges; differentiable by the weights when ``training``."""
    j, i, kj, ji, vector = edges
    vector = vector.clone().requires_grad_()
    distance = vector.pow(2).sum(dim=-1).sqrt()
    ij, jk = -vector[ji], -vector[kj]
    angle = torch.atan2(torch.cross(ij, jk, dim=1).norm(dim=-1), (ij * jk).sum(dim=-1))
    rbf = model.rbf(distance)
    sbf = model.sbf(distance, angle, kj)
    x = model.emb(torch.full((atoms,), 14, device=vector.device), rbf, i, j)
    energies = model.output_blocks[0](x, rbf, i, num_nodes=atoms)
    for interaction, output in zip(model.interaction_blocks, model.output_blocks[1:], strict=True):
        x = interaction(x, rbf, sbf, kj, ji)
        energies = energies + output(x, rbf, i, num_nodes=atoms)
    (gradient,) = torch.autograd.grad(energies.sum(), vector, create_graph=training)
    return vector.new_zeros(atoms, 3).index_add(0, i, gradient).index_add(0, j, -gradient)


def build(systems: list[System], device: str):
    """Energy and forces of one prepared system."""
    model = network().requires_grad_(False).to(device)
    return lambda edges: forces(model, edges, len(systems[0].positions), training=False).cpu()


def collate(group: list) -> tuple[torch.Tensor, ...]:
    """Several prepared systems of equal size as one."""
    atoms, edges, parts = 0, 0, []
    for j, i, kj, ji, vector in group:
        parts.append((j + atoms, i + atoms, kj + edges, ji + edges, vector))
        atoms += int(i.max()) + 1
        edges += len(i)
    return tuple(map(torch.cat, zip(*parts, strict=True)))


def build_training(systems: list[System], batch: int, device: str):
    """A force-matching step with Adam."""
    model = network().to(device)
    atoms = batch * len(systems[0].positions)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step(edges: tuple[torch.Tensor, ...], reference: np.ndarray) -> None:
        optimizer.zero_grad()
        wanted = torch.from_numpy(reference).float().reshape(atoms, 3).to(device)
        torch.nn.functional.mse_loss(forces(model, edges, atoms, training=True), wanted).backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


measure(prepare, build, "torch", "torch-geometric", collate=collate, build_training=build_training)

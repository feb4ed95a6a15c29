"""The layers of DimeNet++: embedding, interaction and output blocks.

Layers whose product has no activation in between are merged before they are applied to the edges. The two matrices of a
gate act as one (E, num_radial) matrix. The species part of the embedding is a table of S rows per side. Shapes in the
comments: N atoms, M directed edges.
"""

import torch
from torch import Tensor, nn

from tlmlp.models.config import DimeNetPPConfig
from tlmlp.models.graph import EdgeGraph


class Linear(nn.Module):
    """Weight (n_out, n_in) and optional bias of y = x W^T + b, left unset (unlike ``nn.Linear`` no random draw)."""

    def __init__(self, n_in: int, n_out: int, bias: bool = False, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class Dense(Linear):
    """swish(x W^T + b)."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.silu(nn.functional.linear(x, self.weight, self.bias))


class Residual(nn.ModuleList):
    """h + swish(swish(h W + b) W + b)."""

    def __init__(self, size: int, dtype: torch.dtype) -> None:
        super().__init__([Dense(size, size, bias=True, dtype=dtype) for _ in range(2)])

    def forward(self, h: Tensor) -> Tensor:
        return h + self[1](self[0](h))


class Embedding(nn.Module):
    """m_ji = swish([h_i, h_j, e W_rbf] W + b) for each edge j->i."""

    def __init__(self, config: DimeNetPPConfig, dtype: torch.dtype) -> None:
        super().__init__()
        size, atom_size = config.embed_size, int(config.atom_emb_size or 0)
        self.atom_size = atom_size
        self.n_species = config.n_species
        table = torch.zeros(config.n_species, atom_size, dtype=dtype)
        self.species = nn.Embedding(config.n_species, atom_size, _weight=table)
        self.rbf = Linear(config.num_radial, size, dtype=dtype)
        self.dense = Dense(2 * atom_size + size, size, bias=True, dtype=dtype)

    def forward(self, rbf: Tensor, graph: EdgeGraph) -> Tensor:
        weight, t = self.dense.weight, self.atom_size
        radial = weight[:, 2 * t :] @ self.rbf.weight
        target_table = self.species.weight @ weight[:, :t].t()
        source_table = self.species.weight @ weight[:, t : 2 * t].t()
        if self.n_species == 1:
            shift = self.dense.bias + target_table[0] + source_table[0]
            return nn.functional.silu(nn.functional.linear(rbf, radial, shift))
        # A table look-up is a product with one-hot rows: appended to the basis, one layer does it all, and its gradient
        # is a product too, in a fixed order of summation.
        kinds = nn.functional.one_hot(graph.species, self.n_species).to(rbf.dtype)
        source, target = graph.edge_index[0], graph.edge_index[1]
        x = torch.cat([rbf, kinds.index_select(0, target), kinds.index_select(0, source)], dim=1)
        merged = torch.cat([radial, target_table.t(), source_table.t()], dim=1)
        return nn.functional.silu(nn.functional.linear(x, merged, self.dense.bias))


class Interaction(nn.Module):
    """One interaction block: m -> m', with the directional sum over the edges k->j into the source of each edge.

    A route evaluates that sum without triplets: equations (6) and (7) of docs/background/theory.md.
    """

    def __init__(self, config: DimeNetPPConfig, route: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        size, inner, basis = config.embed_size, int(config.int_emb_size or 0), config.basis_emb_size
        self.n_spherical, self.n_radial, self.inner = config.num_spherical, config.num_radial, inner
        self.kj = Dense(size, size, bias=True, dtype=dtype)
        self.rbf1 = Linear(config.num_radial, basis, dtype=dtype)
        self.rbf2 = Linear(basis, size, dtype=dtype)
        self.down = Dense(size, inner, dtype=dtype)
        self.sbf1 = Linear(config.num_spherical * config.num_radial, basis, dtype=dtype)
        self.sbf2 = Linear(basis, inner, dtype=dtype)
        self.up = Dense(inner, size, dtype=dtype)
        self.ji = Dense(size, size, bias=True, dtype=dtype)
        self.before = nn.ModuleList([Residual(size, dtype) for _ in range(config.n_residual_before)])
        self.final = Dense(size, size, bias=True, dtype=dtype)
        self.after = nn.ModuleList([Residual(size, dtype) for _ in range(config.n_residual_after)])
        self.route = route

    def forward(self, m: Tensor, rbf: Tensor, sbf: Tensor, harmonics: Tensor, graph: EdgeGraph) -> Tensor:
        x = self.kj(m) * nn.functional.linear(rbf, self.rbf2.weight @ self.rbf1.weight)
        y = self.down(x)  # (M, inner)
        merged = self.sbf2.weight @ self.sbf1.weight  # (inner, num_spherical * num_radial)
        weight = merged.t().reshape(self.n_spherical, self.n_radial, self.inner)
        z = self.route.directional_sum(y, sbf, weight, harmonics, graph)
        h = self.ji(m) + self.up(z)
        for residual in self.before:
            h = residual(h)
        h = self.final(h) + m
        for residual in self.after:
            h = residual(h)
        return h


class Output(nn.Module):
    """A number of each atom, (N,), from the messages into it, s_i = sum of (e W_rbf) * m_ji."""

    def __init__(self, config: DimeNetPPConfig, route: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        width = int(config.out_size or 0)
        self.rbf = Linear(config.num_radial, config.embed_size, dtype=dtype)
        self.up = Linear(config.embed_size, width, dtype=dtype)
        self.dense = nn.ModuleList([Dense(width, width, bias=True, dtype=dtype) for _ in range(config.n_dense_output)])
        self.final = Linear(width, 1, dtype=dtype)
        self.route = route

    def forward(self, m: Tensor, rbf: Tensor, graph: EdgeGraph) -> Tensor:
        x = self.up(self.route.segment_sum(m * self.rbf(rbf), graph.edge_index[1], graph.species.shape[0]))
        for layer in self.dense:
            x = layer(x)
        return self.final(x).squeeze(1)

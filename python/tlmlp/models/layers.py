"""The layers of DimeNet++: embedding, interaction and output blocks.

Layers whose product has no activation in between are merged before they meet the edges: the two matrices of a gate
act as one (E, num_radial) matrix, and the species part of the embedding is a table of S rows per side. Shapes in the
comments: N atoms, M directed edges.
"""

import torch
from torch import Tensor, nn

from tlmlp.models.config import DimeNetPPConfig


class Linear(nn.Module):
    """Weight (n_out, n_in) and optional bias of y = x W^T + b, left unset (unlike ``nn.Linear`` no random draw)."""

    def __init__(self, n_in: int, n_out: int, bias: bool = False, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class Dense(Linear):
    """swish(x W^T + b), evaluated by the route."""

    def __init__(
        self, n_in: int, n_out: int, route: nn.Module, bias: bool = True, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(n_in, n_out, bias, dtype)
        self.route = route

    def forward(self, x: Tensor) -> Tensor:
        return self.route.dense_swish(x, self.weight, self.bias)

    def pair(self, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """h + swish(swish(h W^T + b) W'^T + b'), the second layer's parameters given."""
        return self.route.residual_swish(h, self.weight, self.bias, weight, bias)


class Residual(nn.ModuleList):
    """h + swish(swish(h W + b) W + b)."""

    def __init__(self, size: int, route: nn.Module, dtype: torch.dtype) -> None:
        super().__init__([Dense(size, size, route, dtype=dtype) for _ in range(2)])

    def forward(self, h: Tensor) -> Tensor:
        return self[0].pair(h, self[1].weight, self[1].bias)


class Embedding(nn.Module):
    """m_ji = swish([h_i, h_j, e W_rbf] W + b) for each edge j->i."""

    def __init__(self, config: DimeNetPPConfig, route: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        size, atom_size = config.embed_size, int(config.atom_emb_size or 0)
        self.atom_size = atom_size
        self.n_species = config.n_species
        table = torch.zeros(config.n_species, atom_size, dtype=dtype)
        self.species = nn.Embedding(config.n_species, atom_size, _weight=table)
        self.rbf = Linear(config.num_radial, size, dtype=dtype)
        self.dense = Dense(2 * atom_size + size, size, route, dtype=dtype)
        self.route = route

    def forward(self, rbf: Tensor, species: Tensor, edge_index: Tensor) -> Tensor:
        weight, t = self.dense.weight, self.atom_size
        radial = weight[:, 2 * t :] @ self.rbf.weight
        target_table = self.species.weight @ weight[:, :t].t()
        source_table = self.species.weight @ weight[:, t : 2 * t].t()
        if self.n_species == 1:
            shift = self.dense.bias + target_table[0] + source_table[0]
            return self.route.dense_swish(rbf, radial, shift)
        # A table look-up is a product with one-hot rows: appended to the basis, one layer does it all.
        kinds = nn.functional.one_hot(species, self.n_species).to(rbf.dtype)
        x = torch.cat([rbf, kinds.index_select(0, edge_index[1]), kinds.index_select(0, edge_index[0])], dim=1)
        merged = torch.cat([radial, target_table.t(), source_table.t()], dim=1)
        return self.route.dense_swish(x, merged, self.dense.bias)


class Interaction(nn.Module):
    """One interaction block: m -> m', with the directional sum over the edges k->j into the source of each edge.

    A route evaluates that sum without triplets: equations (6) and (7) of docs/background/theory.md.
    """

    def __init__(self, config: DimeNetPPConfig, route: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        size, inner, basis = config.embed_size, int(config.int_emb_size or 0), config.basis_emb_size
        self.n_spherical, self.n_radial, self.inner = config.num_spherical, config.num_radial, inner
        self.kj = Dense(size, size, route, dtype=dtype)
        self.rbf1 = Linear(config.num_radial, basis, dtype=dtype)
        self.rbf2 = Linear(basis, size, dtype=dtype)
        self.down = Dense(size, inner, route, bias=False, dtype=dtype)
        self.sbf1 = Linear(config.num_spherical * config.num_radial, basis, dtype=dtype)
        self.sbf2 = Linear(basis, inner, dtype=dtype)
        self.up = Dense(inner, size, route, bias=False, dtype=dtype)
        self.ji = Dense(size, size, route, dtype=dtype)
        self.before = nn.ModuleList([Residual(size, route, dtype) for _ in range(config.n_residual_before)])
        self.final = Dense(size, size, route, dtype=dtype)
        self.after = nn.ModuleList([Residual(size, route, dtype) for _ in range(config.n_residual_after)])
        self.route = route

    def forward(
        self,
        m: Tensor,
        rbf: Tensor,
        sbf: Tensor,
        harmonics: Tensor,
        edge_index: Tensor,
        offsets: Tensor,
        edges: Tensor,
        reverse: Tensor,
    ) -> Tensor:
        x = self.route.gate(self.kj(m), rbf, self.rbf2.weight @ self.rbf1.weight)
        y = self.down(x)  # (M, inner)
        merged = self.sbf2.weight @ self.sbf1.weight  # (inner, num_spherical * num_radial)
        weight = merged.t().reshape(self.n_spherical, self.n_radial, self.inner)
        z = self.route.directional_sum(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse)
        h = self.ji(m) + self.up(z)
        for residual in self.before:
            h = residual(h)
        h = self.final(h) + m
        for residual in self.after:
            h = residual(h)
        return h


class Output(nn.Module):
    """Energy of each atom from the messages into it, s_i = sum of (e W_rbf) * m_ji; shape (N,), kJ/mol."""

    def __init__(self, config: DimeNetPPConfig, route: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        width = int(config.out_size or 0)
        self.rbf = Linear(config.num_radial, config.embed_size, dtype=dtype)
        self.up = Linear(config.embed_size, width, dtype=dtype)
        self.dense = nn.ModuleList([Dense(width, width, route, dtype=dtype) for _ in range(config.n_dense_output)])
        self.final = Linear(width, 1, dtype=dtype)
        self.route = route

    def forward(self, m: Tensor, rbf: Tensor, edge_index: Tensor, offsets: Tensor, edges: Tensor) -> Tensor:
        gated = self.route.gate(m, rbf, self.rbf.weight)
        x = self.up(self.route.segment_sum(gated, edge_index, offsets, edges))
        for layer in self.dense:
            x = layer(x)
        return self.final(x).squeeze(1)

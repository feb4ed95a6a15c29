"""Frames as graphs, made once and cached; batches by concatenation; the order in which batches are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tlmlp.data import Frame, neighbour_list
from tlmlp.data.frame import LABELS
from tlmlp.errors import TlmlpError
from tlmlp.models import EdgeGraph, Potential
from tlmlp.models.graph import joined, with_vectors


@dataclass(frozen=True)
class Graph:
    """One or several frames as one graph with N atoms and E directed edges."""

    #: Vectors float64, in Å.
    edge_graph: EdgeGraph
    #: (N,) int64, which frame an atom belongs to.
    frame: Tensor
    n_frames: int
    #: Labels by name, float64, in the units of a frame: one row per atom or per frame; NaN where there is none.
    labels: dict[str, Tensor]
    #: (n_frames,) float64, Å^3, and the weight of each frame in the loss.
    volume: Tensor
    weight: Tensor

    @property
    def species(self) -> Tensor:
        """(N,) int64."""
        return self.edge_graph.species

    @property
    def edge_index(self) -> Tensor:
        """(2, E) int64; row 0 is the source j, row 1 the target i."""
        return self.edge_graph.edge_index

    @property
    def edge_vector(self) -> Tensor:
        """(E, 3) float64, Å; r_j - r_i + S.cell."""
        return self.edge_graph.edge_vector

    def known(self, name: str) -> Tensor:
        """(N,) or (n_frames,) bool: atoms or frames that have the label ``name``."""
        rows = self.labels[name]
        return rows.isfinite() if rows.dim() == 1 else rows.flatten(1)[:, 0].isfinite()

    @property
    def n_atoms(self) -> int:
        """N."""
        return self.species.shape[0]

    @property
    def n_edges(self) -> int:
        """E."""
        return self.edge_index.shape[1]


def edges_of(frame: Frame, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """``edge_index`` (2, E) and ``edge_vector`` (E, 3) in Å of one frame.

    :raises TlmlpError: whatever the neighbour list refuses, with the frame's source
    """
    try:
        index, vector, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, cutoff)
    except TlmlpError as error:
        raise TlmlpError(f"{frame.source}: {error}" if frame.source else str(error)) from None
    return index, vector


def build_graph(potential: Potential, frame: Frame, weight: float = 1.0) -> Graph:
    """Graph of one frame at the cutoff of ``potential``, with its labels and its ``weight`` in the loss.

    :raises TlmlpError: on elements that the potential does not know, and whatever the neighbour list refuses
    """
    species = species_indices(frame, potential.species)
    index, vector = edges_of(frame, potential.cutoff)
    return Graph(
        edge_graph=potential.edge_graph(species, torch.from_numpy(index), torch.from_numpy(vector)),
        frame=torch.zeros(len(frame), dtype=torch.int64),
        n_frames=1,
        labels={name: _label(frame, name) for name in LABELS},
        volume=torch.tensor([frame.volume], dtype=torch.float64),
        weight=torch.tensor([weight], dtype=torch.float64),
    )


def _label(frame: Frame, name: str) -> Tensor:
    """A label of ``frame`` as a :class:`Graph` has it."""
    label, value = LABELS[name], getattr(frame, name)
    if value is None:
        value = np.full(label.shape_of(len(frame)), np.nan)
    rows = torch.as_tensor(value, dtype=torch.float64)
    return rows if label.per_atom else rows.unsqueeze(0)


def displaced(graph: Graph, displacements: Tensor) -> Graph:
    """``graph`` with its atoms moved by ``displacements`` (N, 3) in Å; the list of edges stays, so edges that cross the
    cutoff, where the energy of an edge vanishes, are not exchanged."""
    source, target = graph.edge_index[0], graph.edge_index[1]
    moved = displacements.index_select(0, source) - displacements.index_select(0, target)
    return dataclasses.replace(graph, edge_graph=with_vectors(graph.edge_graph, graph.edge_vector + moved))


def species_indices(frame: Frame, species: Sequence[str]) -> Tensor:
    """(N,) int64 index of each atom's element in ``species``.

    :raises TlmlpError: on an element that is not among them
    """
    from ase.data import atomic_numbers, chemical_symbols

    known = {atomic_numbers[symbol]: n for n, symbol in enumerate(species)}
    unknown = sorted(set(frame.atomic_numbers.tolist()) - set(known))
    if unknown:
        raise TlmlpError(
            f"{frame.source}: the model knows {', '.join(species)}, but the frame holds "
            f"{', '.join(chemical_symbols[z] for z in unknown)}"
        )
    return torch.tensor([known[z] for z in frame.atomic_numbers.tolist()], dtype=torch.int64)


def collate(graphs: Sequence[Graph]) -> Graph:
    """One graph of several, atoms and edges in their order."""
    if len(graphs) == 1:
        return graphs[0]
    frames = np.cumsum([0] + [g.n_frames for g in graphs]).tolist()
    return Graph(
        edge_graph=joined([g.edge_graph for g in graphs]),
        frame=torch.cat([g.frame + first for g, first in zip(graphs, frames, strict=False)]),
        n_frames=frames[-1],
        labels={name: torch.cat([g.labels[name] for g in graphs]) for name in LABELS},
        volume=torch.cat([g.volume for g in graphs]),
        weight=torch.cat([g.weight for g in graphs]),
    )


def batches_by_edges(graphs: Sequence[Graph], max_edges: int = 8192) -> Iterator[Graph]:
    """All graphs in their order, as many together as have at most ``max_edges`` edges (at least one)."""
    waiting: list[Graph] = []
    for graph in graphs:
        if waiting and sum(g.n_edges for g in waiting) + graph.n_edges > max_edges:
            yield collate(waiting)
            waiting = []
        waiting.append(graph)
    if waiting:
        yield collate(waiting)


class Sampler:
    """Endless stream of shuffled passes over ``n`` frames, cut into batches.

    Each pass has its own generator, made of the seed and its number, so the state of the stream is one integer: how
    many frames were drawn. Streams of one seed with different numbers ``stream`` have nothing in common.
    """

    def __init__(self, n: int, batch_size: int, seed: int, stream: int = 0) -> None:
        self.n, self.batch_size, self.seed, self.stream = n, min(batch_size, n), seed, stream
        self.drawn = 0
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def next_batch(self) -> list[int]:
        """Indices of the next batch."""
        batch = [self._index(self.drawn + k) for k in range(self.batch_size)]
        self.drawn += self.batch_size
        return batch

    def _index(self, place: int) -> int:
        number, position = divmod(place, self.n)
        if self._order[0] != number:
            key = [self.seed, number] + ([self.stream] if self.stream else [])
            self._order = (number, np.random.default_rng(key).permutation(self.n))
        return int(self._order[1][position])

    def state_dict(self) -> dict[str, int]:
        """What :meth:`load_state_dict` needs to continue with the same stream."""
        return {
            "n": self.n,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "stream": self.stream,
            "drawn": self.drawn,
        }

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Restore ``state``."""
        self.n, self.batch_size, self.seed = state["n"], state["batch_size"], state["seed"]
        self.stream, self.drawn = state["stream"], state["drawn"]

"""The TorchScript module inside an exported model: what OpenMM, LAMMPS and other hosts of libtorch call."""

import copy

import torch
from torch import Tensor, nn

from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.units import EV_IN_KJ_PER_MOL, NM_PER_ANGSTROM


class CompiledNeighbours(nn.Module):
    """Edges by the compiled operator ``tlmlp::neighbour_list``."""

    def forward(self, positions: Tensor, cell: Tensor, periodic: bool, cutoff: float) -> tuple[Tensor, Tensor]:
        pbc = torch.full([3], periodic, dtype=torch.bool)
        return torch.ops.tlmlp.neighbour_list(positions, cell, pbc, cutoff)


class PlainNeighbours(nn.Module):
    """Edges by a search over periodic images in standard operators.

    Atoms are moved into the cell, then every image within reach of the cutoff is tried, one N x N table at a time: right
    for any cell, with work that grows with the square of the number of atoms.
    """

    def forward(self, positions: Tensor, cell: Tensor, periodic: bool, cutoff: float) -> tuple[Tensor, Tensor]:
        n_atoms = positions.shape[0]
        home = torch.zeros_like(positions)
        reach = [0, 0, 0]
        if periodic:
            inverse = torch.linalg.inv(cell)
            home = torch.floor(positions @ inverse)
            # Inside the cell two fractional coordinates differ by less than one, and 1 / |column of the inverse| is
            # the distance between opposite faces.
            widths = 1.0 / inverse.square().sum(dim=0).sqrt()
            for axis in range(3):
                reach[axis] = int(cutoff / float(widths[axis])) + 1
        inside = positions - home @ cell
        difference = inside.unsqueeze(0) - inside.unsqueeze(1)  # [i, j] = r_j - r_i

        indices = [torch.zeros([2, 0], dtype=torch.int64, device=positions.device)]
        shifts = [torch.zeros([0, 3], dtype=torch.int64, device=positions.device)]
        for a in range(-reach[0], reach[0] + 1):
            for b in range(-reach[1], reach[1] + 1):
                for c in range(-reach[2], reach[2] + 1):
                    image = torch.tensor([a, b, c], dtype=positions.dtype, device=positions.device)
                    square = (difference + image @ cell).square().sum(dim=2)
                    near = square < cutoff * cutoff
                    if a == 0 and b == 0 and c == 0:
                        near = near & ~torch.eye(n_atoms, dtype=torch.bool, device=positions.device)
                    pairs = torch.nonzero(near)
                    target, source = pairs[:, 0], pairs[:, 1]
                    indices.append(torch.stack([source, target]))
                    shifts.append((image + home[target] - home[source]).to(torch.int64))
        return torch.cat(indices, dim=1), torch.cat(shifts, dim=0)


class ExportedModel(nn.Module):
    """A potential behind two calls: ``forward`` in OpenMM's form and units, ``forward_edges`` in Å and eV.

    :param potential: copied, its parameters frozen
    :param portable: standard torch operators alone; the potential must use the plain route
    :param structure: species index of each atom, for models of several species in OpenMM's form
    :param atoms: in OpenMM's form, the particles that these atoms are, in the order of ``structure``; all by default
    """

    def __init__(
        self,
        potential: Potential,
        portable: bool,
        structure: list[int] | None = None,
        atoms: list[int] | None = None,
    ) -> None:
        super().__init__()
        self.potential = copy.deepcopy(potential).eval().requires_grad_(False)
        self.neighbours = PlainNeighbours() if portable else CompiledNeighbours()
        self.cutoff = potential.cutoff
        self.n_species = len(potential.species)
        self.nm = NM_PER_ANGSTROM  # scripts see attributes, not the module's constants
        self.kj_per_mol = EV_IN_KJ_PER_MOL
        if structure is not None and structure and max(structure) >= self.n_species:
            raise TlmlpError("the structure has an element that the model does not know")
        self.register_buffer("structure", torch.tensor(structure or [], dtype=torch.int64))
        self.register_buffer("atoms", torch.tensor(atoms or [], dtype=torch.int64))

    @torch.jit.export
    def forward_edges(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Energy (eV), its derivative by each ``edge_vector`` (E, 3) in eV/Å, energies of the atoms (N,) in eV."""
        return self.potential.forward_edges(species, edge_index, edge_vector)

    @torch.jit.export
    def structure_species(self, n_atoms: int) -> Tensor:
        """Species of the atoms in OpenMM's form: those of the structure written in, else the only one there is."""
        if self.structure.shape[0] > 0:
            if self.structure.shape[0] != n_atoms:
                raise RuntimeError(
                    "this model was exported for a structure of "
                    + str(self.structure.shape[0])
                    + " atoms, got "
                    + str(n_atoms)
                )
            return self.structure
        if self.n_species > 1:
            raise RuntimeError(
                "this model has several species: export it with --structure FILE to name those of the atoms"
            )
        return torch.zeros([n_atoms], dtype=torch.int64, device=self.structure.device)

    def forward(
        self, positions: Tensor, box: Tensor | None = None, scale: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Energy and forces as OpenMM's TorchForce wants them.

        :param positions: (N, 3) nm
        :param box: (3, 3) nm, rows are the box vectors; None for open boundaries. A TorchForce without box passes its
            global parameter in this place, a scalar, which is taken as ``scale``
        :param scale: multiplies energy and forces; the energy can be differentiated by it
        :return: energy in kJ/mol (scalar float64), forces (N, 3) in kJ/mol/nm, contiguous, in the dtype of positions
        """
        if box is not None and box.dim() == 0:
            scale = box
            box = None
        every = positions.detach().to(torch.float64) / self.nm
        x = every
        if self.atoms.shape[0] > 0:
            x = every.index_select(0, self.atoms)
        cell = torch.zeros([3, 3], dtype=torch.float64, device=x.device)
        if box is not None:
            cell = box.detach().to(torch.float64) / self.nm
        edge_index, shifts = self.neighbours(x, cell, box is not None, self.cutoff)
        source, target = edge_index[0], edge_index[1]
        vector = x.index_select(0, source) - x.index_select(0, target) + shifts.to(torch.float64) @ cell
        species = self.structure_species(x.shape[0])
        energy, gradient, _ = self.potential.forward_edges(species, edge_index, vector)
        energy = energy * self.kj_per_mol
        forces = torch.zeros_like(x).index_add(0, target, gradient).index_add(0, source, -gradient)
        forces = forces * (self.kj_per_mol / self.nm)
        if scale is not None:
            # By numbers: the compiler of scripts may keep the graph of a detached tensor.
            energy = scale * float(energy)
            forces = forces * float(scale)
        if self.atoms.shape[0] > 0:
            forces = torch.zeros_like(every).index_copy(0, self.atoms, forces)
        return energy, forces.to(positions.dtype).contiguous()

"""Short-range repulsion of Ziegler, Biersack and Littmark (1985) as a term beside the network's, in eV and angstrom.

E(r) = q/r phi(r/a) + S(r) between two atoms, with q = Z_i Z_j e^2/(4 pi eps0), phi(x) = sum_k c_k exp(-d_k x) and
a = 0.4685 / (Z_i^0.23 + Z_j^0.23). S is constant below the radius ``inner``, and C + A/3 t^3 + B/4 t^4 with
t = r - inner up to ``outer``. There energy, first and second derivative become zero. This is the form of LAMMPS'
``pair_style zbl inner outer``, equations (10) to (12) of docs/background/theory.md. csrc/core/include/tlmlp/math/zbl.h is the same for the engine.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tlmlp.errors import TlmlpError

COULOMB = 14.399645478425667  # e^2/(4 pi eps0) in eV angstrom, CODATA 2018


class Zbl(nn.Module):
    """Energies of the atoms; no parameters, float64 throughout.

    :param atomic_numbers: of each species index
    :param inner: radius (angstrom) up to which the repulsion is bare but for a constant
    :param outer: radius (angstrom) where it ends
    :raises TlmlpError: unless 0 < inner < outer
    """

    def __init__(self, atomic_numbers: Sequence[int], inner: float, outer: float) -> None:
        super().__init__()
        if not 0.0 < inner < outer:
            raise TlmlpError(f"the radii of the ZBL repulsion must rise: 0 < inner < outer, got {inner} and {outer} Å")
        self.inner, self.outer = float(inner), float(outer)
        z = torch.tensor(list(atomic_numbers), dtype=torch.float64)
        charge = COULOMB * torch.outer(z, z)
        rate = (z.pow(0.23).unsqueeze(0) + z.pow(0.23).unsqueeze(1)) / 0.4685
        self.register_buffer("charge", charge, persistent=False)
        self.register_buffer("rate", rate, persistent=False)
        r = torch.full_like(charge, self.outer).requires_grad_(True)
        with torch.enable_grad():
            value = self.screened(charge, rate, r)
            (first,) = torch.autograd.grad(value.sum(), r, create_graph=True)
            (second,) = torch.autograd.grad(first.sum(), r)
        value, first = value.detach(), first.detach()
        t = self.outer - self.inner
        self.register_buffer("a", (-3.0 * first + t * second) / t**2, persistent=False)
        self.register_buffer("b", (2.0 * first - t * second) / t**3, persistent=False)
        self.register_buffer("c", -value + 0.5 * t * first - t**2 * second / 12.0, persistent=False)

    def _apply(self, fn, recurse=True):
        """Moves of the module; the tables keep float64."""
        tables = [self.charge, self.rate, self.a, self.b, self.c]
        super()._apply(fn, recurse)
        device = self.charge.device
        self.charge, self.rate, self.a, self.b, self.c = [table.to(device) for table in tables]
        return self

    def screened(self, charge: Tensor, rate: Tensor, r: Tensor) -> Tensor:
        """q/r phi(r/a) with ``rate`` = 1/a."""
        x = r * rate
        phi = (
            0.02817 * torch.exp(-0.20162 * x)
            + 0.28022 * torch.exp(-0.40290 * x)
            + 0.50986 * torch.exp(-0.94229 * x)
            + 0.18175 * torch.exp(-3.19980 * x)
        )
        return charge / r * phi

    def reaches(self, edge_vector: Tensor) -> bool:
        """Whether any of the edges (E, 3) in angstrom is short enough to have a repulsion."""
        return bool((edge_vector.detach().square().sum(dim=1) < self.outer * self.outer).any())

    def forward(self, species: Tensor, edge_index: Tensor, edge_vector: Tensor) -> Tensor:
        """(N,) float64 eV, differentiable by ``edge_vector`` (E, 3) in angstrom; each directed edge carries half of its
        pair's energy, given to its target."""
        near = torch.nonzero(edge_vector.detach().square().sum(dim=1) < self.outer * self.outer).squeeze(1)
        source, target = edge_index[0].index_select(0, near), edge_index[1].index_select(0, near)
        r = edge_vector.index_select(0, near).to(torch.float64).square().sum(dim=1).sqrt()
        i, j = species.index_select(0, target), species.index_select(0, source)
        t = (r - self.inner).clamp(min=0.0)
        switch = t * t * t * (self.a[i, j] / 3.0 + self.b[i, j] / 4.0 * t) + self.c[i, j]
        energy = self.screened(self.charge[i, j], self.rate[i, j], r) + switch
        zeros = torch.zeros(species.shape[0], dtype=torch.float64, device=energy.device)
        return zeros.index_add(0, target, 0.5 * energy)


def zbl_of(radii: Mapping[str, float] | None, atomic_numbers: Sequence[int], cutoff: float) -> Zbl | None:
    """The term with the radii ``inner`` and ``outer``, or None for None.

    :raises TlmlpError: when they do not rise, or reach beyond the cutoff
    """
    if radii is None:
        return None
    if radii["outer"] > cutoff:
        raise TlmlpError(f"the ZBL repulsion reaches to {radii['outer']:.4g} Å, beyond the cutoff of {cutoff:.4g} Å")
    return Zbl(atomic_numbers, radii["inner"], radii["outer"])

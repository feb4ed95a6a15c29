# Made by scripts/stub.py from the compiled module.
"""
The C++ core of tlmlp, numpy in and numpy out.
"""

from __future__ import annotations

import collections.abc
import typing

import numpy
import numpy.typing

__all__: list[str] = [
    "Engine",
    "NeighbourList",
    "Replicas",
    "built_with_cuda",
    "centre_sums",
    "cuda_devices",
    "edge_overlaps",
    "edge_sums",
    "envelope",
    "multiply_add_peak",
    "network_bounds",
    "network_formulas",
    "network_matrices",
    "network_parameters",
    "network_sizes",
    "radial_basis",
    "simd_levels",
    "spherical_bessel",
    "spherical_bessel_basis",
    "spherical_bessel_zeros",
    "spherical_harmonics",
    "time_kernels",
]

class NeighbourList:
    """
    All pairs below `cutoff` (Angstrom). The list is made for cutoff + skin and kept while no pair can have come within the cutoff; what find() returns does not depend on it, to the last bit.
    """
    def __init__(
        self,
        cutoff: typing.SupportsFloat | typing.SupportsIndex,
        skin: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ) -> None: ...
    def find(
        self, positions: typing.Any, cell: typing.Any, pbc: typing.Any
    ) -> tuple[numpy.typing.NDArray[numpy.float64], ...]:
        """
        Of positions (n, 3) in a cell (3, 3) with periodicity (3,): edge_index (2, E) with sources in row 0 and targets in row 1, vectors (E, 3) = r_j - r_i + S cell, and S (E, 3), in the order of target, source, S.
        """
    @property
    def builds(self) -> int:
        """
        How often a list was searched for.
        """
    @property
    def reuses(self) -> int:
        """
        How often the one at hand served.
        """

class Engine:
    """
    Energy, forces and virial of an exported model, without torch; eV and Angstrom. `precision` is 'single' or 'double', `level` an instruction level or '' for the best. With a `skin` (Angstrom) compute() keeps its neighbour list, cutoff + skin, while no pair can have come within the cutoff. `device` is 'cpu', 'cuda' or 'cuda:N' for a GPU; 'cuda-on-cpu' runs the GPU's kernels here.
    """
    @staticmethod
    def from_bytes(
        model: bytes,
        precision: str = "single",
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
        level: str = "",
        skin: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        device: str = "cpu",
    ) -> Engine:
        """
        The same from the bytes of such a file.
        """
    def __init__(
        self,
        path: typing.Any,
        precision: str = "single",
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
        level: str = "",
        skin: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        device: str = "cpu",
    ) -> None: ...
    def compute(
        self, species: typing.Any, positions: typing.Any, cell: typing.Any, pbc: typing.Any, forces: bool = True
    ) -> dict[str, typing.Any]:
        """
        Dictionary with `energy`, `atomic_energies` (n,), `forces` (n, 3), `virial` (3, 3) of atoms with species numbers (n,) at positions (n, 3) in a cell (3, 3) with periodicity (3,); and `closest_pair`, two indices and their distance, or None.
        """
    def compute_edges(
        self,
        species: typing.Any,
        edge_index: typing.Any,
        edge_vector: typing.Any,
        forces: bool = True,
        edge_gradients: bool = False,
    ) -> dict[str, typing.Any]:
        """
        The same from an edge list: edge_index (2, E) with sources in row 0 and targets in row 1, edge_vector (E, 3) = r_j - r_i + S cell; with `edge_gradients` also dE/dvector (E, 3).
        """
    def self_check(self) -> dict[str, typing.Any]:
        """
        Largest differences from the numbers stored in the model file: eV/atom, eV/Angstrom, eV.
        """
    def species_of(self, atomic_number: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    @property
    def atomic_numbers(self) -> list[int]: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def dtype(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def memory(self) -> int:
        """
        Bytes of work space held now.
        """
    @property
    def min_distance(self) -> float: ...
    @property
    def neighbour_builds(self) -> int:
        """
        How often compute() made its neighbour list.
        """
    @property
    def parameters(self) -> int: ...
    @property
    def precision(self) -> str: ...
    @property
    def species(self) -> list[str]: ...
    @property
    def threads(self) -> int:
        """
        From 1 to 1024. Always 1 in a process forked from one that computed with several.
        """
    @threads.setter
    def threads(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class Replicas:
    """
    Dynamics of many systems on one device; see tlmlp.cuda.Replicas.
    """
    def __init__(
        self,
        path: typing.Any,
        first_atoms: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        species: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        positions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        velocities: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        masses: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        cells: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        periodic: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        temperatures: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        seeds: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64],
        time_step: typing.SupportsFloat | typing.SupportsIndex,
        friction: typing.SupportsFloat | typing.SupportsIndex,
        precision: str,
        device: str,
    ) -> None: ...
    def run(self, steps: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def state(self) -> dict[str, typing.Any]: ...
    @property
    def edges(self) -> int: ...
    @property
    def lost(self) -> numpy.typing.NDArray[numpy.int64]: ...

def built_with_cuda() -> bool:
    """
    Whether this build can use NVIDIA GPUs.
    """

def centre_sums(
    harmonics: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    order: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    device: str = "cuda-on-cpu",
) -> numpy.typing.NDArray[numpy.float64]:
    """
    A[a,lm,c] = sum over the edges e of atom a, order[offsets[a]:offsets[a+1]], of Y[e,lm] U[e,l,c]. harmonics (edges, degrees^2), values (edges, degrees, channels); (atoms, degrees^2, channels), float64. The three contractions of the directional sum on a device: 'cuda', 'cuda:N', or its kernel on the CPU.
    """

def cuda_devices() -> int:
    """
    How many GPUs can be used now.
    """

def edge_overlaps(
    values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    centres: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    ends: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    device: str = "cuda-on-cpu",
) -> numpy.typing.NDArray[numpy.float64]:
    """
    G[e,lm] = sum over c of U[e,l,c] A[ends[e],lm,c]: (edges, degrees^2), float64.
    """

def edge_sums(
    harmonics: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    centres: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    ends: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    device: str = "cuda-on-cpu",
) -> numpy.typing.NDArray[numpy.float64]:
    """
    U[e,l,c] = sum over m of Y[e,lm] A[ends[e],lm,c]: (edges, degrees, channels), float64.
    """

def envelope(
    x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], p: typing.SupportsInt | typing.SupportsIndex
) -> tuple[numpy.typing.NDArray[numpy.float64], ...]:
    """
    u(x), u'(x), u''(x) of the smooth cutoff with exponent p, each of the shape of x; 0 for x >= 1.
    """

def multiply_add_peak(
    precision: str = "single",
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    seconds: typing.SupportsFloat | typing.SupportsIndex = 0.3,
) -> float:
    """
    GFLOP/s that this machine reaches with fused multiply-adds on registers (two operations each), summed over the threads.
    """

def network_bounds() -> dict[str, float]:
    """
    Largest cutoff, Angstrom, exclusive, and largest frequency.
    """

def network_formulas() -> dict[str, str]:
    """
    Names of the formulas, as model files state them.
    """

def network_matrices(sizes: dict[str, typing.Any]) -> list[typing.Any]:
    """
    Tuples (left, right, bias) of the matrices that evaluators take, in their order: factors (name, first column, number of columns or 0 for all, transposed) or None, and a name or None.
    """

def network_parameters(sizes: dict[str, typing.Any]) -> list[typing.Any]:
    """
    Tuples (name, shape, role) for a dictionary of sizes.
    """

def network_sizes() -> list[typing.Any]:
    """
    Tuples (name, smallest, largest, default, meaning).
    """

def radial_basis(
    distance: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    frequencies: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    cutoff: typing.SupportsFloat | typing.SupportsIndex,
    p: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.float64], ...]:
    """
    e_n = sqrt(2/c) sin(f_n d/c)/d u(d/c), de/dd, d2e/dd2 and de/df_n, each (distance..., n).
    """

def simd_levels() -> list[str]:
    """
    Instruction levels that this machine can run, best first.
    """

def spherical_bessel(
    l: typing.SupportsInt | typing.SupportsIndex, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]
) -> tuple[numpy.typing.NDArray[numpy.float64], ...]:
    """
    j_l(x) and its first two derivatives, each of the shape of x.
    """

def spherical_bessel_basis(
    distance: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    cutoff: typing.SupportsFloat | typing.SupportsIndex,
    p: typing.SupportsInt | typing.SupportsIndex,
    num_spherical: typing.SupportsInt | typing.SupportsIndex,
    num_radial: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.float64], ...]:
    """
    u(x) N_ln j_l(z_ln x), x = d/cutoff, index l num_radial + n - 1, with two derivatives in d.
    """

def spherical_bessel_zeros(
    num_spherical: typing.SupportsInt | typing.SupportsIndex, num_radial: typing.SupportsInt | typing.SupportsIndex
) -> tuple[numpy.typing.NDArray[numpy.float64], ...]:
    """
    Zeros z_ln of j_l and N_ln = sqrt(2)/|j_{l+1}(z_ln)|, both (num_spherical, num_radial).
    """

def spherical_harmonics(
    unit: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], lmax: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Real orthonormal Y_lm of unit vectors (n, 3), index l^2 + l + m: (n, (lmax+1)^2).
    """

def time_kernels(
    path: str,
    species: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    edge_index: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    edge_vector: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    precision: str = "single",
    device: str = "cuda",
    repeats: typing.SupportsInt | typing.SupportsIndex = 20,
) -> list[typing.Any]:
    """
    Mean seconds of an evaluation of edges that are on the device ('all') and of each of its launches, as (name, pass, seconds).
    """

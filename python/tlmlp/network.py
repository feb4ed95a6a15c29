"""The network as ``csrc/core/include/tlmlp/network.h`` describes it: sizes and their bounds, parameters, and the matrices
that the compiled evaluators multiply by. Needs no torch."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from tlmlp import _core


class Size(NamedTuple):
    """A whole number among the sizes."""

    name: str
    low: int
    high: int
    default: int
    meaning: str


class Parameter(NamedTuple):
    """A parameter of the model file; weights are (out, in)."""

    name: str
    shape: tuple[int, ...]
    #: frequencies, table (rows of species), basis, edge (a layer on messages), atom (on atoms), last
    role: str


class Factor(NamedTuple):
    """Columns of a parameter from ``first`` on, all where ``count`` is 0, perhaps transposed."""

    name: str
    first: int
    count: int  # type: ignore[assignment] # hides tuple.count
    transposed: bool


class Matrix(NamedTuple):
    """left, or left times right where there is a right one, plus a bias in each row where one is named."""

    left: Factor
    right: Factor | None
    bias: str | None


#: Names of the formulas, as model files state them.
ACTIVATION, ENVELOPE = (_core.network_formulas()[name] for name in ("activation", "envelope"))
SIZES = {size.name: size for size in (Size(*row) for row in _core.network_sizes())}
DEFAULT_SIZES = {name: size.default for name, size in SIZES.items()}
#: Å, exclusive.
MAX_CUTOFF = _core.network_bounds()["cutoff"]
#: Trained frequencies stay near those that the network starts with, pi n.
MAX_FREQUENCY = _core.network_bounds()["frequency"]


def parameters(sizes: Mapping[str, Any]) -> list[Parameter]:
    """All parameters of a network with these sizes; sizes that are not given have their defaults."""
    return [Parameter(*row) for row in _core.network_parameters(dict(sizes))]


def parameter_shapes(sizes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter."""
    return {parameter.name: parameter.shape for parameter in parameters(sizes)}


def matrices(sizes: Mapping[str, Any]) -> list[Matrix]:
    """The matrices of the compiled evaluators in their order."""
    return list(_matrices(tuple((name, sizes[name]) for name in SIZES if name in sizes)))


@lru_cache(maxsize=16)
def _matrices(sizes: tuple[tuple[str, int], ...]) -> tuple[Matrix, ...]:
    rows = _core.network_matrices(dict(sizes))
    return tuple(Matrix(Factor(*left), right and Factor(*right), bias) for left, right, bias in rows)


#: Letters of the sizes in documents; longer products first.
_LETTERS = {"N": "num_radial", "S": "n_species", "T": "atom_emb_size", "E": "embed_size", "B": "basis_emb_size"} | {
    "I": "int_emb_size",
    "O": "out_size",
}


def parameter_table() -> str:
    """The table of parameters in docs/reference/model-file.md: each name once, with its shape in letters."""
    primes = dict(zip(_LETTERS, (7, 11, 13, 17, 19, 23, 29), strict=True))
    sizes = {_LETTERS[letter]: prime for letter, prime in primes.items()} | {"num_spherical": 5, "n_blocks": 1}
    sizes |= {"n_residual_before": 1, "n_residual_after": 1, "n_dense_output": 1}
    letters = {prime: letter for letter, prime in primes.items()} | {1: "1", 5 * primes["N"]: "L·N"}
    letters[2 * primes["T"] + primes["E"]] = "2T + E"
    rows = ["| name | shape |", "|---|---|"]
    for parameter in parameters(sizes):
        if parameter.name.startswith("output.1."):
            continue
        parts = parameter.name.split(".")
        if parts[0] in ("interaction", "output"):
            parts[1] = "{b}"
        for k in range(2, len(parts)):
            if parts[k - 1] in ("before", "after", "dense") and parts[k].isdigit():
                parts[k] = "{k}"
        rows.append(f"| `{'.'.join(parts)}` | [{', '.join(letters[n] for n in parameter.shape)}] |")
    return "\n".join(rows)

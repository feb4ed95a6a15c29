"""Keys of ``tlmlp.json``, the description that every exported model carries; the schema in docs is made from here.

Needs neither torch nor trust: a header is checked before any number in it is used.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from tlmlp.errors import TlmlpError
from tlmlp.network import ACTIVATION, ENVELOPE, MAX_CUTOFF, SIZES

FORMAT = "tlmlp-model"
#: Readers accept every minor version of this major version.
FORMAT_VERSION = "1.1"
#: What files of format 1.0 mean, which do not name their formulas.
FORMULAS_OF_1_0 = {"activation": "swish", "envelope": "polynomial"}

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Vector = Annotated[list[Finite], Field(min_length=3, max_length=3)]
Matrix = Annotated[list[Vector], Field(min_length=3, max_length=3)]
Symbol = Annotated[str, Field(pattern="^[A-Z][a-z]{0,2}$")]
#: Larger golden systems, or more of them, are refused.
MAX_GOLDEN, MAX_GOLDEN_ATOMS, MAX_GOLDEN_DISTANCES = 16, 1000, 2e7


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())


if TYPE_CHECKING:

    class NetworkSizes(_Part):
        n_species: int
        cutoff: float
else:
    #: Files of format 1.0 do not name the formulas.
    NetworkSizes = create_model(
        "NetworkSizes",
        __base__=_Part,
        __doc__="The network: its type, its formulas and the fields of its configuration.",
        type=(Literal["DimeNetPP"], ...),
        activation=(Literal[ACTIVATION], Field(ACTIVATION, description="of the dense layers")),
        envelope=(
            Literal[ENVELOPE],
            Field(ENVELOPE, description="smooth cutoff; its parameter is `envelope_exponent`"),
        ),
        cutoff=(Annotated[float, Field(gt=0.0, lt=MAX_CUTOFF)], Field(description="radius of the neighbourhood, Å")),
        **{
            size.name: (Annotated[int, Field(ge=size.low, le=size.high, strict=True)], Field(description=size.meaning))
            for size in SIZES.values()
        },
    )


class Units(_Part):
    """Units of the numbers in the file and inside the network."""

    length: Literal["angstrom"]
    energy: Literal["eV"]
    network_length: Literal["nm"]
    network_energy: Literal["kJ/mol"]


class ZblRadii(_Part):
    """Short-range repulsion of Ziegler, Biersack and Littmark; brought to zero between two radii."""

    inner: Positive = Field(description="Å; bare but for a constant up to here")
    outer: Positive = Field(description="Å; zero from here on")


class Weights(_Part):
    """The file with the parameters."""

    file: Literal["weights.safetensors"]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    parameters: Annotated[int, Field(ge=0, strict=True)] = Field(description="count of numbers in it")


class Golden(_Part):
    """A structure with the numbers this model gives for it, computed in float64 with the plain route."""

    name: str
    species: Annotated[list[Annotated[int, Field(ge=0, strict=True)]], Field(max_length=MAX_GOLDEN_ATOMS)] = Field(
        description="index into `species`, per atom"
    )
    positions: list[Vector] = Field(description="Å")
    cell: Matrix = Field(description="rows are the lattice vectors, Å")
    pbc: Annotated[list[bool], Field(min_length=3, max_length=3)]
    energy: Finite = Field(description="eV, shift included")
    forces: list[Vector] = Field(description="eV/Å")
    virial: Matrix = Field(description="-dE/d(strain), eV")


class Header(_Part):
    """tlmlp.json of an exported model."""

    format: Literal["tlmlp-model"]
    format_version: Annotated[str, Field(pattern=r"^1\.[0-9]+$")]
    model: NetworkSizes
    species: Annotated[list[Symbol], Field(min_length=1)] = Field(description="chemical symbols, in embedding order")
    atomic_numbers: list[Annotated[int, Field(ge=1, le=118, strict=True)]]
    cutoff: Positive = Field(description="Å")
    units: Units
    dtype: Literal["float32", "float64"] = Field(description="of the parameters as trained")
    energy_shift: dict[str, Finite] = Field(description="eV per atom, added to the network's energy")
    min_distance: Positive | None = Field(description="smallest distance in the training data, Å")
    zbl: ZblRadii | None = Field(description="short-range repulsion beside the network; null for none")
    provenance: dict[str, Any] = Field(description="source model, element map, data hashes, versions, seed")
    weights: Weights
    golden: Annotated[list[Golden], Field(max_length=MAX_GOLDEN)]

    @model_validator(mode="after")
    def _counts_agree(self) -> "Header":
        n = len(self.species)
        if len(set(self.species)) != n:
            raise ValueError("`species` names an element twice")
        if not n == len(self.atomic_numbers) == self.model.n_species == len(self.energy_shift):
            raise ValueError("`species`, `atomic_numbers`, `energy_shift` and `model.n_species` differ in number")
        if set(self.species) != set(self.energy_shift):
            raise ValueError("`energy_shift` and `species` name different elements")
        if self.cutoff != self.model.cutoff:
            raise ValueError("`cutoff` and `model.cutoff` differ")
        if self.zbl is not None and not self.zbl.inner < self.zbl.outer <= self.cutoff:
            raise ValueError("the radii of `zbl` must rise: 0 < inner < outer <= cutoff")
        for system in self.golden:
            if not len(system.species) == len(system.positions) == len(system.forces):
                raise ValueError(f"golden system {system.name!r} has lists of different lengths")
            if any(index >= n for index in system.species):
                raise ValueError(f"golden system {system.name!r} has a species index out of range")
            _check_images(system, self.cutoff)
        return self


def describe_zbl(radii: Mapping[str, float] | None) -> str:
    """``none``, or for example ``ZBL, bare below 1.604 Å, ends at 1.887 Å``."""
    return "none" if radii is None else f"ZBL, bare below {radii['inner']:g} Å, ends at {radii['outer']:g} Å"


def _check_images(system: Golden, cutoff: float) -> None:
    """Refuse a periodic system without volume. Refuse a cell so thin, or atoms so far apart, that finding neighbours
    would mean more than twenty million distances."""
    if not any(system.pbc):
        return
    a, b, c = system.cell
    volume = abs(_dot(a, _cross(b, c)))
    if not (1e-6 < volume < math.inf):
        raise ValueError(f"golden system {system.name!r} is periodic and its cell has no volume")
    distances = float(len(system.species)) ** 2
    for periodic, normal in zip(system.pbc, (_cross(b, c), _cross(c, a), _cross(a, b)), strict=True):
        if periodic:
            heights = [_dot(position, normal) / volume for position in system.positions] or [0.0]
            reach = cutoff * math.sqrt(_dot(normal, normal)) / volume + max(heights) - min(heights)
            distances *= 2.0 * (math.ceil(reach) if math.isfinite(reach) else math.inf) + 1.0
    if not distances <= MAX_GOLDEN_DISTANCES:
        raise ValueError(
            f"the cell of golden system {system.name!r} is too thin, or its atoms lie too far apart, to be checked"
        )


def _cross(a: list[float], b: list[float]) -> list[float]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _dot(a: list[float], b: list[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def check_header(header: object) -> dict[str, Any]:
    """The header itself if it is one that this version can use.

    :raises TlmlpError: on another format, an unknown major version, or a missing or impossible value
    """
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise TlmlpError("its tlmlp.json does not describe a tlmlp model")
    version = header.get("format_version")
    major = FORMAT_VERSION.split(".")[0]
    if not isinstance(version, str) or version.split(".")[0] != major:
        raise TlmlpError(f"its format version is {version!r} and this tlmlp reads {major}.x; update tlmlp")
    model = header.get("model")
    named = model if isinstance(model, dict) else {}
    for key, known in (("activation", ACTIVATION), ("envelope", ENVELOPE)):
        name = named.get(key, FORMULAS_OF_1_0[key])
        if name != known:
            raise TlmlpError(
                f"its {key} is {str(name)[:60]!r} and this tlmlp computes with {known!r} alone; update tlmlp"
            )
    try:
        Header.model_validate(header)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "tlmlp.json"
        raise TlmlpError(f"its tlmlp.json is invalid at {where}: {' '.join(first['msg'].split())}") from None
    return header


def json_schema() -> dict[str, Any]:
    """JSON schema of ``tlmlp.json``, as docs/reference/model-file.schema.json has it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Header.model_json_schema()}

"""What best.pt, last.pt and checkpoints must hold, checked before any of it is used.

A run directory may come from somebody else, or from a disk that fails. A payload that does not fit is an error of one
line, never a traceback. Sizes are compared with bounds and with the tensors before a network is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from tlmlp.errors import TlmlpError
from tlmlp.export.header import NetworkSizes, Symbol, ZblRadii
from tlmlp.network import MAX_FREQUENCY, parameter_shapes
from tlmlp.train.optimise.losses import LossParts

Count = Annotated[int, Field(ge=0, le=10**12)]


def _plain(tensor: Tensor) -> Tensor:
    """A dense tensor on the CPU with every number in its own place, and finite."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or not tensor.is_contiguous():
        raise ValueError("expected dense tensors on the CPU")
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise ValueError("a tensor is larger than its numbers")
    if not tensor.dtype.is_floating_point or not bool(torch.isfinite(tensor).all()):
        raise ValueError("a tensor holds NaN, infinity or no real numbers")
    return tensor


Numbers = Annotated[Tensor, AfterValidator(_plain)]


class _Payload(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=(), arbitrary_types_allowed=True)


class ModelPayload(_Payload):
    """A potential: sizes, elements, short-range repulsion and parameters; see ``model_payload``."""

    config: dict[str, Any]
    species: Annotated[list[Symbol], Field(min_length=1)]
    zbl: ZblRadii | None
    state: dict[str, Numbers]

    @model_validator(mode="after")
    def _tensors_fit_the_sizes(self) -> ModelPayload:
        sizes = NetworkSizes.model_validate({"type": "DimeNetPP", **self.config}).model_dump()
        if len(self.species) != sizes["n_species"] or len(set(self.species)) != len(self.species):
            raise ValueError(f"{len(self.species)} species for a network of {sizes['n_species']}")
        if self.zbl is not None and not self.zbl.inner < self.zbl.outer <= sizes["cutoff"]:
            raise ValueError("the radii of `zbl` must rise: 0 < inner < outer <= cutoff")
        expected = {f"network.{name}": shape for name, shape in parameter_shapes(sizes).items()}
        expected["energy_shift"] = (sizes["n_species"],)
        for name in expected.keys() ^ self.state.keys():
            raise ValueError(f"{name[:60]!r} is {'missing' if name in expected else 'unknown'} among the parameters")
        dtype = self.state["network.frequencies"].dtype
        for name, shape in expected.items():
            tensor = self.state[name]
            if tuple(tensor.shape) != shape:
                raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, the sizes ask for {shape}")
            if tensor.dtype != (torch.float64 if name == "energy_shift" else dtype):
                raise ValueError(f"{name} is {tensor.dtype}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"the parameters are {dtype}")
        if float(self.state["network.frequencies"].abs().max()) > MAX_FREQUENCY:
            raise ValueError(f"its frequencies lie beyond {MAX_FREQUENCY:g}")
        return self

    def parameters(self) -> int:
        """Numbers of the network."""
        return sum(tensor.numel() for name, tensor in self.state.items() if name != "energy_shift")


class ModelOfUpdate(_Payload):
    """Where a model of a run comes from."""

    update: Count


class Provenance(_Payload):
    """What a resumed training compares with what it finds."""

    method: str
    data: dict[str, dict[str, Any]]
    threads: Count
    versions: dict[str, str]


class Metadata(_Payload):
    """What is known of a model beside its numbers."""

    model: ModelOfUpdate | None = None
    errors: dict[str, dict[str, float | None]] | None = None


class RunModel(ModelPayload):
    """Content of best.pt and last.pt."""

    metadata: Metadata


class Moments(_Payload):
    """State of the optimiser."""

    count: Count
    mean: Numbers
    square: Numbers


class Mean(_Payload):
    """State of the running mean of the parameters."""

    count: Count
    mean: Numbers


class Sum(_Payload):
    """State of the mean over the last updates."""

    count: Count
    sum: Numbers


class Stream(_Payload):
    """State of a sampler."""

    n: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    stream: Annotated[int, Field(ge=0)]
    drawn: Count


class BestModel(_Payload):
    """The best model so far."""

    model_config = ConfigDict(extra="forbid")

    update: Count
    score: float
    force_rmse: float | None
    payload: ModelPayload


class TrainingMetadata(Metadata):
    """Metadata of a checkpoint."""

    provenance: Provenance


class Checkpoint(_Payload):
    """Content of a checkpoint."""

    update: Count
    model: ModelPayload
    optimizer: Moments
    anchor: Numbers | None
    ema: Mean | None
    tail: Sum | None
    batches: Annotated[list[Stream], Field(min_length=1)]
    best: BestModel
    loss_sum: Annotated[list[float], Field(min_length=len(LossParts._fields), max_length=len(LossParts._fields))]
    loss_count: Count
    config: dict[str, Any]
    metadata: TrainingMetadata

    @model_validator(mode="after")
    def _vectors_fit_the_network(self) -> Checkpoint:
        n = self.model.parameters()
        vectors = {"optimizer.mean": self.optimizer.mean, "optimizer.square": self.optimizer.square}
        vectors |= {} if self.ema is None else {"ema.mean": self.ema.mean}
        vectors |= {} if self.tail is None else {"tail.sum": self.tail.sum}
        vectors |= {} if self.anchor is None else {"anchor": self.anchor}
        for name, vector in vectors.items():
            if tuple(vector.shape) != (n,):
                raise ValueError(f"{name} has the shape {tuple(vector.shape)}, the network has {n} parameters")
        training = self.config.get("training")
        updates = training.get("updates") if isinstance(training, Mapping) else None
        if type(updates) is not int or self.update > updates:
            raise ValueError(f"it is of update {self.update} of a training of {str(updates)[:20]}")
        return self


def check_payload(content: Mapping[str, Any], kind: type[_Payload], name: str) -> None:
    """Compare the content of the file ``name`` with what it must hold.

    :raises TlmlpError: with the first entry that does not fit
    """
    try:
        kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        what = " ".join(first["msg"].removeprefix("Value error, ").split())
        raise TlmlpError(f"{name}: not a file of this package: {f'`{where}`: ' if where else ''}{what}") from None

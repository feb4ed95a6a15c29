"""What evaluates a model file for a calculator: energies and derivatives by the edges of one structure."""

from typing import Any, Protocol

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.export.model_file import Model, engine_part

PRECISIONS = ("single", "double")


class Backend(Protocol):
    """Evaluates one model file."""

    #: Chemical symbols, in the order of the species index.
    species: list[str]
    #: Å.
    cutoff: float

    def compute(self, species: np.ndarray, edge_index: np.ndarray, edge_vector: np.ndarray) -> dict[str, Any]:
        """``energy`` (eV), ``edge_gradients``, its derivative by each edge vector (E, 3) in eV/Å, and
        ``atomic_energies`` (N,) in eV.

        :param species: (N,) int64
        :param edge_index: (2, E) int64, row 0 the source j, row 1 the target i
        :param edge_vector: (E, 3) float64, r_j - r_i + S.cell in Å
        """
        ...


class EngineBackend:
    """The compiled engine, without torch."""

    def __init__(self, model: Model, precision: str, threads: int = 1, device: str = "cpu") -> None:
        from tlmlp import _core

        content = engine_part(model)
        try:
            self._engine = _core.Engine.from_bytes(content, precision=precision, threads=threads, device=device)
        except RuntimeError as error:
            raise TlmlpError(str(error)) from None
        self.species = list(self._engine.species)
        self.cutoff = float(self._engine.cutoff)

    def compute(self, species: np.ndarray, edge_index: np.ndarray, edge_vector: np.ndarray) -> dict[str, Any]:
        """See :class:`Backend`."""
        try:
            result: dict[str, Any] = self._engine.compute_edges(species, edge_index, edge_vector, edge_gradients=True)
        except RuntimeError as error:
            raise TlmlpError(str(error)) from None
        return result


class TorchBackend:
    """The network in torch, from the description and parameters of the file; no code of the file is run.

    :param route: "ops" for the compiled operators, "plain" for standard torch operators
    """

    def __init__(self, model: Model, precision: str, route: str = "ops") -> None:
        import torch

        from tlmlp.export import load_potential

        self._torch = torch
        dtype = torch.float64 if precision == "double" else torch.float32
        self._potential = load_potential(model, route=route, dtype=dtype).requires_grad_(False)
        self.species = list(self._potential.species)
        self.cutoff = self._potential.cutoff

    def compute(self, species: np.ndarray, edge_index: np.ndarray, edge_vector: np.ndarray) -> dict[str, Any]:
        """See :class:`Backend`."""
        tensor = self._torch.from_numpy
        result = self._potential.evaluate(
            tensor(species), tensor(np.ascontiguousarray(edge_index)), tensor(np.ascontiguousarray(edge_vector))
        )
        return {name: value.to(self._torch.float64).numpy() for name, value in result.items()}


def open_backend(
    model: Model,
    backend: str = "engine",
    precision: str = "single",
    threads: int = 1,
    device: str = "cpu",
) -> Backend:
    """The backend called ``backend``: "engine", "torch", or "torch-plain" for standard operators alone.

    :param model: file of ``tlmlp export``, name of a model that comes with the package, or the bytes of a model
    :param threads: of the engine; torch has its own setting
    :param device: of the engine: "cpu", "cuda" or "cuda:N"
    :raises TlmlpError: on an unknown name or precision, or an unusable file
    """
    if precision not in PRECISIONS:
        raise TlmlpError(f"`precision` must be single or double, got {precision!r}")
    if backend == "engine":
        return EngineBackend(model, precision, threads, device)
    if device != "cpu":
        raise TlmlpError(f"only the engine runs on devices, got backend {backend!r} with device {device!r}")
    if backend == "torch":
        return TorchBackend(model, precision)
    if backend == "torch-plain":
        return TorchBackend(model, precision, route="plain")
    raise TlmlpError(f"`backend` must be engine, torch or torch-plain, got {backend!r}")

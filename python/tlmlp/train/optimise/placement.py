"""Where losses are evaluated: on the CPU by the potential itself, or on a GPU by a copy of it.

The parameters, the optimiser, the means and everything in a checkpoint stay on the CPU. So a training that began on a
GPU resumes without one, and the reverse. A step sends the parameters as one vector and takes their gradient back as
one.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor

from tlmlp.errors import TlmlpError
from tlmlp.models import EdgeGraph, Potential
from tlmlp.train.data.dataset import Graph


def find_device(name: str, route: str) -> torch.device | None:
    """The GPU that ``training.device`` names, or None for the CPU.

    :raises TlmlpError: when there is no such GPU, or the compiled operators were built without CUDA
    """
    if name == "cpu":
        return None
    device = torch.device(name)
    if not torch.cuda.is_available():
        raise TlmlpError(f"training.device is {name}, but torch {torch.__version__} finds no NVIDIA GPU; use cpu")
    if (device.index or 0) >= torch.cuda.device_count():
        raise TlmlpError(f"training.device is {name}, but there are {torch.cuda.device_count()} GPUs, from cuda:0 on")
    if route == "ops" and not torch.ops.tlmlp.built_with_cuda():
        raise TlmlpError(
            f"training.device is {name}, but the operators were built without CUDA: install with "
            "-C cmake.define.TLMLP_CUDA=ON, or set training.route to plain"
        )
    return device


class Placement:
    """``potential`` where its losses are evaluated: itself when ``device`` is None, else a copy on that device."""

    def __init__(self, potential: Potential, device: torch.device | None = None) -> None:
        self.potential, self.device = potential, device
        self.there = potential if device is None else copy.deepcopy(potential).to(device)
        #: Of what is evaluated; finding them anew for each update costs a few per cent of a small one.
        self.parameters = list(self.there.parameters())

    def current(self) -> Potential:
        """The potential that is evaluated, with the parameters and the shift of now."""
        if self.device is not None:
            vector = torch.cat([p.detach().reshape(-1) for p in self.potential.parameters()]).to(self.device)
            sizes = [p.numel() for p in self.potential.parameters()]
            with torch.no_grad():
                for parameter, part in zip(self.parameters, vector.split(sizes), strict=True):
                    parameter.copy_(part.view_as(parameter))
                self.there.energy_shift.copy_(self.potential.energy_shift)
        return self.there

    def place(self, graph: Graph) -> Graph:
        """``graph`` beside the potential that is evaluated."""
        if self.device is None:
            return graph
        tensors: dict[str, Any] = {
            field.name: value.to(self.device)
            for field in dataclasses.fields(graph)
            if isinstance(value := getattr(graph, field.name), Tensor)
        }
        edges = EdgeGraph(*(tensor.to(self.device) for tensor in graph.edge_graph))
        labels = {name: tensor.to(self.device) for name, tensor in graph.labels.items()}
        return dataclasses.replace(graph, edge_graph=edges, labels=labels, **tensors)

    def zero_grad(self) -> None:
        """Forget the gradients of what is evaluated."""
        for parameter in self.parameters:
            parameter.grad = None

    def collect(self) -> None:
        """Bring the gradients to the potential's own parameters."""
        if self.device is None:
            return
        found = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        vector = torch.cat([gradient.reshape(-1) for gradient in found]).cpu()
        for mine, part in zip(
            self.potential.parameters(), vector.split([p.numel() for p in self.parameters]), strict=True
        ):
            mine.grad = part.view_as(mine).clone()

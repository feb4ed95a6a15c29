"""MACE with random weights: 64 scalar channels, two layers, l up to 3, correlation 3; compiled by TorchScript."""

import numpy as np
import torch
from e3nn import o3
from e3nn.util import jit
from mace import modules
from measure import CUTOFF, System, measure


def prepare(systems: list[System], device: str) -> list:
    """The dictionaries of tensors that MACE takes, neighbours included."""
    made = []
    for system in systems:
        n = len(system.positions)
        made.append(
            {
                "positions": torch.from_numpy(system.positions).float(),
                "node_attrs": torch.ones(n, 1),
                "edge_index": torch.from_numpy(system.edge_index),
                "shifts": torch.from_numpy(-system.shift).float(),
                "unit_shifts": torch.from_numpy(-system.shift @ np.linalg.inv(system.cell)).float(),
                "cell": torch.from_numpy(system.cell).float(),
                "batch": torch.zeros(n, dtype=torch.int64),
                "ptr": torch.tensor([0, n]),
                "head": torch.zeros(1, dtype=torch.int64),
            }
        )
        made[-1] = {name: tensor.to(device) for name, tensor in made[-1].items()}
    return made


def build(systems: list[System], device: str):
    """Energy and forces of one prepared system."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32)
    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    model = modules.ScaleShiftMACE(
        r_max=CUTOFF,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=3,
        interaction_cls=block,
        interaction_cls_first=block,
        num_interactions=2,
        num_elements=1,
        hidden_irreps=o3.Irreps("64x0e"),
        MLP_irreps=o3.Irreps("16x0e"),
        atomic_energies=np.zeros(1),
        avg_num_neighbors=systems[0].edge_index.shape[1] / len(systems[0].positions),
        atomic_numbers=[14],
        correlation=3,
        gate=torch.nn.functional.silu,
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
    ).requires_grad_(False)
    script = jit.compile(model.eval()).to(device)

    def call(data: dict[str, torch.Tensor]) -> torch.Tensor:
        return script({**data, "positions": data["positions"].clone()})["forces"].cpu()

    return call


measure(prepare, build, "torch", "mace-torch", "e3nn")

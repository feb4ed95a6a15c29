"""One force-matching step, as the trainer does it."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tlmlp.bench.model import torch_dtype
from tlmlp.bench.systems import CUTOFF, silicon
from tlmlp.bench.timing import WARM_UP, median_ms, versions
from tlmlp.models import build_potential
from tlmlp.train.data.dataset import Graph, build_graph, collate
from tlmlp.train.optimise.placement import find_device
from tlmlp.train.optimise.step import TrainingStep

LEARNING_RATE = 1e-4


def bench_train(atoms: int, batch: int, threads: int, dtype: str, repeats: int, device: str = "cpu") -> dict[str, Any]:
    """Median time of one training step: forces of a batch, gradient of the loss by all parameters, Adam.

    Each step gets new structures; their neighbour lists (with the reverse of each edge) are cached, as in a training,
    and the batch is put together outside the timed call. The reference forces are random numbers: they do not change
    the work. ``device`` as ``training.device``: the copies to and from it are part of the step.
    """
    torch.set_num_threads(threads)
    potential = build_potential(["Si"], cutoff=CUTOFF, seed=0, dtype=torch_dtype(dtype))
    random = np.random.default_rng(0)
    frames = silicon(atoms)

    def graph() -> Graph:
        forces = torch.from_numpy(random.normal(size=(atoms, 3)))
        made = build_graph(potential, next(frames))
        return replace(made, labels={**made.labels, "forces": forces})

    batches = [collate([graph() for _ in range(batch)]) for _ in range(repeats + WARM_UP)]
    step = TrainingStep(potential, device=find_device(device, "ops"))
    median, times = median_ms(lambda graphs: step([graphs], LEARNING_RATE), batches)
    edges = round(sum(made.n_edges for made in batches) / len(batches))
    return {
        "benchmark": "train",
        "ms_per_step": round(median, 3),
        "ms_min": round(min(times), 3),
        "ms_max": round(max(times), 3),
        "atoms": atoms * batch,
        "structures": batch,
        "edges": edges,
        "cutoff_angstrom": CUTOFF,
        "threads": threads,
        "device": device,
        "dtype": dtype,
        "repeats": repeats,
        "versions": versions("torch"),
    }

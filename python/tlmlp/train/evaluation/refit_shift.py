"""``tlmlp shift``: another energy shift for an existing model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlmlp.console import console, table
from tlmlp.data import read_files
from tlmlp.data.energies import energy_warnings
from tlmlp.data.isolated import isolated_energies, isolated_mask
from tlmlp.errors import TlmlpError
from tlmlp.text import are, counted
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.evaluation.energy_shift import find_energy_shift, what_is_determined
from tlmlp.train.evaluation.predictions import predict, species_counts
from tlmlp.train.model.modelfile import open_model


def shift_model(
    model: Path,
    data: Sequence[Path],
    out: Path,
    *,
    mode: str = "least-squares",
    isolated: Mapping[str, float] | None = None,
    route: str = "ops",
    keys: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write ``model`` to ``out`` as an exported model with the energy shift that suits ``data``; returns the shifts
    before and after by element.

    :param mode: see :mod:`tlmlp.train.evaluation.energy_shift`
    :param isolated: energies of isolated atoms, for that mode; elements left out take those of frames of isolated atoms
    :param keys: arguments of ``read_files``
    :raises TlmlpError: when the model or the data cannot be read, or have no energies where the mode needs them
    """
    from tlmlp.export import export_model

    potential, metadata = open_model(model, route=route)
    frames = [frame for frames in read_files(data, **(keys or {})) for frame in frames]
    fitted = mode in ("least-squares", "mean")
    if fitted and all(frame.energy is None for frame in frames):
        raise TlmlpError(f"{', '.join(map(str, data)) or 'no data'}: the mode {mode} needs frames with energies")
    if mode == "isolated":
        isolated = {**isolated_energies(frames), **(isolated or {})}
    before = dict(zip(potential.species, potential.energy_shift.tolist(), strict=True))
    graphs = [build_graph(potential, frame) for frame in frames] if fitted else []
    counts = species_counts(graphs, len(potential.species)) if graphs else np.zeros((0, len(potential.species)))
    bound = ~isolated_mask(frames) & np.array([graph.n_edges > 0 for graph in graphs]) if graphs else np.zeros(0, bool)
    if fitted and not any(take and frame.energy is not None for frame, take in zip(frames, bound, strict=True)):
        raise TlmlpError(
            f"{', '.join(map(str, data))}: only isolated atoms have energies, and a shift is not fitted to those; use "
            "--mode isolated"
        )
    if fitted:
        for line in what_is_determined(mode, potential.species, counts, frames, bound):
            console.print(line)
        for warning in energy_warnings(frames):
            console.warn(f"{warning}")
        alone = int((~bound).sum())
        if alone:
            console.print(f"{counted(alone, 'frame')} without neighbours {are(alone)} left out of the fit")
    shift = find_energy_shift(
        mode,
        potential.species,
        counts,
        predict(potential, graphs, forces=False).energies if graphs else np.zeros(0),
        frames if fitted else [],
        isolated,
        bound=bound,
        before=potential.energy_shift.numpy(),
    )
    potential.energy_shift.copy_(torch.from_numpy(shift))
    after = dict(zip(potential.species, shift.tolist(), strict=True))
    about = {"mode": mode, "before": before, "files": [file.name for file in data], "frames": len(frames)}
    provenance = {**(metadata.get("provenance") or {}), "energy_shift": about}
    export_model(potential, out, {**metadata, "provenance": provenance})
    rows = [[symbol, f"{before[symbol]:.6f}", f"{after[symbol]:.6f}"] for symbol in potential.species]
    table(
        f"{out}: energy shift ({mode}, {counted(len(frames), 'frame')})",
        ["element", "before\neV/atom", "now\neV/atom"],
        rows,
    )
    return {"before": before, "after": after}

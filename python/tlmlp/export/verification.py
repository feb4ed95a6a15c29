"""Does a model file give the numbers that were written into it, by each way to evaluate it?"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from tlmlp.errors import TlmlpError
from tlmlp.export.golden import evaluate
from tlmlp.export.model_file import engine_part, read_header
from tlmlp.export.writer import load_archive, load_potential, operators_missing
from tlmlp.units import EV_IN_KJ_PER_MOL, NM_PER_ANGSTROM

#: (energy per atom in eV, force component in eV/Å, virial component per atom in eV); times the largest force where
#: that exceeds 1 eV/Å.
TOLERANCES = {torch.float64: (1e-8, 1e-7, 1e-7), torch.float32: (1e-4, 1e-3, 5e-3)}

#: From a golden system to ``energy``, ``forces`` and perhaps ``virial``.
Compute = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Comparison:
    """Largest differences from the golden numbers over all golden systems."""

    route: str
    dtype: str
    energy: float  #: eV per atom
    forces: float  #: eV/Å
    virial: float  #: eV per atom
    passed: bool


def verify(path: str | os.PathLike[str]) -> list[Comparison]:
    """Recompute the golden systems in both precisions through the archive (both calls), the potential and the engine.

    Runs the code inside the archive. The compiled operators and the engine are left out where they are not built.

    :raises TlmlpError: when the file is unusable
    """
    header = read_header(path)

    def evaluated_by(model: Any) -> Compute:
        return lambda system: evaluate(model, system, header["cutoff"])

    rows = []
    for dtype in (torch.float64, torch.float32):
        archive = load_archive(path, dtype)
        rows.append(_compare(header, "archive", dtype, evaluated_by(archive)))
        if len(header["species"]) == 1:
            rows.append(_compare(header, "archive, OpenMM form", dtype, partial(_openmm_form, archive)))
        for route in ("plain",) if operators_missing() else ("plain", "ops"):
            potential = load_potential(path, route=route, dtype=dtype)
            rows.append(_compare(header, f"potential, {route} route", dtype, evaluated_by(potential)))
        engine = _engine(path, dtype)
        if engine is not None:
            rows.append(_compare(header, "engine", dtype, engine))
    return rows


def _engine(path: str | os.PathLike[str], dtype: torch.dtype) -> Compute | None:
    try:
        from tlmlp._core import Engine
    except ImportError:
        return None
    try:
        engine = Engine.from_bytes(engine_part(path), precision="double" if dtype == torch.float64 else "single")
    except RuntimeError as error:
        raise TlmlpError(str(error)) from None
    return lambda s: engine.compute(s["species"], np.array(s["positions"]).reshape(-1, 3), s["cell"], s["pbc"])


def _openmm_form(archive: Any, system: dict[str, Any]) -> dict[str, Any]:
    positions = torch.tensor(system["positions"], dtype=torch.float64).reshape(-1, 3) * NM_PER_ANGSTROM
    box = torch.tensor(system["cell"], dtype=torch.float64) * NM_PER_ANGSTROM
    energy, forces = archive(positions, box) if any(system["pbc"]) else archive(positions)
    return {"energy": float(energy) / EV_IN_KJ_PER_MOL, "forces": forces.numpy() * NM_PER_ANGSTROM / EV_IN_KJ_PER_MOL}


def _compare(header: dict[str, Any], route: str, dtype: torch.dtype, compute: Compute) -> Comparison:
    worst = np.zeros(3)
    passed = True
    for system in header["golden"]:
        n = max(len(system["species"]), 1)
        forces = np.array(system["forces"]).reshape(-1, 3)
        scale = max(1.0, float(np.abs(forces).max(initial=0.0)))
        try:
            result = compute(system)
        except (RuntimeError, torch.jit.Error) as error:
            reason = str(error).strip().splitlines()[-1]
            raise TlmlpError(f"the golden system {system['name']!r} cannot be computed by {route}: {reason}") from None
        differences = np.array(
            [
                abs(result["energy"] - system["energy"]) / n,
                np.abs(result["forces"] - forces).max(initial=0.0),
                np.abs(np.array(result.get("virial", system["virial"])) - np.array(system["virial"])).max() / n,
            ]
        )
        passed = passed and bool((differences <= np.array(TOLERANCES[dtype]) * scale).all())
        worst = np.maximum(worst, differences)
    energy, forces_off, virial = map(float, worst)
    return Comparison(route, str(dtype).removeprefix("torch."), energy, forces_off, virial, passed)

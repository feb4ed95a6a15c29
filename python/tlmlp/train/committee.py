"""Several trainings of one config that differ in their seeds alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.train.config import Config, as_config
from tlmlp.train.loop.launch import RunResult, fit, print_error_rows


def fit_members(
    config: Config | Mapping[str, Any] | str | os.PathLike[str], out: str | os.PathLike[str], members: int
) -> list[RunResult]:
    """Train ``members`` models in OUT/member-0, OUT/member-1, ..., whose seeds of weights, order and noise are those of
    the config plus the member's number; then OUT/committee.json with the errors of each.

    Called again it continues where it was stopped; after an interruption the results so far are returned.

    :raises TlmlpError: as :func:`tlmlp.train.fit`, and for less than two members
    """
    if members < 2:
        raise TlmlpError(f"a committee has at least two members, got {members}")
    config = as_config(config)
    results: list[RunResult] = []
    for k in range(members):
        console.print(f"member {k + 1} of {members}")
        results.append(fit(_with_seeds(config, k), Path(out) / f"member-{k}"))
        if not results[-1].finished:
            return results
    atomic_write_json(
        Path(out) / "committee.json",
        {"members": [{"run": result.run.name, "errors": result.errors} for result in results]},
    )
    which = "validation" if config.data.validates else "training"
    frames = results[0].metadata["provenance"]["data"]["val" if which == "validation" else "train"]["frames"]
    print_error_rows(f"{out}: {which} errors", [(result.run.name, frames, result.errors[which]) for result in results])
    return results


def _with_seeds(config: Config, add: int) -> Config:
    seeds = {name: (getattr(config.training, name) or 0) + add for name in ("seed", "shuffle_seed", "noise_seed")}
    return config.model_copy(update={"training": config.training.model_copy(update=seeds)})

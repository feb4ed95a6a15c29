"""A checkpoint: one file that holds a moment of a run, the engine's own state, and how long the output files were."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms

from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_bytes
from tlmlp.md.region import free_atoms
from tlmlp.md.state import EngineState, State

NAME = "checkpoint.npz"


@dataclass(frozen=True)
class Checkpoint:
    """Read from the folder of a run."""

    step: int
    atoms: Atoms
    #: Bytes of each output file at that step.
    lengths: dict[str, int]
    engine: EngineState
    #: Wall time that the run has taken so far.
    seconds: float


def save_checkpoint(
    folder: Path,
    step: int,
    template: Atoms,
    state: State,
    lengths: dict[str, int],
    engine: EngineState,
    seconds: float,
) -> None:
    """Replace the checkpoint in ``folder``, which is either the old or the new one at any time."""
    arrays = {
        "step": np.array(step),
        "seconds": np.array(seconds),
        "numbers": template.numbers,
        **({"masses": template.get_masses()} if template.has("masses") else {}),
        "pbc": template.pbc,
        "free": free_atoms(template),
        "cell": state.cell,
        "positions": state.positions,
        "velocities": state.velocities,
        **{f"length/{name}": np.array(length) for name, length in lengths.items()},
        **{f"engine/{name}": value for name, value in engine.items()},
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    atomic_write_bytes(folder / NAME, content.getvalue())


def load_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in ``folder``.

    :raises TlmlpError: when there is none, or it cannot be read
    """
    path = folder / NAME
    if not path.is_file():
        raise TlmlpError(f"{folder} has no {NAME}: there is no run to go on with")
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        atoms = Atoms(
            numbers=arrays["numbers"],
            positions=arrays["positions"],
            cell=arrays["cell"],
            pbc=arrays["pbc"],
            masses=arrays.get("masses"),
        )
        if "free" in arrays and not arrays["free"].all():
            atoms.set_constraint(FixAtoms(mask=~arrays["free"]))
        atoms.set_velocities(arrays["velocities"] / units.fs)
        return Checkpoint(
            step=int(arrays["step"]),
            atoms=atoms,
            lengths=_part(arrays, "length", int),
            engine=_part(arrays, "engine"),
            seconds=float(arrays["seconds"]),
        )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TlmlpError(f"{path} cannot be read ({error}): start the run anew in another folder") from None


def _part(
    arrays: dict[str, np.ndarray], prefix: str, kind: Callable[[Any], Any] = lambda value: value
) -> dict[str, Any]:
    start = f"{prefix}/"
    return {name.removeprefix(start): kind(value) for name, value in arrays.items() if name.startswith(start)}

"""Checkpoints: everything a training needs to continue as if it had never stopped."""

from pathlib import Path
from typing import Any

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.train.model.modelfile import load_torch, save_torch
from tlmlp.train.model.payload import Checkpoint, check_payload

CHECKPOINT_FORMAT = "tlmlp-checkpoint/2"


def _files(run: Path) -> list[tuple[int, Path]]:
    found = [(int(path.stem), path) for path in (run / "checkpoints").glob("*.pt") if path.stem.isdigit()]
    return sorted(found, reverse=True)


def save_checkpoint(run: Path, state: dict[str, Any], keep: int) -> None:
    """Write ``state`` as RUN/checkpoints/UPDATE.pt, then drop all but the newest ``keep``."""
    save_torch(run / "checkpoints" / f"{state['update']:08d}.pt", {"format": CHECKPOINT_FORMAT, **state})
    for _, old in _files(run)[keep:]:
        old.unlink(missing_ok=True)


def newest_checkpoint(run: Path) -> dict[str, Any] | None:
    """The newest checkpoint that is whole; damaged ones are skipped with a word. None where there are none at all.

    :raises TlmlpError: when there are checkpoints and all are damaged
    """
    files = _files(run)
    for _, path in files:
        try:
            content = load_torch(path, CHECKPOINT_FORMAT)
            check_payload(content, Checkpoint, str(path))
            return content
        except TlmlpError as error:
            console.warn(f"{error}; trying the one before")
    if files:
        raise TlmlpError(f"{run}: all {len(files)} checkpoints are damaged; its best.pt may still be good")
    return None

"""Trajectories as arrays: LAMMPS dumps and extended XYZ by readers of this package, everything else by ASE."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tlmlp.analysis.trajectory_formats import RawFrame, ase_frames, dump_frames, extxyz_frames
from tlmlp.data.types import refuse_types
from tlmlp.errors import TlmlpError
from tlmlp.text import counted
from tlmlp.times import FRAME_TIMES, check_time


@dataclass(frozen=True)
class Trajectory:
    """Frames of the same n atoms; F frames."""

    source: str
    #: Chemical symbols (n,).
    symbols: list[str]
    #: (F, n, 3) Å, as in the file.
    positions: np.ndarray
    #: (F, 3, 3) Å, rows are the lattice vectors.
    cells: np.ndarray
    #: (F,) ps; None when the file does not say.
    times: np.ndarray | None
    #: Whether the file says that positions are not wrapped into the cell.
    unwrapped: bool
    #: What a reader of the results should know about the file.
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.positions)

    def after(self, skip_ps: float) -> Trajectory:
        """Without the first ``skip_ps`` ps.

        :raises TlmlpError: when the times are not known, or nothing is left
        """
        if skip_ps <= 0.0:
            return self
        if self.times is None:
            raise TlmlpError(
                f"{self.source} has no times to skip {skip_ps:g} ps by: give --frame-fs, the fs between frames"
            )
        keep = self.times - self.times[0] >= skip_ps * (1.0 - 1e-9)
        if not keep.any():
            raise TlmlpError(
                f"{self.source} has {counted(len(self), 'frame')} over {self.times[-1] - self.times[0]:g} ps: nothing is left after "
                f"the first {skip_ps:g} ps"
            )
        return replace(self, positions=self.positions[keep], cells=self.cells[keep], times=self.times[keep])

    def unwrapped_positions(self) -> np.ndarray:
        """(F, n, 3) Å, the paths without jumps across the cell.

        Positions that the file calls unwrapped, or that lie more than a cell outside of it, are taken as they are.
        Otherwise every atom is taken to have moved to its nearest image from one frame to the next. That is right as
        long as none moves by half a cell between frames. Positions that were never wrapped stay as they are.
        """
        fractional = self.positions @ np.linalg.inv(self.cells)
        if self.unwrapped or fractional.min() < -1.0 or fractional.max() > 2.0:
            return self.positions
        from ase.geometry import minkowski_reduce

        # In a skewed cell the nearest image is that by whole vectors of the reduced one.
        cells = minkowski_reduce(self.cells[0])[1] @ self.cells
        jumps = np.rint(np.diff(self.positions @ np.linalg.inv(cells), axis=0))
        if not jumps.any():
            return self.positions
        # Whole cell vectors are added to what the file has, so that no rounding piles up; they follow a changing cell.
        images = np.concatenate([np.zeros_like(fractional[:1]), -np.cumsum(jumps, axis=0)])
        return self.positions + images @ cells


def read_trajectory(
    path: str | os.PathLike[str],
    *,
    elements: Sequence[str] | None = None,
    frame_fs: float | None = None,
) -> Trajectory:
    """All frames of a file: text dumps of LAMMPS and extended XYZ (also ``.gz``) fast, all other formats by ``ase.io``.

    :param elements: chemical symbols of the types 1, 2, ... of a LAMMPS dump without the column ``element``
    :param frame_fs: time between frames, fs; else the file's own times (``time_ps`` of extended XYZ, ``ITEM: TIME`` of
        a dump)
    :raises TlmlpError: when the file is missing, damaged, empty or without a periodic cell, or atoms come or go
    """
    path = Path(path)
    if not path.is_file():
        raise TlmlpError(f"{path} does not exist: expected a trajectory")
    notes: list[str] = []
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", errors="replace") as stream:
            first, second = stream.readline(), stream.readline()
            stream.seek(0)
            if first.startswith("ITEM:"):
                frames = list(dump_frames(stream, elements, notes))
            else:
                refuse_types(elements, "", "--elements")
                plain = first.strip().isdigit() and "Properties=" in second
                frames = list(extxyz_frames(stream, notes) if plain else ase_frames(path))
    except TlmlpError as error:
        raise TlmlpError(f"{path}: {error}") from None
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        raise TlmlpError(f"{path} cannot be read as a trajectory: {' '.join(str(error).split())}") from None
    if not frames:
        raise TlmlpError(f"{path} holds no whole frame")
    return _join(path, frames, frame_fs, notes)


def _join(path: Path, frames: list[RawFrame], frame_fs: float | None, notes: list[str]) -> Trajectory:
    symbols = frames[0].symbols
    for number, frame in enumerate(frames):
        if len(frame.symbols) != len(symbols):
            raise TlmlpError(
                f"{path}: all frames must have the same atoms, but frame 0 has {len(symbols)} and frame {number} has "
                f"{len(frame.symbols)}"
            )
        if frame.symbols != symbols:
            raise TlmlpError(f"{path}: the elements of frame {number} are not those of frame 0")
    if not symbols:
        raise TlmlpError(f"{path} holds no atoms")
    positions, cells = np.array([f.positions for f in frames]), np.array([f.cell for f in frames])
    finite = np.isfinite(positions).all(axis=(1, 2)) & np.isfinite(cells).all(axis=(1, 2))
    if not finite.all():
        raise TlmlpError(
            f"{path}: positions and cell must be finite, frame {int(np.argmin(finite))} has NaN or infinity"
        )
    flat = np.abs(np.linalg.det(cells)) < 1e-6
    if flat.any():
        raise TlmlpError(f"{path}: frame {int(np.argmax(flat))} has no cell: densities need three lattice vectors")
    times = None
    if frame_fs is not None:
        try:
            check_time(frame_fs, FRAME_TIMES, "the time between frames")
        except ValueError as error:
            raise TlmlpError(f"{error}, got {frame_fs} fs") from None
        times = np.arange(len(frames)) * frame_fs * 1e-3
    elif all(frame.time is not None for frame in frames):
        times = np.array([frame.time for frame in frames])
        if (np.diff(times) <= 0.0).any():
            raise TlmlpError(
                f"{path}: times must rise, but frame {int(np.argmax(np.diff(times) <= 0.0)) + 1} is not later than the one "
                "before it"
            )
    return Trajectory(str(path), symbols, positions, cells, times, all(f.unwrapped for f in frames), notes)

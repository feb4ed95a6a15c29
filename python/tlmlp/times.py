"""Times of dynamics: the same bounds wherever dynamics is offered or read."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from tlmlp.errors import TlmlpError

#: fs; a step of atoms is about 1 fs, and never more than a fraction of a vibration.
TIME_STEPS = (1e-4, 20.0)
#: fs between frames of a trajectory.
FRAME_TIMES = (1e-4, 1e7)
#: Of one run: 10 microseconds in steps of 1 fs.
MOST_STEPS = 10**10


def check_time(fs: float, bounds: tuple[float, float] = TIME_STEPS, what: str = "a time step") -> float:
    """``fs`` where it lies within ``bounds``.

    :raises ValueError: in words, else
    """
    low, high = bounds
    if not low <= fs <= high:
        raise ValueError(f"{what} must be from {low:g} to {high:g} fs")
    return fs


TimeStep = Annotated[float, AfterValidator(check_time)]


def number_of_steps(ps: float, time_step: float) -> int:
    """Steps of ``time_step`` (fs) that make a run of ``ps``.

    :raises TlmlpError: for a time step out of range, a time that is negative or not finite, and more than MOST_STEPS
    """
    try:
        check_time(time_step)
    except ValueError as error:
        raise TlmlpError(f"timestep: {error}, got {time_step}") from None
    if not (np.isfinite(ps) and 0.0 <= ps * 1e3 / time_step <= MOST_STEPS):
        raise TlmlpError(f"a run has from 0 to {MOST_STEPS:,} steps, got {ps} ps in steps of {time_step:g} fs")
    return round(ps * 1e3 / time_step)

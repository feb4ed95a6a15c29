"""What defines a test of stability."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tlmlp.errors import TlmlpError
from tlmlp.md.settings import MDSettings, make_settings
from tlmlp.times import TimeStep, number_of_steps

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
#: Times the temperature of the thermostat, at which a run counts as exploded; more for a handful of atoms.
HOT = 5.0


class StabilitySettings(BaseModel):
    """The same for all replicas; saved with the results."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Anything that ASE reads; the last frame is where every replica starts.
    structure: Path
    #: K.
    temperature: Positive = 1200.0
    time_ps: Positive = 100.0
    timestep_fs: TimeStep = 0.5
    #: 1/ps, of the Langevin thermostat; 0 for constant energy.
    friction_per_ps: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 1.0
    #: Å, for all pairs of elements; None for :func:`~tlmlp.analysis.close_pairs.default_min_distance`.
    min_distance: Positive | None = None
    #: Time between two looks at a run.
    check_fs: Annotated[float, Field(gt=0.0, le=10.0)] = 10.0
    #: Time between the frames of a trajectory, rounded to whole looks; 0 for none.
    trajectory_fs: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 100.0
    #: K, above which a run has exploded; None for HOT times the temperature.
    max_temperature: Positive | None = None
    #: eV/atom, by which the potential energy may differ from that of the start.
    max_energy_change: Positive = 5.0
    precision: Literal["single", "double"] = "single"
    #: "cpu" for LAMMPS; "cuda", "cuda:N" or "cuda-on-cpu" for one batch of :class:`tlmlp.cuda.Replicas`.
    device: str = "cpu"

    @property
    def check_every(self) -> int:
        """Steps between two looks."""
        return max(1, int(self.check_fs / self.timestep_fs * (1.0 + 1e-9)))

    @property
    def steps(self) -> int:
        """Of a whole run: as many as make its time, in whole looks."""
        return (
            int(np.ceil(self.time_ps * 1e3 / (self.timestep_fs * self.check_every) * (1.0 - 1e-9))) * self.check_every
        )

    @property
    def trajectory_every(self) -> int:
        """Steps between frames of a trajectory, 0 for none."""
        looks = self.trajectory_fs / (self.timestep_fs * self.check_every)
        return max(1, round(looks)) * self.check_every if looks else 0

    def time(self, step: int) -> float:
        """ps."""
        return round(step * self.timestep_fs * 1e-3, 9)

    def hottest(self, n_atoms: int) -> float:
        """K, above which a run of ``n_atoms`` has exploded."""
        from scipy.special import chdtri

        if self.max_temperature is not None:
            return self.max_temperature
        # One look in 1e12 at an ideal gas of so few atoms is hotter than the second.
        freedom = 3 * n_atoms
        return self.temperature * max(HOT, float(chdtri(freedom, 1e-12)) / freedom)

    def of_run(self, model: Path, seed: int) -> MDSettings:
        """Settings of one replica; velocities and thermostat come from its seed."""
        thermostat: dict[str, Any] = {"ensemble": "nve"}
        if self.friction_per_ps > 0.0:
            thermostat = {"ensemble": "nvt", "thermostat_time": 1e3 / self.friction_per_ps}
        return make_settings(
            model=model,
            structure=self.structure,
            temperature=self.temperature,
            timestep=self.timestep_fs,
            seed=seed,
            precision=self.precision,
            **thermostat,
        )


def stability_settings(**values: Any) -> StabilitySettings:
    """Checked settings.

    :raises TlmlpError: naming the first wrong value
    """
    try:
        settings = StabilitySettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise TlmlpError(f"{'.'.join(map(str, first['loc']))}: {message}, got {first['input']!r}") from None
    number_of_steps(settings.time_ps, settings.timestep_fs)
    return settings

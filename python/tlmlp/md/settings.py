"""What defines a run."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path
from tlmlp.times import MOST_STEPS, TimeStep

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Every = Annotated[int, Field(ge=1)]


class MDSettings(BaseModel):
    """All that defines a run; saved with its results, and never changed by the machine it runs on.

    ``nvt`` and ``npt`` are Langevin dynamics in every engine, the latter with an isotropic barostat: LAMMPS' ``fix nph``,
    OpenMM's Monte Carlo barostat, the stochastic cell of ASE's ``LangevinBAOAB``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: File of ``tlmlp export``, or the name of a model that comes with the package.
    model: Path
    #: Anything that ``ase.io.read`` opens; the last frame counts.
    structure: Path
    engine: Literal["lammps", "openmm", "ase"] = "lammps"
    ensemble: Literal["nve", "nvt", "npt"] = "nve"
    #: K; of the thermostat and of new velocities.
    temperature: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 300.0
    #: GPa.
    pressure: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    #: fs.
    timestep: TimeStep = 1.0
    steps: Annotated[int, Field(ge=0, le=MOST_STEPS)] = 1000
    #: Of velocities and thermostat.
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    #: "new": drawn at ``temperature`` from ``seed``, without total momentum; "keep": those in the structure file.
    velocities: Literal["new", "keep"] = "new"
    #: Copies of the structure along its lattice vectors.
    repeat: tuple[Every, Every, Every] = (1, 1, 1)
    #: fs; inverse of the friction of the Langevin thermostat.
    thermostat_time: Positive = 100.0
    #: fs; of the barostats of LAMMPS and ASE.
    barostat_time: Positive = 1000.0
    #: Steps between rows of thermo.csv, frames of trajectory.extxyz, checkpoints.
    thermo_every: Every = 10
    trajectory_every: Every = 100
    checkpoint_every: Every = 1000
    precision: Literal["single", "double"] = "single"
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    #: Of OpenMM.
    platform: str = "CPU"
    #: Å; a pair that is closer at a row of thermo.csv ends the run.
    stop_below: Positive | None = None

    @field_validator("model")
    @classmethod
    def _resolve(cls, model: Path) -> Path:
        return model_path(model)

    @model_validator(mode="after")
    def _agree(self) -> "MDSettings":
        if self.ensemble != "nve" and self.temperature == 0.0:
            raise ValueError(f"{self.ensemble} needs a temperature above 0 K")
        return self


def make_settings(**values: Any) -> MDSettings:
    """Checked settings.

    :raises TlmlpError: naming the first wrong value
    """
    try:
        return MDSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        got = f", got {first['input']!r}" if where else ""
        raise TlmlpError(f"{where}: {message}{got}" if where else message) from None

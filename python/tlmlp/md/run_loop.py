"""The loop of a run: steps in the engine, and whatever is due written after them, the same for every engine."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms

from tlmlp.console import progress
from tlmlp.errors import TlmlpError
from tlmlp.md.checkpoint import save_checkpoint
from tlmlp.md.outputs import Outputs
from tlmlp.md.region import Watch, free_atoms
from tlmlp.md.settings import MDSettings
from tlmlp.md.simulation import Simulation
from tlmlp.md.state import thermo_row


@dataclass
class RunLoop:
    """A run at one of its steps."""

    settings: MDSettings
    out: Path
    #: Elements, masses and constraints of the atoms.
    template: Atoms
    simulation: Simulation
    outputs: Outputs
    watch: Watch
    step: int = 0
    #: Step of the newest checkpoint; None before the first one.
    safe: int | None = None
    #: Wall time before this process took over.
    earlier: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Wall time of the run up to now, that of its earlier parts up to their checkpoints included."""
        return self.earlier + time.monotonic() - self.started

    def go(self) -> None:
        """To the last step, or to where :class:`~tlmlp.md.region.Watch` stops the run.

        :raises TlmlpError: when the engine stops, the run diverges, or it is interrupted from the keyboard
        """
        try:
            if self.safe is None:
                self.write()
            with progress("md", self.settings.steps - self.step) as bar:
                while self.step < self.settings.steps and self.watch.stopped is None:
                    count = self._next_stop() - self.step
                    self.simulation.advance(count)
                    self.step += count
                    self.write()
                    bar.advance(count)
        except KeyboardInterrupt:
            raise TlmlpError(
                f"interrupted at step {self.step}: `tlmlp md --resume {self.out}` goes on from step {self.safe}"
            ) from None
        finally:
            self.outputs.close()

    def write(self) -> None:
        """What is due at this step; everything at the last one."""
        s, template = self.settings, self.template
        state = self.simulation.state()
        if not (np.isfinite(state.potential_energy) and np.isfinite(state.positions).all()):
            raise TlmlpError(f"the run diverged before step {self.step}: try a smaller time step")
        closest = None
        if self._due(s.thermo_every):
            closest = self.watch.look(self.step, self.step * s.timestep * 1e-3, state)
        free = free_atoms(template)
        row = thermo_row(self.step, s.timestep, s.ensemble, template.get_masses(), state, free, closest)
        if self._due(s.thermo_every):
            self.outputs.thermo(row)
        if self._due(s.trajectory_every):
            self.outputs.frame(self.step, self.step * s.timestep * 1e-3, state, template)
        if self._due(s.checkpoint_every):
            kept = self.simulation.checkpoint(self.step)
            save_checkpoint(self.out, self.step, template, state, self.outputs.lengths(), kept, self.seconds)
            self.safe = self.step

    def _due(self, period: int) -> bool:
        last = self.step == self.settings.steps or self.watch.stopped is not None
        return self.step % period == 0 or last

    def _next_stop(self) -> int:
        s = self.settings
        periods = (s.thermo_every, s.trajectory_every, s.checkpoint_every)
        return min(s.steps, *((self.step // period + 1) * period for period in periods))

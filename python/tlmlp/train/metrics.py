"""metrics.jsonl: one JSON object per validation."""

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text
from tlmlp.train.losses import LossParts
from tlmlp.train.sections import LossSection


def metrics_row(
    loss: LossSection,
    *,
    update: int,
    epoch: float,
    learning_rate: float,
    training: LossParts | None,
    validation: dict[str, float | None],
    seconds: float,
) -> dict[str, Any]:
    """One row: ``training`` are means since the row before, ``validation`` errors as in ``Comparison.errors``.

    Energies are compared about the shift that suits the validation frames; the shift proper is found when the training
    ends. Energies and stresses of the training frames appear where they are trained on.
    """
    row: dict[str, Any] = {"update": update, "epoch": round(epoch, 4), "learning_rate": learning_rate}
    row["train_loss"] = None if training is None else training.total
    for term, name, unit in (
        ("forces", "train_force_rmse_ev_per_ang", 1.0),
        ("energy", "train_energy_rmse_mev_per_atom", 1e3),
        ("stress", "train_stress_rmse_gpa", 1.0),
    ):
        if loss.uses(term):
            row[name] = None if training is None else math.sqrt(getattr(training, term)) * unit
    row["val_force_rmse_ev_per_ang"] = validation.get("force_rmse_ev_per_ang")
    row["val_force_mae_ev_per_ang"] = validation.get("force_mae_ev_per_ang")
    row["val_energy_rmse_mev_per_atom"] = validation.get("energy_rmse_mev_per_atom")
    if loss.uses("stress"):
        row["val_stress_rmse_gpa"] = validation.get("stress_rmse_gpa")
    row["seconds"] = round(seconds, 3)
    return row


class Metrics:
    """The log of one run; rows are appended whole and flushed.

    :param tensorboard: write the same numbers to RUN/tensorboard
    :param writes: False for a process that must leave the files alone
    :raises TlmlpError: when TensorBoard is asked for and not installed
    """

    def __init__(self, run: Path, tensorboard: bool = False, writes: bool = True) -> None:
        self.path = run / "metrics.jsonl"
        self.writes, self.tensorboard, self._writer = writes, tensorboard and writes, None
        if tensorboard and find_spec("tensorboard") is None:
            raise TlmlpError("training.tensorboard needs the package tensorboard: pip install tensorboard")

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows; a last one that was cut off by a kill is left out."""
        rows = []
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def rewind(self, update: int) -> list[dict[str, Any]]:
        """Forget what was logged after ``update``, which a resumed training logs again; returns the rows kept."""
        kept = [row for row in self.rows() if row["update"] <= update]
        if self.writes:
            atomic_write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.path.parent / "tensorboard"), purge_step=update + 1)
        return kept

    def append(self, row: dict[str, Any]) -> None:
        """Add one row."""
        if not self.writes:
            return
        with self.path.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        if self._writer is not None:
            for name, value in row.items():
                if name != "update" and value is not None:
                    self._writer.add_scalar(name, value, row["update"])

    def close(self) -> None:
        """Nothing more will be added."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

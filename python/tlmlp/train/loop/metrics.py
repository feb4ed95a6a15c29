"""metrics.jsonl: one JSON object per validation."""

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text
from tlmlp.train.config.sections import TERMS, LossSection
from tlmlp.train.evaluation.comparison import ERRORS
from tlmlp.train.optimise.losses import LossParts


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
    for term in filter(loss.uses, TERMS):
        error = ERRORS[term]
        row[f"train_{error.rmse}"] = None if training is None else math.sqrt(getattr(training, term)) * error.factor
    for term in TERMS:
        if term in ("forces", "energy") or loss.uses(term):
            row[f"val_{ERRORS[term].rmse}"] = validation.get(ERRORS[term].rmse)
        if term == "forces":
            row[f"val_{ERRORS[term].mae}"] = validation.get(ERRORS[term].mae)
    row["seconds"] = round(seconds, 3)
    return row


def _row(line: bytes) -> dict[str, Any] | None:
    """The row on a line; None where there is none: not JSON, or not numbers by name with those that every row has."""
    if len(line) > 10_000:
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not all(value is None or type(value) in (int, float) for value in row.values()):
        return None
    if type(row.get("update")) is not int or any(row.get(key) is None for key in ("seconds", "learning_rate")):
        return None
    return row


class Metrics:
    """The log of one run; rows are appended whole and flushed.

    :param tensorboard: write the same numbers to RUN/tensorboard
    :param writes: False for a process that must leave the files alone
    :raises TlmlpError: when TensorBoard is asked for and not installed
    """

    def __init__(self, run: Path, tensorboard: bool = False, writes: bool = True) -> None:
        self.path = run / "metrics.jsonl"
        self.writes, self.tensorboard = writes, tensorboard and writes
        self._writer: Any = None  # of a package that need not be installed
        if tensorboard and find_spec("tensorboard") is None:
            raise TlmlpError("training.tensorboard needs the package tensorboard: pip install tensorboard")

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows. A last line that a kill or a crash of the machine left incomplete is left out. A damaged line
        before whole ones is left out with a warning."""
        lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        parsed = [_row(line) for line in lines]
        rows = [row for row in parsed if row is not None]
        last = max((n for n, row in enumerate(parsed) if row is not None), default=0)
        damaged = [str(n + 1) for n in range(last) if parsed[n] is None]
        if damaged:
            console.warn(
                f"{self.path}: no rows of metrics on line{'s' * (len(damaged) > 1)} "
                f"{', '.join(damaged[:10])}{', ...' * (len(damaged) > 10)}; left out"
            )
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

"""metrics.jsonl: one JSON object per validation."""

import json
from pathlib import Path
from typing import Any

from tlmlp.files import atomic_write_text


class Metrics:
    """The log of one run; rows are appended whole and flushed."""

    def __init__(self, run: Path) -> None:
        self.path = run / "metrics.jsonl"

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
        atomic_write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        return kept

    def append(self, row: dict[str, Any]) -> None:
        """Add one row."""
        with self.path.open("a") as stream:
            stream.write(json.dumps(row) + "\n")

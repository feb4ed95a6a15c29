"""``tlmlp quickstart``: the whole path on a small scale."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def quickstart(
        out: Annotated[Path, typer.Option(help="Folder for everything that is made; an earlier run goes on.")],
        started: Annotated[float | None, typer.Option(hidden=True, help="Unix time that counts as the start.")] = None,
    ) -> None:
        """Silicon data, a silicon model, its transfer to germanium, molecular dynamics in LAMMPS, a report."""
        from tlmlp.studies.quickstart import quickstart as run

        run(out, started)

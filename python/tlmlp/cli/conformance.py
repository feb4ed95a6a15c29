"""``tlmlp conformance``: one model file through every host of this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tlmlp.cli.as_json import Json, print_json
from tlmlp.shipped import model_path

if TYPE_CHECKING:
    from tlmlp.testing.conformance.comparison import Row


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def conformance(
        model: Annotated[
            Path, typer.Argument(help="File of `tlmlp export`, or a name such as si-dft.", parser=model_path)
        ],
        systems: Annotated[Path | None, typer.Option(help="JSON list of systems instead of the built-in one.")] = None,
        threads: Annotated[int, typer.Option(help="Threads of the engine.", min=1)] = 1,
        json: Json = False,
    ) -> None:
        """Compare all hosts (LAMMPS, OpenMM, ASE, torch-sim, ...) with the oracle and with each other.

        Status 1 when one of them fails; hosts that are not installed are skipped with the reason.
        """
        from tlmlp.console import console
        from tlmlp.testing.conformance import compare
        from tlmlp.testing.conformance.systems import SYSTEMS

        rows = compare(
            model,
            systems=systems or SYSTEMS,
            threads=threads,
            on_row=lambda row: console.print(f"{row.route}: {row.verdict}"),
        )
        if json:
            print_json([dataclasses.asdict(row) for row in rows])
        else:
            show(rows)
        if any(row.verdict.startswith("failed") for row in rows):
            raise typer.Exit(1)


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    from tlmlp.console import table

    def numbers(values: tuple[float, float] | None) -> list[str]:
        return ["", ""] if values is None else [f"{value:.1e}" for value in values]

    table(
        "Largest differences: from the oracle, and from the first route of the same engine and precision",
        ["host, engine, precision", "systems", "eV/atom", "eV/Å", "hosts: eV/atom", "hosts: eV/Å", "verdict"],
        [
            [row.route, row.systems or "", *numbers(row.oracle), *numbers(row.hosts), row.verdict.split(":")[0]]
            for row in rows
        ],
    )

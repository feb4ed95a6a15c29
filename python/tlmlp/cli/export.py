"""``tlmlp export``, ``tlmlp info`` and ``tlmlp verify``: model files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from tlmlp.cli.as_json import Json, print_json
from tlmlp.shipped import model_path

if TYPE_CHECKING:
    from tlmlp.export.verification import Comparison

Model = Annotated[
    Path,
    typer.Argument(
        help="Exported model file, or the name of one that comes with the package.",
        metavar="MODEL",
        parser=model_path,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(export)
    app.command()(info)
    app.command()(verify)


def export(
    run: Annotated[Path, typer.Argument(help="Run directory, or a model file to export again.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--out", "-o", "--output", help="File to write, such as ge.pt.", show_default=False)
    ],
    which: Annotated[Literal["best", "last"], typer.Option(help="Best or last model of the run.")] = "best",
    portable: Annotated[bool, typer.Option("--portable", help="Standard torch operators alone; slower.")] = False,
    structure: Annotated[
        Path | None,
        typer.Option(help="Structure whose elements, in order, are written in: OpenMM's form for several species."),
    ] = None,
) -> None:
    """Write a trained model as one file for LAMMPS, OpenMM and ASE."""
    from tlmlp.console import console
    from tlmlp.export import export_model
    from tlmlp.train import open_model

    potential, metadata = open_model(run, which, route="plain")
    header = export_model(potential, output, metadata, portable, _symbols(structure))
    console.print(
        f"{output}: {', '.join(header['species'])}, cutoff {header['cutoff']:.4g} Å, "
        f"{header['weights']['parameters']} parameters, {output.stat().st_size / 1024:.0f} KiB; "
        f"check it with: tlmlp verify {output}"
    )


def _symbols(structure: Path | None) -> list[str] | None:
    if structure is None:
        return None
    from ase import Atoms
    from ase.io import read

    from tlmlp.errors import TlmlpError

    try:
        return cast(Atoms, read(structure)).get_chemical_symbols()
    except Exception as error:  # ase raises whatever the reader of the format raises
        raise TlmlpError(f"the structure {structure} cannot be read: {' '.join(str(error).split())}") from None


def info(model: Model, as_json: Json = False) -> None:
    """Describe a model file. Safe on files from anywhere: nothing in them is run."""
    from tlmlp.console import table
    from tlmlp.export import read_model_file
    from tlmlp.export.header import describe_zbl

    header, _ = read_model_file(model)
    if as_json:
        print_json(header)
        return
    sizes, weights = header["model"], header["weights"]
    rows = [
        ("format", f"{header['format']} {header['format_version']}"),
        ("network", f"{sizes['type']}, width {sizes['embed_size']}, {sizes['n_blocks']} blocks"),
        ("parameters", f"{weights['parameters']} ({header['dtype']})"),
        ("SHA-256 of the parameters", weights["sha256"]),
        ("species", ", ".join(header["species"])),
        ("cutoff", f"{header['cutoff']:g} Å"),
        ("energy shift", ", ".join(f"{name} {value:.6f} eV" for name, value in header["energy_shift"].items())),
        (
            "smallest training distance",
            "unknown" if header["min_distance"] is None else f"{header['min_distance']:.3f} Å",
        ),
        ("short-range repulsion", describe_zbl(header["zbl"])),
        ("golden systems", str(len(header["golden"]))),
    ]
    rows += [(f"provenance: {_short(key)}", _short(value)) for key, value in sorted(header["provenance"].items())]
    table(str(model), ["property", "value"], rows)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else text[:97] + "..."  # the table cleans the rest


def verify(model: Model, as_json: Json = False) -> None:
    """Recompute the numbers stored in a model file; status 1 when they differ. Runs the code inside the file."""
    from tlmlp.export import verify as compare

    rows = compare(model)
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
    else:
        _show_comparison(model, rows)
    if not all(row.passed for row in rows):
        raise typer.Exit(1)


def _show_comparison(model: Path, rows: Sequence[Comparison]) -> None:
    from tlmlp.console import table

    table(
        f"{model} against its golden numbers",
        ["evaluated by", "precision", "energy (eV/atom)", "forces (eV/Å)", "virial (eV/atom)", "verdict"],
        [
            (
                r.route,
                r.dtype,
                f"{r.energy:.1e}",
                f"{r.forces:.1e}",
                f"{r.virial:.1e}",
                "same" if r.passed else "DIFFERENT",
            )
            for r in rows
        ],
    )

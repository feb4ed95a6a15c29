"""The command ``tlmlp``. Heavy imports happen inside the commands, so that ``tlmlp --help`` is quick."""

import sys
from typing import Annotated

import typer

from tlmlp.cli import (
    bench,
    conformance,
    data,
    doctor,
    export,
    lammps,
    md,
    openmm,
    ops,
    phonons,
    properties,
    quickstart,
    short_range,
    stability,
    structure,
    study,
    train,
)
from tlmlp.errors import TlmlpError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(study.app, name="study")
train.register(app)
export.register(app)
conformance.register(app)
md.register(app)
stability.register(app)
phonons.register(app)
properties.register(app)
structure.register(app)
lammps.register(app)
bench.register(app)
openmm.register(app)
ops.register(app)
short_range.register(app)
doctor.register(app)
quickstart.register(app)


def _print_version(asked: bool) -> None:
    if asked:
        import tlmlp

        print(tlmlp.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Train machine-learned potentials, transfer them between chemical elements, and run them in LAMMPS, OpenMM and
    ASE."""


def main() -> None:
    """Entry point: a :class:`TlmlpError`, and what the system refuses (disk full, no permission), become one line and
    exit status 2; warnings are one line each."""
    from tlmlp.console import plain_warnings

    try:
        with plain_warnings():
            app()
    except TlmlpError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)

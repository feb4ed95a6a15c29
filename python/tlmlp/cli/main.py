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
    schema,
    short_range,
    stability,
    structure,
    study,
    train,
)
from tlmlp.errors import TlmlpError
from tlmlp.text import one_line

# Help as plain text: rich takes as long to import as all the rest of `tlmlp --help`.
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
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
schema.register(app)
quickstart.register(app)


def _print_version(asked: bool) -> None:
    if asked:
        import tlmlp

        print(tlmlp.__version__)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error came from.")] = False,
) -> None:
    """Train machine-learned potentials, transfer them between chemical elements, and run them in LAMMPS, OpenMM and
    ASE."""
    global _debug
    _debug = debug


#: Whether errors keep their traceback.
_debug = False

#: Exit statuses beside 0 and the 1 of a command whose answer is "no"; docs/reference/command-line.md lists them.
BAD_INPUT, DEFECT = 2, 70


def main() -> None:
    """Entry point: an error is one line and a status, warnings are one line each; ``--debug`` keeps the traceback.

    A :class:`TlmlpError`, what the system refuses (disk full, no permission) and a missing package give status 2;
    anything else is a defect of this package and gives 70.
    """
    from tlmlp.warning_lines import plain_warnings

    try:
        with plain_warnings():
            app()
    except Exception as error:
        if _debug:
            raise
        status, text = _status_and_line(error)
        print(f"error: {text}", file=sys.stderr)
        sys.exit(status)


def _status_and_line(error: Exception) -> tuple[int, str]:
    if isinstance(error, TlmlpError):
        return BAD_INPUT, str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return BAD_INPUT, f"{where}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return BAD_INPUT, "the memory does not suffice"
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        from tlmlp.extras import extra_of

        package = error.name.split(".")[0]
        extra = extra_of(package)
        if extra is not None:
            return BAD_INPUT, f"this needs {package}, which is not installed: pip install 'tlmlp[{extra}]'"
    what = one_line(" ".join(f"{type(error).__name__}: {error}".split()))
    return DEFECT, f"{what}. This is a defect of tlmlp; `tlmlp --debug ...` shows where it is"

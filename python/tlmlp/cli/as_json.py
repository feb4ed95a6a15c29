"""Results for scripts: one JSON value on standard output in place of the tables."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

#: The option of every command that prints tables.
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, on one line, in place of tables.")]

#: In place of a file: print.
STANDARD_OUTPUT = Path("-")


def print_json(value: Any) -> None:
    """Print ``value`` on one line; NaN and infinity, which JSON does not have, are refused."""
    print(json.dumps(value, allow_nan=False))


def write_json(file: Path, value: Any) -> None:
    """Write ``value`` to ``file``, or print it where that is ``-``."""
    from tlmlp.files import atomic_write_json

    if file == STANDARD_OUTPUT:
        print_json(value)
    else:
        atomic_write_json(file, value)

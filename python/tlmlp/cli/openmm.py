"""``tlmlp openmm``: the native force for OpenMM."""

import typer

from tlmlp.cli.as_json import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command group to ``app``."""
    group = typer.Typer(help="The native force for OpenMM.", no_args_is_help=True)
    app.add_typer(group, name="openmm")

    @group.command()
    def build() -> None:
        """Compile the native force for the OpenMM that is installed, from the sources shipped with the package."""
        from tlmlp.openmm.build import build_openmm

        print(build_openmm())

    @group.command()
    def check(json: Json = False) -> None:
        """Say which ways to run a model in OpenMM work here, and why the others do not."""
        from tlmlp.console import table
        from tlmlp.openmm import available_routes

        routes = available_routes()
        if json:
            print_json(
                [{"force": f"{route}_force", "works": why is None, "why_not": why} for route, why in routes.items()]
            )
            return
        rows = [(f"{route}_force", "ok" if why is None else "no", why or "") for route, why in routes.items()]
        table("tlmlp openmm check", ["force", "works", "why not"], rows)

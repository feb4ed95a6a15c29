"""``tlmlp ops``: the compiled torch operators."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command group to ``app``."""
    group = typer.Typer(help="The compiled torch operators.", no_args_is_help=True)
    app.add_typer(group, name="ops")

    @group.command()
    def build() -> None:
        """Compile the operators for the torch that is installed, from the sources shipped with the package."""
        from tlmlp.ops import build_ops

        print(build_ops())

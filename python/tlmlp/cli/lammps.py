"""``tlmlp lammps``: where the plugin is, and whether LAMMPS takes it."""

from typing import Annotated

import typer

app = typer.Typer(help="The LAMMPS plugin (pair_style tlmlp).", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the group ``lammps`` to the command ``tlmlp``."""
    parent.add_typer(app, name="lammps")


@app.command("plugin-dir")
def plugin_dir(torch: Annotated[bool, typer.Option("--torch", help="that of pair_style tlmlp/torch")] = False) -> None:
    """Print the folder of the plugin, to be put on LAMMPS_PLUGIN_PATH of a LAMMPS that does not ask by itself."""
    from tlmlp.lammps.locate import plugin_dir as folder

    print(folder(torch))


@app.command()
def doctor() -> None:
    """Start LAMMPS with the plugin and say whether pair_style tlmlp is there."""
    from tlmlp.lammps import check_plugin

    print(check_plugin())

"""``tlmlp lammps``: where the plugin is, and whether LAMMPS takes it."""

from typing import Annotated

import typer

from tlmlp.cli.as_json import Json, print_json

app = typer.Typer(help="The LAMMPS plugin (pair_style tlmlp).", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the group ``lammps`` to the command ``tlmlp``."""
    parent.add_typer(app, name="lammps")


@app.command("plugin-dir")
def plugin_dir(torch: Annotated[bool, typer.Option("--torch", help="That of pair_style tlmlp/torch.")] = False) -> None:
    """Print the folder of the plugin, to be put on LAMMPS_PLUGIN_PATH of a LAMMPS that does not ask by itself."""
    from tlmlp.lammps.locate import plugin_dir as folder

    print(folder(torch))


@app.command()
def doctor(json: Json = False) -> None:
    """Start LAMMPS with the plugin, on one rank and on two; say what is found, and what to do where something is not."""
    from tlmlp.lammps.check import diagnose

    rows = diagnose()
    if json:
        print_json([{"part": part, "details": text, "works": well} for part, text, well in rows])
    else:
        for part, text, well in rows:
            print(f"{'ok ' if well else 'NO '} {part}: {text}")
    if not all(well for _, _, well in rows):
        raise typer.Exit(1)

"""``tlmlp dimer`` and ``tlmlp wall``: what a model says of atoms that come too close, and what helps."""

from pathlib import Path
from typing import Annotated

import typer

from tlmlp.cli.as_json import Json, print_json
from tlmlp.shipped import model_path

Model = Annotated[
    Path,
    typer.Argument(
        help="File of `tlmlp export`, or a name such as si-dft.",
        metavar="MODEL",
        parser=model_path,
        show_default=False,
    ),
]
AnyModel = Annotated[
    Path,
    typer.Argument(
        help="Run directory, exported model, or a name such as si-dft.",
        metavar="MODEL",
        parser=model_path,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""

    @app.command()
    def dimer(
        model: Model,
        out: Annotated[
            Path | None,
            typer.Option(help="Stem of the figure (PNG, SVG) and its numbers (CSV).", show_default="short-range"),
        ] = None,
        structure: Annotated[
            Path | None,
            typer.Option(help="Crystal to press, anything ASE reads.", show_default="the elements' own"),
        ] = None,
        json: Json = False,
    ) -> None:
        """Energies at short distance: dimers, compressed crystals, a pressed bond, for each pair of elements.

        Status 1 when an energy falls where it should rise, below 0.8 of the bond.
        """
        from tlmlp.analysis.short_range import SHARE_OF_BOND, SMALLEST, SMALLEST_SCALE, draw, short_range
        from tlmlp.console import console, table
        from tlmlp.export.header import describe_zbl

        check = short_range(model, structure)
        if json:
            draw(check, out or Path("short-range"))
            print_json(check.summary())
            raise typer.Exit(bool(check.problems()))
        smallest = "unknown" if check.min_distance is None else f"{check.min_distance:.3f} Å"
        console.print(f"smallest training distance {smallest}; short-range repulsion: {describe_zbl(check.zbl)}")
        table(
            f"{check.model} at short distance",
            [
                "pair",
                "crystal",
                "bond\nÅ",
                "dimer\nat 0.3 Å, eV",
                f"crystal at {SMALLEST_SCALE:g}\nof its bond, eV/atom",
                "pressed bond\nat 0.3 Å, eV",
            ],
            [
                [
                    "-".join(pair.elements),
                    pair.structure,
                    f"{pair.bond:.3f}" if pair.stable else f"{pair.bond:.3f} (no minimum)",
                    *(f"{curve.energy[0]:.2f}" for curve in pair.curves),
                ]
                for pair in check.pairs
            ],
        )
        console.print(f"written: {', '.join(map(str, draw(check, out or Path('short-range'))))}")
        problems = check.problems()
        for problem in problems:
            console.marked("red", "failed:", problem)
        if problems:
            console.print("a repulsion may help: tlmlp wall MODEL --out NEW.pt")
            raise typer.Exit(1)
        console.print(
            f"passed: no minimum below {SHARE_OF_BOND:g} of the bond; the energy rises down to {SMALLEST:g} Å between two "
            f"atoms, and down to {SMALLEST_SCALE:g} of the bond in a crystal"
        )

    @app.command()
    def wall(
        model: AnyModel,
        out: Annotated[Path, typer.Option(help="The exported model to write.", metavar="NEW.pt", show_default=False)],
        data: Annotated[
            list[Path] | None, typer.Argument(help="Files of its training frames, for the radii.", show_default=False)
        ] = None,
        inner: Annotated[float | None, typer.Option(help="Å; the repulsion is bare below.")] = None,
        outer: Annotated[float | None, typer.Option(help="Å; the repulsion begins.")] = None,
        remove: Annotated[bool, typer.Option("--remove", help="Take the repulsion away.")] = False,
    ) -> None:
        """Give a model the ZBL repulsion at short distance, by default below all that it was trained on."""
        from tlmlp.errors import TlmlpError
        from tlmlp.train.model.wall import add_wall

        if (inner is None) != (outer is None):
            raise TlmlpError("--inner and --outer go together: the repulsion begins at one and is bare below the other")
        radii = None if inner is None or outer is None else {"inner": inner, "outer": outer}
        add_wall(model, out, radii=radii, remove=remove, data=data or ())

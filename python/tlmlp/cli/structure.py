"""``tlmlp structure``: distances, angles, neighbours and diffusion in trajectories."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tlmlp.cli.as_json import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def structure(
        trajectories: Annotated[
            list[Path], typer.Argument(help="LAMMPS dumps, extended XYZ, or anything that ASE reads.")
        ],
        cutoff: Annotated[
            float | None, typer.Option(help="Å, of bonds; by default the first minimum of g(r).", show_default=False)
        ] = None,
        skip_ps: Annotated[float, typer.Option(help="Left out at the beginning of each trajectory, ps.")] = 0.0,
        r_max: Annotated[float, typer.Option(help="Å, up to which g(r) goes.")] = 6.0,
        group: Annotated[
            list[str],
            typer.Option(
                help="NAME=PATTERN: trajectories whose path fits the pattern are of this group (a model, a temperature); "
                "may be given again. By default a group is a folder.",
                metavar="TEXT",
            ),
        ] = [],  # noqa: B006
        experiment: Annotated[
            Path | None, typer.Option(help="CSV of r (Å) and g(r), drawn under the mean.", show_default=False)
        ] = None,
        elements: Annotated[
            str | None, typer.Option(help="Symbols of the types 1, 2, ... of a LAMMPS dump, such as Si,Ge.")
        ] = None,
        frame_fs: Annotated[
            float | None, typer.Option(help="fs between frames, for files without times.", show_default=False)
        ] = None,
        keep_drift: Annotated[
            bool, typer.Option("--keep-drift", help="Count the motion of the centre of mass as displacement.")
        ] = False,
        out: Annotated[Path, typer.Option(help="Folder for tables, figure and summary.json.")] = Path("structure-out"),
        json: Json = False,
    ) -> None:
        """g(r), angles between bonds, coordination numbers, mean-square displacement and diffusion coefficient."""
        from tlmlp.analysis.structure import analyse
        from tlmlp.analysis.structure_inputs import group_names, read_experiment
        from tlmlp.analysis.structure_output import write_structure
        from tlmlp.files import check_out

        check_out(out)
        curve = None if experiment is None else read_experiment(experiment)
        found = analyse(
            trajectories,
            groups=group_names(trajectories, group),
            cutoff=cutoff,
            skip_ps=skip_ps,
            r_max=r_max,
            keep_drift=keep_drift,
            elements=None if elements is None else [word.strip() for word in elements.split(",")],
            frame_fs=frame_fs,
        )
        record = write_structure(found, out, curve)
        if json:
            print_json(record)
        else:
            _show(record, out)


def _show(record: dict[str, Any], out: Path) -> None:
    from tlmlp.console import console, table

    for note in record["notes"]:
        console.note(f"{note}")
    used = record["trajectories"]
    groups = len({one["group"] for one in used})
    rows = [
        ["trajectories (groups)", f"{len(used)} ({groups})"],
        ["frames", sum(one["frames"] for one in used)],
        [f"bond cutoff (Å), {record['bond_cutoff_from']}", f"{record['bond_cutoff_angstrom']:.2f}"],
        ["mean number of neighbours", f"{record['mean_coordination']:.3f}"],
        ["highest g(r), at r (Å)", f"{record['rdf_highest']['g']:.3f}, {record['rdf_highest']['r_angstrom']:.2f}"],
        ["most frequent angle (degrees)", f"{record['adf_highest']['angle_degrees']:.1f}"],
    ]
    if "diffusion_coefficient" in record:
        d = record["diffusion_coefficient"]
        value, error = d["ang2_per_ps"], d["standard_error_ang2_per_ps"]
        rows.append([f"diffusion coefficient (Å²/ps), error over {d['error_over']}", f"{value:.3g} ± {error:.1g}"])
    else:
        console.print(f"no diffusion coefficient: {record['no_diffusion_coefficient']}")
    if "mean_difference_from_experiment" in record:
        d = record["mean_difference_from_experiment"]
        where = f"{d['from_angstrom']:.2f} to {d['to_angstrom']:.2f} Å"
        rows.append([f"mean |g - experiment|, {where}", f"{d['g']:.3f}"])
    table("structure", ["quantity", "value"], rows)
    console.print(f"tables, structure.png and structure.svg, summary.json in {out}")

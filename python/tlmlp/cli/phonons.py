"""``tlmlp phonons``: phonons of a crystal by one model or several, beside a reference."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tlmlp.cli.as_json import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def phonons(
        models: Annotated[
            list[str],
            typer.Argument(
                metavar="MODEL... [STRUCTURE]",
                help="Exported models (or names such as si-dft) or LAMMPS .sw files, then a crystal that ASE reads; "
                "left out: that of the model's element.",
                show_default=False,
            ),
        ],
        reference: Annotated[
            str | None, typer.Option(help="To compare with: another model, a .sw file, or a phonopy.yaml.")
        ] = None,
        supercell: Annotated[tuple[int, int, int], typer.Option(help="Copies along the lattice vectors.")] = (2, 2, 2),
        displacement: Annotated[float, typer.Option(help="Å, plus and minus.")] = 0.01,
        relax: Annotated[bool, typer.Option("--relax/--no-relax", help="Relax atoms and cell first.")] = True,
        mesh: Annotated[float, typer.Option(help="Å; density of the Brillouin-zone mesh, phonopy's length.")] = 80.0,
        pitch: Annotated[float, typer.Option(help="THz, of the densities of states.")] = 0.02,
        sigma: Annotated[float, typer.Option(help="THz, width of the smeared density of states.")] = 0.1,
        noise: Annotated[float, typer.Option(help="Å, of random displacements on top; none is needed.")] = 0.0,
        symprec: Annotated[float, typer.Option(help="Å, of the symmetry search.")] = 1e-5,
        threads: Annotated[int, typer.Option(help="Threads of the engine.", min=1)] = 1,
        out: Annotated[Path, typer.Option(help="Folder for tables, figures and phonopy.yaml.")] = Path("phonons"),
        json: Json = False,
    ) -> None:
        """Phonons with phonopy: bands, densities of states and thermal properties, forces in double precision."""
        from tlmlp.analysis.models import split_models
        from tlmlp.analysis.phonon_comparison import phonons as compute

        names, structure = split_models(models)
        result = compute(
            names,
            structure,
            reference=reference,
            supercell=supercell,
            displacement=displacement,
            relax_first=relax,
            mesh=mesh,
            pitch=pitch,
            sigma=sigma,
            noise=noise,
            symprec=symprec,
            threads=threads,
            out=out,
        )
        if json:
            print_json(result.summary)
        else:
            show(result.summary, out)


def show(summary: dict[str, Any], out: Path) -> None:
    """Print the tables."""
    from tlmlp.console import console, table

    relaxed = [(name, entry["crystal"]) for name, entry in summary["models"].items() if entry["crystal"]]
    if relaxed:
        table(
            "crystals, and the forces and stresses that are left",
            ["model", "cell (Å)", "volume (Å³)", "energy (eV)", "largest force (eV/Å)", "largest stress (GPa)"],
            [
                (
                    name,
                    " ".join(f"{length:.4f}" for length in c["cell_lengths_ang"]),
                    f"{c['volume_ang3']:.3f}",
                    f"{c['energy_eV']:.5f}",
                    f"{c['largest_force_eV_per_ang']:.0e}",
                    f"{max(map(abs, c['stress_GPa'].values())):.0e}",
                )
                for name, c in relaxed
            ],
        )
    rows = []
    for name, entry in summary["models"].items():
        against = entry.get("against_reference", {})
        rows.append(
            (
                name + (" (reference)" if name == summary["reference"] else ""),
                f"{entry['largest_acoustic_gamma_THz']:.1e}",
                f"{entry['optical_gamma_THz'][-1]:.3f}" if entry["optical_gamma_THz"] else "",
                f"{entry['lowest_frequency_THz']:.3f}",
                f"{100 * entry['imaginary_share_of_modes']:.2g} %",
                f"{entry['dos_integral']:.3f} of {entry['modes']}",
                f"{against['dos_distance']:.3f}" if against else "",
            )
        )
    table(
        "phonons",
        [
            "model",
            "acoustic Γ (THz)",
            "optical Γ (THz)",
            "lowest (THz)",
            "imaginary modes",
            "DOS integral",
            "DOS distance",
        ],
        rows,
    )
    console.print(f"tables, figures and phonopy.yaml in {out}")

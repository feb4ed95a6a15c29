"""``tlmlp elastic``, ``eos``, ``vacancy``, ``relax`` and ``predict``: what a model says about structures at 0 K."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tlmlp.cli.as_json import Json, print_json
from tlmlp.text import counted

if TYPE_CHECKING:
    from tlmlp.analysis.elastic import Elasticity
    from tlmlp.analysis.eos import EquationOfState
    from tlmlp.analysis.relax import Relaxation
    from tlmlp.analysis.vacancy import Vacancy

Model = Annotated[
    str, typer.Argument(help="Exported model, a name such as si-dft, or a LAMMPS .sw file.", show_default=False)
]
Crystal = Annotated[
    str | None,
    typer.Argument(metavar="[STRUCTURE]", help="Crystal that ASE reads; left out: that of the model's element."),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the results as files; left out: tables alone.")]
Threads = Annotated[int, typer.Option(help="Threads of the engine.", min=1)]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(elastic)
    app.command()(eos)
    app.command()(vacancy)
    app.command()(relax)
    app.command()(predict)


def elastic(
    model: Model,
    structure: Crystal = None,
    strain: Annotated[float, typer.Option(help="Of each component, plus and minus.")] = 0.005,
    fmax: Annotated[float, typer.Option(help="eV/Å, of the ions under strain.")] = 1e-4,
    relax_first: Annotated[bool, typer.Option("--relax/--no-relax", help="Relax atoms and cell first.")] = True,
    threads: Threads = 1,
    out: Out = None,
    json: Json = False,
) -> None:
    """Elastic constants: full tensor with relaxed ions, stability, averages of Voigt, Reuss and Hill."""
    from tlmlp.analysis.elastic import elastic as compute
    from tlmlp.analysis.models import provenance
    from tlmlp.console import console, progress
    from tlmlp.files import atomic_write_json, check_out

    if out is not None:
        check_out(out)
    with progress("strains", 12) as bar:
        found = compute(
            model,
            structure,
            strain=strain,
            fmax=fmax,
            relax_first=relax_first,
            threads=threads,
            advance=bar.advance,
        )
    about = provenance(model, structure=structure, strain=strain, fmax=fmax, relaxed_first=relax_first)
    record = {**about, **found.as_dict()}
    if json:
        print_json(record)
    else:
        _show_elasticity(model, found)
    if out is not None:
        atomic_write_json(out / "elastic.json", record)
        console.print(f"results in {out / 'elastic.json'}")


def _show_elasticity(model: str, found: Elasticity) -> None:
    from tlmlp.analysis.relax import VOIGT
    from tlmlp.console import table

    _show_crystal(model, found.relaxation)
    table(
        "elastic constants (GPa), ions relaxed",
        ["", *VOIGT],
        [
            [name, *(f"{round(value, 2) + 0.0:.2f}" for value in row)]
            for name, row in zip(VOIGT, found.tensor, strict=True)
        ],
    )
    if found.cubic:
        print(
            "cubic: " + ", ".join(f"{n} {c:.2f} GPa" for n, c in zip(("C11", "C12", "C44"), found.cubic, strict=True))
        )
    verdict = "stable" if found.stable else "UNSTABLE"
    print(f"Born: {verdict}, eigenvalues {' '.join(f'{value:.2f}' for value in found.eigenvalues)} GPa")
    if found.stable:
        table(
            "polycrystal without texture",
            ["average", "bulk (GPa)", "shear (GPa)", "Young (GPa)", "Poisson"],
            [
                [name, f"{m.bulk:.2f}", f"{m.shear:.2f}", f"{m.young:.2f}", f"{m.poisson:.4f}"]
                for name, m in found.moduli().items()
            ],
        )


def eos(
    model: Model,
    structure: Crystal = None,
    strain: Annotated[float, typer.Option(help="Largest relative change of the volume, plus and minus.")] = 0.06,
    points: Annotated[int, typer.Option(help="Volumes.")] = 11,
    fmax: Annotated[float, typer.Option(help="eV/Å, of ions and the cell's shape at each volume.")] = 1e-4,
    threads: Threads = 1,
    out: Out = None,
    json: Json = False,
) -> None:
    """Equation of state of Birch and Murnaghan: lattice constant, bulk modulus and its derivative."""
    from tlmlp.analysis.eos import equation_of_state, write_eos
    from tlmlp.analysis.models import provenance
    from tlmlp.console import console, progress
    from tlmlp.files import check_out

    if out is not None:
        check_out(out)
    with progress("volumes", points) as bar:
        found = equation_of_state(
            model, structure, strain=strain, points=points, fmax=fmax, threads=threads, advance=bar.advance
        )
    about = provenance(model, structure=structure, strain=strain, points=points, fmax=fmax)
    if json:
        print_json({**about, **found.as_dict()})
    else:
        _show_eos(model, found, strain)
    if out is not None:
        write_eos(found, about, out)
        console.print(f"results in {out}")


def _show_eos(model: str, found: EquationOfState, strain: float) -> None:
    from tlmlp.console import table

    _show_crystal(model, found.relaxation)
    rows = [] if found.a0 is None else [["a0 (Å), cubic", f"{found.a0:.4f}"]]
    rows += [
        ["V0 (Å³/atom)", f"{found.v0:.4f}"],
        ["E0 (eV/atom)", f"{found.e0:.6f}"],
        ["B0 (GPa)", f"{found.b0:.2f}"],
        ["B0'", f"{found.b0_prime:.3f}"],
        ["root mean square of the fit (meV/atom)", f"{found.residual:.4f}"],
    ]
    table(f"equation of state, {len(found.volumes)} volumes within {100 * strain:g} %", ["quantity", "value"], rows)


def vacancy(
    model: Model,
    structure: Crystal = None,
    supercell: Annotated[tuple[int, int, int], typer.Option(help="Copies along the lattice vectors.")] = (3, 3, 3),
    fmax: Annotated[float, typer.Option(help="eV/Å, of the atoms around the vacancy.")] = 1e-3,
    steps: Annotated[int, typer.Option(help="Of the relaxation, at most.")] = 1000,
    nudge: Annotated[float, typer.Option(help="Å, of random displacements that break the site's symmetry.")] = 0.02,
    seed: Annotated[int, typer.Option(help="Of the nudge.")] = 0,
    threads: Threads = 1,
    out: Out = None,
    json: Json = False,
) -> None:
    """Formation energy of a vacancy in a crystal of one element, for each distinct site."""
    import ase.io

    from tlmlp.analysis.models import provenance
    from tlmlp.analysis.vacancy import vacancy as compute
    from tlmlp.console import console
    from tlmlp.files import atomic_write_json, check_out

    if out is not None:
        check_out(out)
    found = compute(
        model, structure, supercell=supercell, fmax=fmax, steps=steps, nudge=nudge, seed=seed, threads=threads
    )
    settings = {"supercell": list(supercell), "fmax": fmax, "nudge": nudge, "seed": seed}
    about = provenance(model, structure=structure, **settings)
    record = {**about, "vacancies": [v.as_dict() for v in found]}
    if json:
        print_json(record)
    else:
        _show_vacancies(found)
    if out is not None:
        atomic_write_json(out / "vacancy.json", record)
        for v in found:
            ase.io.write(out / f"vacancy-{v.site}.extxyz", v.relaxation.atoms, format="extxyz")
        console.print(f"results in {out}")


def _show_vacancies(found: Sequence[Vacancy]) -> None:
    from tlmlp.console import table

    table(
        f"vacancies in {found[0].atoms} atoms, at constant volume",
        ["site", "unrelaxed (eV)", "relaxed (eV)", "largest displacement (Å)", "largest force (eV/Å)", "steps"],
        [
            [
                v.site,
                f"{v.unrelaxed:.4f}",
                f"{v.relaxed:.4f}",
                f"{v.relaxation.largest_displacement:.3f}",
                f"{v.relaxation.largest_force:.0e}",
                v.relaxation.steps,
            ]
            for v in found
        ],
    )


def relax(
    model: Model,
    structure: Annotated[str, typer.Argument(help="Anything ASE reads; the last frame counts.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File for the relaxed structure; its ending chooses the format.")] = Path(
        "relaxed.extxyz"
    ),
    cell: Annotated[bool, typer.Option("--cell/--no-cell", help="Relax the cell too.")] = False,
    pressure: Annotated[float, typer.Option(help="GPa, on the cell; asks for --cell.")] = 0.0,
    keep_symmetry: Annotated[bool, typer.Option("--keep-symmetry", help="Keep the crystal's symmetry.")] = False,
    fmax: Annotated[float, typer.Option(help="eV/Å, of every force.")] = 1e-4,
    steps: Annotated[int, typer.Option(help="At most.")] = 500,
    threads: Threads = 1,
    json: Json = False,
) -> None:
    """Relax the atoms, or atoms and cell under a pressure; constraints of the file hold. Status 1 if steps run out."""
    from tlmlp.analysis.crystal import read_structure
    from tlmlp.analysis.models import open_model, provenance
    from tlmlp.analysis.relax import relax as compute
    from tlmlp.analysis.relax import structure_format, write_relaxed
    from tlmlp.console import console
    from tlmlp.files import check_out

    structure_format(out)
    check_out(out.parent)
    atoms = read_structure(structure)
    opened = open_model(model, threads=threads)
    opened.check(atoms, structure)

    def tell(step: int, force: float) -> None:
        if step % 20 == 0:
            console.print(f"step {step}: {force:.2e} eV/Å")

    done = compute(
        atoms,
        opened.calculator,
        cell=cell,
        pressure=pressure,
        fmax=fmax,
        steps=steps,
        keep_symmetry=keep_symmetry,
        on_step=tell,
    )
    if json:
        settings = {"cell": cell, "pressure": pressure, "fmax": fmax, "steps": steps, "keep_symmetry": keep_symmetry}
        about = provenance(model, structure=structure, **settings)
        print_json({**about, **done.as_dict(), "relaxed_structure": str(out)})
    else:
        _show_crystal(model, done, pressure if cell else None)
    write_relaxed(done, opened.calculator, out)
    console.print(f"relaxed structure in {out}")
    if not done.converged:
        console.marked(
            "red", "not converged", f"after {counted(done.steps, 'step')}: go on from {out}, or give more --steps"
        )
        raise typer.Exit(1)


def predict(
    model: Model,
    files: Annotated[list[Path], typer.Argument(help="Files of structures, also compressed.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Extended XYZ file for the result, .gz to compress it.")] = Path(
        "labelled.extxyz"
    ),
    precision: Annotated[str, typer.Option(help="double, or single: faster, of the network.")] = "double",
    types: Annotated[
        str | None, typer.Option(help="Elements of files that number their kinds of atoms, like Si,Ge for 1 and 2.")
    ] = None,
    threads: Threads = 1,
    json: Json = False,
) -> None:
    """Energies, forces and stresses of every structure of any files; memory does not grow with them, a kill is no loss."""
    from tlmlp.analysis.predict import predict as compute
    from tlmlp.console import console, progress
    from tlmlp.data.notes import Notes

    kinds, notes = None if types is None else [kind.strip() for kind in types.split(",")], Notes()
    with progress("predicting (%)", 100) as bar:
        done = [0]

        def at(share: float, frames: int) -> None:
            if int(100 * share) > done[0]:
                bar.advance(int(100 * share) - done[0], f"{frames} frames")
                done[0] = int(100 * share)

        result = compute(model, files, out, precision=precision, threads=threads, types=kinds, at=at, notes=notes)
    for line in notes.lines():
        console.note(f"{line}")
    fresh = result.frames - result.resumed_from
    went_on = f", {result.resumed_from} of them by an earlier call" if result.resumed_from else ""
    if json:
        print_json({"labelled": str(out), **dataclasses.asdict(result)})
    else:
        print(f"{out}: {counted(result.frames, 'frame')}, {counted(result.atoms, 'atom')}{went_on}")
    console.print(
        f"{counted(fresh, 'frame')} in {result.seconds:.1f} s ({fresh / max(result.seconds, 1e-9):.0f} frames/s)"
    )


def _show_crystal(model: str, done: Relaxation | None, pressure: float | None = None) -> None:
    """What a relaxation gave, and what remained."""
    import numpy as np

    from tlmlp.analysis.relax import VOIGT
    from tlmlp.console import table

    if done is None:
        return
    n = max(1, len(done.atoms))
    rows = [
        ["energy (eV/atom)", f"{done.energy / n:.6f}"],
        ["change of the energy (meV/atom)", f"{1e3 * (done.energy - done.energy_start) / n:.3f}"],
        ["largest displacement (Å)", f"{done.largest_displacement:.4f}"],
        ["largest force left (eV/Å)", f"{done.largest_force:.1e}"],
    ]
    if done.stress is not None:
        left = done.stress + (pressure or 0.0) * np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
        lengths, angles = done.atoms.cell.lengths(), done.atoms.cell.angles()
        rows += [
            ["cell (Å)", " ".join(f"{x:.5f}" for x in lengths)],
            ["angles (degrees)", " ".join(f"{x:.3f}" for x in angles)],
            ["volume (Å³/atom)", f"{done.atoms.cell.volume / n:.4f}"],
            [f"stress left (GPa), {' '.join(VOIGT)}", " ".join(f"{x:.1e}" for x in left)],
        ]
    if pressure is not None:
        rows.append(["pressure on the cell (GPa)", f"{pressure:g}"])
    state = f"{'' if done.converged else 'NOT '}relaxed in {counted(done.steps, 'step')}"
    table(f"{model}: {counted(n, 'atom')}, {state}", ["quantity", "value"], rows)

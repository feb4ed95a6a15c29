"""``tlmlp data``: fetch, generate, split and check training data."""

from pathlib import Path
from typing import Any

import typer

from tlmlp.cli.as_json import STANDARD_OUTPUT, write_json
from tlmlp.text import are, counted

app = typer.Typer(help="Fetch, generate, split and check training data.", no_args_is_help=True)

ENERGY_KEY = typer.Option(None, help="Entry that holds the energy (eV); default: REF_energy or a common spelling.")
FORCES_KEY = typer.Option(None, help="Entry that holds the forces (eV/Å); default: REF_forces or a common spelling.")
NO_ENERGY = typer.Option(False, "--no-energy", help="The files have no energies to be read, whatever their keys are.")
NO_FORCES = typer.Option(False, "--no-forces", help="The same for forces.")
NO_STRESS = typer.Option(False, "--no-stress", help="The same for stresses.")
TYPES = typer.Option(
    None, help="Elements of files that number their kinds of atoms (LAMMPS dumps, MTP), in that order: Si,Ge."
)
STRESS_KEY = typer.Option(None, help="Entry that holds the stress (eV/Å^3) or, named so, the virial (eV).")


@app.command()
def mlearn(
    element: str = typer.Option(..., help="Si, Ge, Cu, Ni, Li or Mo."),
    out: Path = typer.Option(..., help="Folder for the extxyz files and split.json."),
    source: Path = typer.Option(None, help="Local copy: a folder with ELEMENT/training.json and ELEMENT/test.json."),
    with_surfaces: bool = typer.Option(False, "--with-surfaces", help="Keep the group Surface."),
    seed: int = typer.Option(0, help="Seed of the draw of validation frames."),
    pool: bool = typer.Option(
        None, "--pool/--no-pool", help="Write pool.extxyz instead of train and val. [default: for Ge]"
    ),
    base_url: str = typer.Option(None, envvar="TLMLP_MLEARN_URL", help="Mirror that serves ELEMENT/training.json."),
) -> None:
    """DFT data of Zuo et al. (2020): from the public mlearn repository, by commit and digest, or a local copy."""
    from tlmlp.data.mlearn import write_mlearn

    counts = write_mlearn(
        element, out, source=source, with_surfaces=with_surfaces, seed=seed, pool=pool, base_url=base_url
    )
    _print_counts(out, counts)


@app.command()
def sw(
    element: str = typer.Option(..., help="Si or Ge, or any element with --parameters."),
    tier: str = typer.Option(..., help="smoke (about half a minute), small (minutes) or paper (hours)."),
    out: Path = typer.Option(..., help="Folder for the extxyz files and split.json."),
    seed: int = typer.Option(0, help="Seed of the velocities and of the draws."),
    threads: int = typer.Option(None, help="Temperatures run at a time, one core each. [default: all cores]"),
    parameters: Path = typer.Option(None, help="LAMMPS .sw file in place of the shipped table."),
) -> None:
    """Stillinger-Weber data from molecular dynamics in LAMMPS: tlmlp data lammps with the shipped tables."""
    from tlmlp.data.generate import write_sw

    _print_counts(out, write_sw(element, tier, out, seed=seed, threads=threads, parameters=parameters))


@app.command()
def lammps(
    element: str = typer.Option(..., help="Chemical symbol."),
    pair_style: str = typer.Option(..., help="Pair style of LAMMPS with its arguments, in metal units."),
    pair_coeff: list[str] = typer.Option(
        ..., help="Arguments of pair_coeff; files are looked for here and among LAMMPS' own potentials."
    ),
    lattice: str = typer.Option(..., help="Crystal that the dynamics starts from: diamond, fcc or bcc."),
    tier: str = typer.Option(..., help="smoke (about half a minute), small (minutes) or paper (hours)."),
    out: Path = typer.Option(..., help="Folder for the extxyz files and split.json."),
    lattice_constant: float = typer.Option(None, help="Å, where its search begins. [default: ASE's table]"),
    temperatures: str = typer.Option(None, help="FIRST:LAST:STEP in K. [default: 300:3600:100, smoke 300:3600:300]"),
    pool: bool = typer.Option(False, "--pool", help="Write pool.extxyz, to draw from, in place of train.extxyz."),
    seed: int = typer.Option(0, help="Seed of the velocities and of the draws."),
    threads: int = typer.Option(None, help="Temperatures run at a time, one core each. [default: all cores]"),
) -> None:
    """Data of any pair style from molecular dynamics in LAMMPS: a crystal at rising temperatures, then liquid."""
    from tlmlp.data.generate import write_lammps_data
    from tlmlp.data.lammps_potential import lammps_potential

    potential = lammps_potential(element, pair_style, pair_coeff, lattice, lattice_constant)
    kelvin = None if temperatures is None else _temperatures(temperatures)
    counts = write_lammps_data(potential, tier, out, pool=pool, seed=seed, threads=threads, temperatures=kelvin)
    _print_counts(out, counts)


def _temperatures(text: str) -> range:
    """``FIRST:LAST:STEP`` as temperatures, the last one included."""
    from tlmlp.errors import TlmlpError

    try:
        first, last, step = map(int, text.split(":"))
        kelvin = range(first, last + 1, step)
    except ValueError:
        kelvin = range(0)
    if not kelvin or kelvin[0] < 1:
        raise TlmlpError(f"--temperatures expects FIRST:LAST:STEP in K, like 300:1800:100, got {text!r}")
    return kelvin


@app.command()
def split(
    files: list[str] = typer.Argument(..., help="Data files (FILE or FILE@INDEX)."),
    out: Path = typer.Option(..., help="Folder for train-N.extxyz, rest.extxyz and split.json."),
    sizes: str = typer.Option(..., help="Numbers of training frames, like 10,40,100; larger ones contain smaller."),
    seed: int = typer.Option(0, help="Seed of the draw."),
    by: str = typer.Option(None, help="'group': draw every group in proportion to its size."),
    n_val: int = typer.Option(0, "--val", help="Validation frames, apart from all training frames."),
    energy_key: str = ENERGY_KEY,
    forces_key: str = FORCES_KEY,
    stress_key: str = STRESS_KEY,
    no_energy: bool = NO_ENERGY,
    no_forces: bool = NO_FORCES,
    no_stress: bool = NO_STRESS,
    types: str = TYPES,
) -> None:
    """Draw nested training subsets."""
    from tlmlp.data import Notes, read_files
    from tlmlp.data.energies import energy_warnings
    from tlmlp.data.selector import split_selector
    from tlmlp.data.split import split_frames
    from tlmlp.errors import TlmlpError
    from tlmlp.files import sha256_file

    if by not in (None, "group"):
        raise TlmlpError(f"--by can be 'group', got {by!r}")
    try:
        numbers = [int(size) for size in sizes.split(",")]
    except ValueError:
        raise TlmlpError(f"--sizes must be numbers like 10,22, got {sizes!r}") from None
    reading = reading_options(energy_key, forces_key, stress_key, (no_energy, no_forces, no_stress), types)
    notes = Notes()
    data = dict(zip(files, read_files(files, notes=notes, **reading), strict=True))
    sources = {name: sha256_file(file) for name in data if (file := split_selector(name)[0]).is_file()}
    counts = split_frames(
        [f for frames in data.values() for f in frames],
        numbers,
        seed,
        out,
        by_group=by == "group",
        n_val=n_val,
        sources=sources,
    )
    _print_counts(out, counts)
    for line in notes.lines():
        print(f"note: {line}")
    if "copies" in counts:
        everything = [f for frames in data.values() for f in frames]
        print(
            f"note: {counted(counts['copies'], 'frame')} {are(counts['copies'])} in copies.extxyz and in no part, as copies of another geometry"
        )
        for warning in energy_warnings(everything):
            print(f"warning: {warning}")


@app.command()
def check(
    files: list[str] = typer.Argument(..., help="Data files (FILE or FILE@INDEX), compared with each other too."),
    cutoff: float = typer.Option(4.3, help="Å; cells narrower than one or two of it are counted."),
    json_file: Path = typer.Option(
        None, "--json", help="File for the whole report as JSON; - prints it in place of the tables."
    ),
    energy_key: str = ENERGY_KEY,
    forces_key: str = FORCES_KEY,
    stress_key: str = STRESS_KEY,
    no_energy: bool = NO_ENERGY,
    no_forces: bool = NO_FORCES,
    no_stress: bool = NO_STRESS,
    types: str = TYPES,
) -> None:
    """Report counts, groups, units, ranges, smallest distances, narrow cells, duplicates, and what looks wrong."""
    from tlmlp.console import progress
    from tlmlp.data import Notes, read_files
    from tlmlp.data.check import check_files
    from tlmlp.data.report import print_report

    reading = reading_options(energy_key, forces_key, stress_key, (no_energy, no_forces, no_stress), types)
    notes = Notes()
    data = dict(zip(files, read_files(files, notes=notes, **reading), strict=True))
    with progress("checking", sum(map(len, data.values()))) as bar:
        report = check_files(data, cutoff, bar.advance, notes=notes.lines(), kinds=notes.kinds)
    if json_file != STANDARD_OUTPUT:
        print_report(report)
    if json_file is not None:
        write_json(json_file, report)


def reading_options(
    energy_key: str | None,
    forces_key: str | None,
    stress_key: str | None,
    absent: tuple[bool, bool, bool],
    types: str | None,
) -> dict[str, Any]:
    """The options of a command as arguments of ``read_frames``; ``absent``: --no-energy, --no-forces, --no-stress."""
    return {
        "energy_key": energy_key,
        "forces_key": forces_key,
        "stress_key": stress_key,
        "without": tuple(kind for kind, given in zip(("energy", "forces", "stress"), absent, strict=True) if given),
        "types": None if types is None else [symbol.strip() for symbol in types.split(",")],
    }


def _print_counts(out: Path, counts: dict[str, int]) -> None:
    print(f"{out}: " + ", ".join(f"{name}.extxyz {counted(n, 'frame')}" for name, n in counts.items()))

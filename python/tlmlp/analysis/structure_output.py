"""Tables, figure and summary of a structure analysis."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.analysis.curves import Curves
from tlmlp.analysis.structure import Structure
from tlmlp.bench.timing import versions
from tlmlp.figures import COLOURS, save_sheet, write_columns
from tlmlp.files import atomic_write_json
from tlmlp.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More groups than this are not drawn one by one.
MOST_GROUPS = 7
MEAN, EXPERIMENT = "#000000", "#D55E00"
BETWEEN, WITHIN = "#0072B2", "#56B4E9"

Experiment = tuple[np.ndarray, np.ndarray] | None


def write_structure(found: Structure, out: str | os.PathLike[str], experiment: Experiment = None) -> dict[str, Any]:
    """Write rdf.csv, adf.csv, coordination.csv, msd.csv, structure.png, structure.svg and summary.json into ``out``.

    Returns what summary.json holds.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write_columns(
        out / "rdf.csv",
        {
            **_columns("r_angstrom", "g", found.rdf),
            **{f"g_{pair}": curve.mean for pair, curve in found.partial_rdf.items()},
            "neighbours_up_to_upper_edge": found.running_coordination.mean,
        },
    )
    write_columns(out / "adf.csv", _columns("angle_degrees", "density_per_degree", found.adf))
    shares = _columns("neighbours", "share_of_atoms", found.coordination_shares)
    shares["neighbours"] = shares["neighbours"].astype(int)
    write_columns(out / "coordination.csv", shares)
    if found.msd is not None:
        write_columns(out / "msd.csv", _columns("time_ps", "msd_ang2", found.msd))
    draw(found, out / "structure", experiment)
    record = {**summary(found, experiment), "versions": versions("freud-analysis", "numpy", "scipy", "ase")}
    atomic_write_json(out / "summary.json", record)
    return record


def summary(found: Structure, experiment: Experiment = None) -> dict[str, Any]:
    """The numbers of summary.json."""
    peak = int(found.rdf.mean.argmax())
    adf_peak = int(found.adf.mean.argmax())
    out: dict[str, Any] = {
        "trajectories": [
            {"source": source, "group": group, "frames": frames}
            for source, group, frames in zip(found.sources, found.groups, found.frames, strict=True)
        ],
        "bond_cutoff_angstrom": round(found.cutoff, 6),
        "bond_cutoff_from": "first minimum of g(r)" if found.cutoff_found else "given",
        "rdf_highest": {"r_angstrom": round(float(found.rdf.x[peak]), 4), "g": round(float(found.rdf.mean[peak]), 5)},
        "adf_highest": {"angle_degrees": float(found.adf.x[adf_peak])},
        "mean_coordination": round(found.coordination, 5),
        "notes": found.notes,
    }
    if found.diffusion_coefficient is None:
        out["no_diffusion_coefficient"] = found.why_no_msd
    else:
        value, error = found.diffusion_coefficient
        over = "trajectories" if len(found.sources) > 1 else "atoms"
        out["diffusion_coefficient"] = {
            "ang2_per_ps": float(f"{value:.6g}"),
            "standard_error_ang2_per_ps": float(f"{error:.3g}"),
            "error_over": over,
        }
    if experiment is not None:
        r, g = experiment
        inside = (found.rdf.x >= r[0]) & (found.rdf.x <= r[-1])
        if inside.sum() > 1:
            apart = np.abs(found.rdf.mean - np.interp(found.rdf.x, r, g))[inside]
            out["mean_difference_from_experiment"] = {
                "g": round(float(apart.mean()), 5),
                "from_angstrom": round(float(found.rdf.x[inside][0]), 4),
                "to_angstrom": round(float(found.rdf.x[inside][-1]), 4),
            }
    return out


def _columns(x: str, y: str, curves: Curves) -> dict[str, np.ndarray]:
    columns = {x: curves.x, y: curves.mean}
    if curves.between is not None:
        columns["std_between_groups"] = curves.between
    if curves.within is not None:
        columns["std_within_groups"] = curves.within
    if len(curves.group_means) > 1:
        columns |= {f"{y}[{name}]": mean for name, mean in curves.group_means.items()}
    return columns


def draw(found: Structure, stem: Path, experiment: Experiment = None) -> None:
    """The figure: distances, angles, neighbours and displacements, with bands of one standard deviation."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    sheet = Figure(figsize=(9.0, 6.6), layout="constrained")
    (distances, angles), (neighbours, displacements) = sheet.subplots(2, 2)
    if experiment is not None:
        inside = experiment[0] <= found.rdf.x[-1]
        distances.plot(experiment[0][inside], experiment[1][inside], "o", ms=2.5, color=EXPERIMENT, label="experiment")
    _curve(distances, found.rdf)
    for number, (pair, curve) in enumerate(found.partial_rdf.items()):
        distances.plot(curve.x, curve.mean, lw=0.9, ls="--", color=COLOURS[number % len(COLOURS)], label=pair)
    distances.axvline(found.cutoff, lw=0.8, ls=":", color="0.4", label=f"cutoff {found.cutoff:.2f} Å")
    distances.set(xlabel="distance r (Å)", ylabel="g(r)", xlim=(0.0, found.rdf.x[-1]), ylim=(0.0, None))
    distances.legend(frameon=False, fontsize="x-small")
    _curve(angles, found.adf)
    angles.set(xlabel="angle (degrees)", ylabel="density (1/degree)", xlim=(0.0, 180.0), ylim=(0.0, None))
    angles.set_xticks(range(0, 181, 30))
    shares = found.coordination_shares
    spread = shares.within if shares.within is not None else shares.between
    neighbours.bar(shares.x, shares.mean, color=WITHIN, yerr=spread, ecolor="0.3", capsize=2.0)
    neighbours.set(
        xlabel=f"neighbours nearer than {found.cutoff:.2f} Å",
        ylabel="share of atoms",
        title=f"mean {found.coordination:.2f}",
    )
    neighbours.title.set_fontsize("small")
    neighbours.xaxis.set_major_locator(MaxNLocator(integer=True))
    if found.msd is None:
        displacements.axis("off")
        displacements.text(0.5, 0.5, found.why_no_msd, ha="center", va="center", fontsize="small", wrap=True)
    else:
        _curve(displacements, found.msd)
        displacements.set(
            xlabel="time (ps)", ylabel="mean-square displacement (Å²)", xlim=(0.0, found.msd.x[-1]), ylim=(0.0, None)
        )
        if found.diffusion_coefficient is not None:
            value, error = found.diffusion_coefficient
            displacements.set_title(f"D = {value:.3g} ± {error:.1g} Å²/ps", fontsize="small")
    frames = counted(sum(found.frames), "frame") + (
        f" of {len(found.frames)} trajectories" if len(found.frames) > 1 else ""
    )
    sheet.suptitle(frames, fontsize="small")
    save_sheet(sheet, stem)


def _curve(axes: Axes, curves: Curves) -> None:
    means = curves.group_means
    if 1 < len(means) <= MOST_GROUPS:
        for number, (name, mean) in enumerate(means.items()):
            axes.plot(curves.x, mean, lw=0.7, color=COLOURS[number % (len(COLOURS) - 1)], label=name)
    for spread, colour, what in ((curves.within, WITHIN, "within groups"), (curves.between, BETWEEN, "between groups")):
        if spread is not None:
            axes.fill_between(
                curves.x,
                curves.mean - spread,
                curves.mean + spread,
                color=colour,
                alpha=0.35,
                lw=0.0,
                label=f"± std {what}",
            )
    axes.plot(curves.x, curves.mean, lw=1.3, color=MEAN, label="mean" if len(curves.each) > 1 else None)

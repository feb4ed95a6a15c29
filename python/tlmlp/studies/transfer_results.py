"""Table, figure and means of a transfer study."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.console import console, table
from tlmlp.train.figures import save_figure, write_csv

#: Column of results.csv: title with unit, factor to that unit.
ERRORS = {
    "force_mae_ev_per_ang": ("force MAE (meV/Å)", 1e3),
    "force_rmse_ev_per_ang": ("force RMSE (meV/Å)", 1e3),
    "energy_mae_mev_per_atom": ("energy MAE (meV/atom)", 1.0),
    "energy_rmse_mev_per_atom": ("energy RMSE (meV/atom)", 1.0),
}
LABELS = {"scratch": "from scratch", "transfer": "transferred"}
#: Colour and marker of the arms in their order.
LOOKS = (
    ("tab:gray", "o"),
    ("tab:blue", "s"),
    ("tab:orange", "^"),
    ("tab:green", "D"),
    ("tab:red", "v"),
    ("tab:purple", "P"),
)


def values(rows: Sequence[dict[str, Any]], frames: int, arm: str, error: str) -> np.ndarray:
    """One error of all splits."""
    return np.array([row[error] for row in rows if (row["frames"], row["arm"]) == (frames, arm)])


def arms(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Names of the arms in their order."""
    return list(dict.fromkeys(row["arm"] for row in rows))


def sizes(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Numbers of training frames, ascending."""
    return sorted({row["frames"] for row in rows})


def mean_and_spread(sample: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) over the splits; 0 for a single one."""
    return float(sample.mean()), float(sample.std(ddof=1)) if len(sample) > 1 else 0.0


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Per number of frames and error: mean and standard deviation of every arm, and its mean over that of scratch."""
    found: dict[str, Any] = {}
    for frames in sizes(rows):
        found[str(frames)] = {}
        for error in ERRORS:
            entry: dict[str, Any] = {}
            for arm in arms(rows):
                entry[arm] = dict(zip(("mean", "std"), mean_and_spread(values(rows, frames, arm, error)), strict=True))
                if arm != "scratch":
                    entry[f"{arm}_over_scratch"] = entry[arm]["mean"] / entry["scratch"]["mean"]
            found[str(frames)][error] = entry
    return found


def write_results(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """results.csv: a row for every split and arm."""
    write_csv(path, rows)


def draw(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Force and energy MAE on test data over the number of training frames: every split, and mean with spread."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    panels = figure.subplots(1, 2)
    counts = sizes(rows)
    for panel, error in zip(panels, ("force_mae_ev_per_ang", "energy_mae_mev_per_atom"), strict=True):
        title, factor = ERRORS[error]
        names = arms(rows)
        for index, (arm, (colour, marker)) in enumerate(zip(names, itertools.cycle(LOOKS), strict=False)):
            side = index - (len(names) - 1) / 2
            places = np.array(counts) * 1.06**side
            samples = [factor * values(rows, frames, arm, error) for frames in counts]
            means, spreads = np.transpose([mean_and_spread(sample) for sample in samples])
            for place, sample in zip(places, samples, strict=True):
                panel.plot([place * 1.015] * len(sample), sample, marker, color=colour, alpha=0.35, markersize=4)
            panel.errorbar(places, means, spreads, color=colour, marker=marker, capsize=4, label=LABELS.get(arm, arm))
        panel.set(xscale="log", xlabel="training frames", ylabel=f"test {title}", ylim=(0.0, None))
        panel.set_xlim(counts[0] / 1.4, counts[-1] * 1.4)
        panel.set_xticks(counts, [str(count) for count in counts])
        panel.minorticks_off()
    panels[0].legend()
    save_figure(figure, path)


def say(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """Print the table of means."""
    lines = []
    for frames in sizes(rows):
        for error, (title, factor) in ERRORS.items():
            found = [mean_and_spread(factor * values(rows, frames, arm, error)) for arm in arms(rows)]
            scratch = found[0][0]
            cells = [f"{mean:.1f} ± {spread:.1f}" for mean, spread in found]
            changes = [f" ({100.0 * (mean / scratch - 1.0):+.0f} %)" for mean, _ in found[1:]]
            lines.append([str(frames), title, *map("".join, zip(cells, ["", *changes], strict=True))])
    splits = len({row["split"] for row in rows})
    columns = ["frames", "error", *(LABELS.get(arm, arm) for arm in arms(rows))]
    table(f"Test errors, mean and standard deviation over {splits} splits (change from scratch)", columns, lines)
    console.print(f"figure: {out / 'transfer.png'}, every split: {out / 'results.csv'}, means: {out / 'summary.json'}")

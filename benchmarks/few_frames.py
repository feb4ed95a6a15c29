"""Ways to transfer a model on few frames, compared on the same draws: a row of a CSV file for every training.

    tlmlp data mlearn --element Ge --out data/ge
    OMP_NUM_THREADS=1 python benchmarks/few_frames.py run --source si-dft --element-map Si:Ge \\
        --pool data/ge/pool.extxyz --test data/ge/test.extxyz --sizes 10 --draws 0-4 --methods recipe,plain
    python benchmarks/few_frames.py show --figure docs/figures/few_frames.png

``run`` goes on where it was stopped: what has a row is not trained again, whatever the order of the calls. A draw is the
frames of ``data.pool`` with that ``subset_seed``; draws of one seed are nested. Methods are compared by the errors on the
frames of the pool that the draw did not take, ``show --held-out``; the test frames choose nothing. Rows of before
30 November 2026 have no such errors.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: Method to its changes: ``recipe`` is that of the package, all others change :func:`compared_config`.
TRANSFERS: dict[str, list[str]] = {
    "recipe": [],
    "50 updates a frame": [],
    "100 updates a frame": ["training.updates={twice}"],
    "untrained": ["training.updates=1", "training.learning_rate=1e-12"],
    "plain": ["transfer.rescale=none", "loss=forces"],
    "rescaled, forces alone": ["loss=forces"],
    "all labels, not rescaled": ["transfer.rescale=none"],
    "known ratios": ["transfer.length_scale=1.0522", "transfer.energy_scale=0.8281"],
    "L2-SP 0.003": ["transfer.l2_sp=0.003"],
    "L2-SP 0.01": ["transfer.l2_sp=0.01"],
    "L2-SP 0.03": ["transfer.l2_sp=0.03"],
    "L2-SP 0.3": ["transfer.l2_sp=0.3"],
    "frozen groups": ["transfer.frozen=[embedding, frequencies, interaction.0, interaction.1]"],
    "rates by group": ["transfer.learning_rates={embedding: 3.0, interaction: 0.5, output: 2.0}"],
    "average of the last third": ["training.schedule=constant", "training.keep=average", "training.average_share=0.33"],
    "weight decay 0.2": ["training.weight_decay=0.2"],
    "Huber 0.1": ["loss.huber_forces=0.1"],
    "three times the rate": ["training.learning_rate=1e-3"],
}
#: Trainings from scratch, by their changes of the same config: larger steps than a transfer needs, the source's cutoff.
SCRATCH: dict[str, list[str]] = {
    "scratch": ["training.learning_rate=4e-3", "model.cutoff={cutoff}"],
    "scratch, forces alone": ["training.learning_rate=4e-3", "model.cutoff={cutoff}", "loss=forces"],
}
CHANGES = TRANSFERS | SCRATCH
MEMBERS = 3
#: Made of the trainings of three orders of the frames: mean of the predictions, model of the mean weights.
TOGETHER = ("committee of 3", "mean weights of 3")
RIDGE = "ridge on the last layers"
METHODS = (*TRANSFERS, *SCRATCH, *TOGETHER, RIDGE)
#: Before changes of the recipe, at blanks, as the last method of a list: ``recipe: training.updates=2000``.
CHANGED = "recipe: "
KEY = ("element_map", "source", "method", "frames", "draw")
FIELDS = (*KEY, "seconds", "updates", "length_scale", "energy_scale")
#: Before the name of an error on the frames of the pool that the draw did not take.
HELD_OUT = "held_out_"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train and evaluate what has no row yet")
    run.add_argument("--source", default="si-dft")
    run.add_argument("--element-map", default="Si:Ge")
    run.add_argument("--pool", required=True, type=Path)
    run.add_argument("--test", required=True, type=Path)
    run.add_argument(
        "--methods",
        default="recipe",
        help=f"comma-separated, or all; of: {', '.join(METHODS)}; '{CHANGED}a.b=c ...' last",
    )
    run.add_argument("--sizes", default="10")
    run.add_argument("--draws", default="0-4")
    show = commands.add_parser("show", help="print the table of means, draw the figure")
    show.add_argument("--figure", type=Path)
    show.add_argument(
        "--held-out", action="store_true", help="errors on the pool's other frames, not on the test frames"
    )
    for command in (run, show):
        command.add_argument("--csv", type=Path, default=Path("benchmarks/few_frames.csv"))
    options = parser.parse_args()
    if options.command == "show":
        print(table(read_rows(options.csv), HELD_OUT if options.held_out else ""))
        if options.figure:
            draw(read_rows(options.csv), options.figure)
        return
    first, _, last = options.draws.partition("-")
    for n in map(int, options.sizes.split(",")):
        for number in range(int(first), int(last or first) + 1):
            for method in METHODS if options.methods == "all" else _split(options.methods):
                train_one(options, method, n, number)


def _split(methods: str) -> list[str]:
    """Names at commas; a name that has a comma itself is found whole, and a changed recipe takes the rest."""
    found, rest = [], methods
    while rest:
        if rest.startswith(CHANGED):
            return [*found, rest]
        name = max((m for m in METHODS if rest == m or rest.startswith(m + ",")), key=len, default=None)
        if name is None:
            raise SystemExit(f"no method called {rest.partition(',')[0]!r}; there are: {', '.join(METHODS)}")
        found.append(name)
        rest = rest[len(name) + 1 :]
    return found


def read_rows(path: Path) -> list[dict[str, str]]:
    """All rows so far."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def compared_config(n: int) -> dict[str, Any]:
    """What the methods change; written out, so that a row means the same whatever the recipe becomes."""
    rate = min(3e-4 * max(n / 10.0, 1.0) ** 0.4, 1e-3)
    updates = min(max(50 * n, 150), 3000)
    training = {
        "updates": updates,
        "batch_size": min(2, n),
        "learning_rate": float(f"{rate:.2g}"),
        "schedule": "cosine",
        "final_rate_factor": 0.01,
        "keep": "last",
        "validate_every": updates,
    }
    return {"training": training}


def train_one(options: argparse.Namespace, method: str, n: int, number: int) -> None:
    """Train ``method`` on ``n`` frames of draw ``number``, unless its row is there, and add the row."""
    from tlmlp.data import read_frames
    from tlmlp.train import as_config, open_model
    from tlmlp.train.element_transfer.recipe import few_frames_config

    key = (options.element_map, str(options.source), method, str(n), str(number))
    if any(tuple(row[name] for name in KEY) == key for row in read_rows(options.csv)):
        return
    changed = method.removeprefix(CHANGED).split() if method.startswith(CHANGED) else []
    content = few_frames_config([], n) if changed or method == "recipe" else compared_config(n)
    content["data"] = {"pool": str(options.pool), "n_train": n, "subset_seed": number}
    content["training"] |= {"seed": number, "threads": 1}
    twice = 2 * content["training"]["updates"]
    cutoff = open_model(options.source)[0].cutoff
    changes = changed or [
        change.replace("{twice}", str(twice)).replace("{cutoff}", str(cutoff)) for change in CHANGES.get(method, [])
    ]
    sets = {"": read_frames(options.test), HELD_OUT: held_out(as_config(content))}
    started = time.process_time()
    folder = Path(tempfile.mkdtemp(prefix="few-frames-"))

    def one(run: str, extra: Sequence[str] = ()) -> Any:
        return trained(options, method, as_config(content, [*changes, *extra]), folder / run)

    def all_errors(errors: Callable[[Sequence[Any]], dict[str, float | None]]) -> dict[str, float | None]:
        return {f"{name}{key}": value for name, frames in sets.items() for key, value in errors(frames).items()}

    try:
        if method in TOGETHER:
            results = [one(str(k), [f"training.shuffle_seed={1000 * k + number}"]) for k in range(MEMBERS)]
            result = results[0]
            seconds = time.process_time() - started
            if method == TOGETHER[0]:
                errors = all_errors(lambda frames: mean_prediction(results, frames))
            else:
                mean_weights(results)
                errors = all_errors(lambda frames: errors_of(result.potential, frames))
        else:
            result = one("0", CHANGES["untrained"] if method == RIDGE else ())
            if method == RIDGE:
                ridge(result.potential, as_config(content))
            seconds = time.process_time() - started
            errors = all_errors(lambda frames: errors_of(result.potential, frames))
    finally:
        shutil.rmtree(folder)
    about = result.metadata["provenance"]
    how = about.get("transfer") or {}
    scales = (how.get("length_scale"), how.get("energy_scale"))
    row = dict(zip(FIELDS, (*key, f"{seconds:.1f}", about["training"]["updates"], *scales), strict=True))
    row |= {name: None if value is None else f"{value:.6g}" for name, value in errors.items()}
    write_rows(options.csv, [*read_rows(options.csv), row])


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """All rows, in the place of the file; cells that a row lacks stay empty."""
    from tlmlp.files import atomic_write_text

    stream = io.StringIO()
    out = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(path, stream.getvalue())


def held_out(config: Any) -> list[Any]:
    """The frames of the pool that the draw of ``config`` did not take, without copies of those that it took."""
    from tlmlp.data import read_frames
    from tlmlp.data.copies import families
    from tlmlp.train.data.selection import load_data

    taken = load_data(config.data, config.loss).train
    frames = [*taken, *(frame for file in config.data.pool for frame in read_frames(file))]
    return [frame for frame, first in zip(frames, families(frames), strict=True) if first >= len(taken)]


def trained(options: argparse.Namespace, method: str, config: Any, run: Path) -> Any:
    """A finished training from scratch or a transfer."""
    from tlmlp.train import fit, transfer

    result = fit(config, run) if method in SCRATCH else transfer(options.source, config, options.element_map, run)
    if not result.finished:
        raise SystemExit("interrupted: the training under way has no row and is made anew")
    return result


def errors_of(potential: Any, frames: Sequence[Any]) -> dict[str, float | None]:
    """Errors on ``frames``; none where there are no frames, as the pool's others after a draw of all."""
    from tlmlp.train.evaluation.comparison import compare_potential

    return compare_potential(potential, frames).errors() if frames else {}


def mean_prediction(results: Sequence[Any], frames: Sequence[Any]) -> dict[str, float | None]:
    """Errors of the mean of the members' predictions."""
    from tlmlp.train.evaluation.comparison import Comparison, compare_potential

    if not frames:
        return {}
    found = [compare_potential(result.potential, frames) for result in results]
    means = (np.mean([getattr(c, name) for c in found], axis=0) for name in ("energies", "forces", "stresses"))
    return Comparison(found[0].frames, *means).errors()


def mean_weights(results: Sequence[Any]) -> None:
    """Give the first of the models the means of all their parameters and shifts."""
    import torch

    kept = results[0].potential
    with torch.no_grad():
        for name, parameter in kept.named_parameters():
            others = [dict(result.potential.named_parameters())[name] for result in results]
            parameter.copy_(torch.stack(others).mean(0))
    kept.energy_shift.copy_(torch.stack([r.potential.energy_shift for r in results]).mean(0))


def ridge(potential: Any, config: Any, penalties: Sequence[float] = tuple(10.0**k for k in range(-14, -3))) -> None:
    """Fit the last linear layers of ``potential`` in closed form to forces, energies and stresses with the weights of the
    loss; the penalty of the change of the weights is chosen by leaving every third frame out."""
    import torch

    from tlmlp.train.data.dataset import build_graph
    from tlmlp.train.data.selection import load_data
    from tlmlp.train.evaluation.predictions import predict
    from tlmlp.train.optimise.label_weights import weighted
    from tlmlp.train.optimise.losses import VOIGT
    from tlmlp.units import EV_PER_ANG3_IN_GPA

    frames = load_data(config.data, config.loss).train
    loss = weighted(config.loss, frames)
    graphs = [build_graph(potential, frame) for frame in frames]
    named = potential.network.named_parameters()
    last = [p for name, p in named if name.startswith("output.") and name.endswith("final.weight")]
    start = torch.cat([p.detach().reshape(-1) for p in last])
    sizes = [p.numel() for p in last]

    def assign(vector: Any) -> None:
        with torch.no_grad():
            for p, part in zip(last, vector.split(sizes), strict=True):
                p.copy_(part.view_as(p))

    def numbers(vector: Any) -> list[np.ndarray]:
        """For every frame its energy, forces and stress, divided by what makes a unit of the loss."""
        assign(vector)
        got = predict(potential, graphs, virials=True)
        at, found = 0, []
        for n, frame in enumerate(frames):
            stress = 0.5 * (-got.virials[n] - got.virials[n].T)[VOIGT] / frame.volume * EV_PER_ANG3_IN_GPA
            parts = (got.energies[n : n + 1] / len(frame), got.forces[at : at + len(frame)].ravel(), stress)
            found.append(_in_units(parts, loss))
            at += len(frame)
        return found

    reference = [
        _in_units(
            (
                np.array([frame.energy / len(frame)]),
                frame.forces.ravel(),
                0.5 * (frame.stress + frame.stress.T)[VOIGT] * EV_PER_ANG3_IN_GPA,
            ),
            loss,
        )
        for frame in frames
    ]
    base = numbers(start)
    columns = [numbers(unit) for unit in torch.eye(len(start), dtype=start.dtype)]
    shift = [_in_units((np.ones(1), np.zeros(3 * len(f)), np.zeros(6)), loss) for f in frames]
    scale = float(start.square().mean().sqrt())
    blocks = [np.column_stack([*(scale * column[n] for column in columns), shift[n]]) for n in range(len(frames))]
    rests = [reference[n] - base[n] for n in range(len(frames))]

    def solve(chosen: Sequence[int], penalty: float) -> np.ndarray:
        a = np.concatenate([blocks[n] for n in chosen])
        b = np.concatenate([rests[n] for n in chosen])
        damping = np.full(a.shape[1], penalty * len(chosen))
        damping[-1] = 0.0
        return np.linalg.solve(a.T @ a + np.diag(damping), a.T @ b)

    everything = range(len(frames))
    folds = [range(k, len(frames), 3) for k in range(min(3, len(frames)))] if len(frames) > 1 else []

    def left_out(penalty: float) -> float:
        total = 0.0
        for fold in folds:
            x = solve([n for n in everything if n not in fold], penalty)
            total += sum(float(np.square(rests[n] - blocks[n] @ x).sum()) for n in fold)
        return total

    best = min(penalties, key=left_out) if folds else penalties[-1]
    x = solve(everything, best)
    assign(start + scale * torch.from_numpy(x[:-1]).to(start.dtype))
    potential.energy_shift.fill_(float(x[-1]))


def _in_units(parts: Sequence[np.ndarray], loss: Any) -> np.ndarray:
    energy, forces, stress = parts
    return np.concatenate(
        [
            np.sqrt(loss.energy) * energy,
            np.sqrt(loss.forces / len(forces)) * forces,
            np.sqrt(loss.stress / len(stress)) * stress,
        ]
    )


def table(rows: Sequence[dict[str, str]], of: str = "") -> str:
    """Means and standard deviations over the draws, as a Markdown table; ``of`` stands before the names of the errors."""
    rows = [row for row in rows if not of or row.get(f"{of}force_mae_ev_per_ang")]
    lines = [
        "| source, elements | frames | method | draws | energy MAE (meV/atom) | force MAE (meV/Å) | stress MAE (GPa) | seconds |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for pair, n, method, chosen in groups(rows):
        cells = [
            _spread([factor * float(row[key]) for row in chosen if row[key]], digits)
            for key, factor, digits in (
                (f"{of}energy_mae_mev_per_atom", 1.0, 2),
                (f"{of}force_mae_ev_per_ang", 1e3, 1),
                (f"{of}stress_mae_gpa", 1.0, 3),
                ("seconds", 1.0, 0),
            )
        ]
        lines.append(f"| {pair} | {n} | {method} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def groups(rows: Sequence[dict[str, str]]) -> list[tuple[str, int, str, list[dict[str, str]]]]:
    """(source and element map, frames, method, rows), in the order of the methods."""
    found: dict[tuple[str, int, int, str], list[dict[str, str]]] = {}
    for row in rows:
        method = row["method"]
        place = METHODS.index(method) if method in METHODS else len(METHODS)
        key = (f"{row['source']}, {row['element_map']}", int(row["frames"]), place, method)
        found.setdefault(key, []).append(row)
    return [(pair, n, method, chosen) for (pair, n, _, method), chosen in sorted(found.items())]


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 and digits else mean


def draw(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Errors of the recipe and of a training from scratch over the number of frames, every draw and the mean."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    looks = {"recipe": ("#0072b2", "o"), "plain": ("#e69f00", "s"), "scratch": ("#666666", "^")}
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    quantities = (
        ("energy_mae_mev_per_atom", "energy MAE (meV/atom)", 1.0),
        ("force_mae_ev_per_ang", "force MAE (meV/Å)", 1e3),
        ("stress_mae_gpa", "stress MAE (GPa)", 1.0),
    )
    for panel, (key, label, factor) in zip(panels, quantities, strict=True):
        for method, (colour, marker) in looks.items():
            found = [g for g in groups(rows) if g[0] == "si-dft, Si:Ge" and g[2] == method]
            for _, n, _, chosen in found:
                panel.plot([n] * len(chosen), [factor * float(r[key]) for r in chosen], marker, color=colour, alpha=0.3)
            means = [factor * float(np.mean([float(r[key]) for r in chosen])) for _, _, _, chosen in found]
            if found:
                panel.plot([n for _, n, _, _ in found], means, marker=marker, color=colour, label=method)
        panel.set(xscale="log", yscale="log", xlabel="training frames", ylabel=f"test {label}")
        ticks = sorted({int(row["frames"]) for row in rows if row["method"] in looks and row["source"] == "si-dft"})
        apart = [n for n, following in zip(ticks, [*ticks[1:], np.inf], strict=True) if following > 1.4 * n]
        panel.set_xticks(apart, [str(n) for n in apart])
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 5, 6, 8)))
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.minorticks_off()
    panels[0].legend(fontsize="small")
    for ending in (".png", ".svg"):
        figure.savefig(path.with_suffix(ending), dpi=130)


if __name__ == "__main__":
    main()

"""The report of check.py as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tlmlp.console import table
from tlmlp.text import are, counted

#: More groups than this are counted in the table and listed only in the JSON report.
MANY_GROUPS = 8


def print_report(report: Mapping[str, Any]) -> None:
    """Print ``report`` on standard output: one table with a column per file, then duplicates and warnings."""
    files = report["files"]
    cutoff = report["cutoff_ang"]
    rows: list[tuple[str, Callable[[Mapping[str, Any]], object]]] = [
        ("frames", lambda f: f["frames"]),
        ("frames without surfaces", lambda f: f["frames_without_surfaces"]),
        *_group_rows(files),
        *(
            (f"frames with {e}", lambda f, e=e: f["frames_with_element"].get(e, 0))
            for e in _all(files, "frames_with_element")
        ),
        ("atoms per frame", lambda f: _span(f["atoms"], "{:.0f}")),
        ("frames with energy, forces, stress", lambda f: ", ".join(map(str, f["labelled_frames"].values()))),
        ("energy, eV/atom: min .. max", lambda f: _span(f["energy_ev_per_atom"], "{:.4f}")),
        *_isolated_rows(files),
        ("forces, eV/Å: mean |component|", lambda f: _part(f["force_ev_per_ang"], "mean_abs", "{:.4f}")),
        ("forces, eV/Å: largest norm", lambda f: _part(f["force_ev_per_ang"], "max_norm", "{:.3f}")),
        ("pressure, GPa: min .. max", lambda f: _span(f["pressure_gpa"], "{:.2f}")),
        ("volume, Å^3/atom: min .. max", lambda f: _span(f["volume_ang3_per_atom"], "{:.2f}")),
        ("smallest distance, Å", lambda f: _part(f["smallest_distance_ang"], "value", "{:.3f}")),
        (f"edges per frame at {cutoff:g} Å", lambda f: f"{f['edges_per_frame']:.0f}"),
        ("smallest cell width, Å", lambda f: _part(f["cells"], "smallest_width_ang", "{:.2f}")),
        (f"cells narrower than the cutoff, {cutoff:g} Å", lambda f: _cells(f, "narrower_than_cutoff")),
        (f"cells narrower than two cutoffs, {2 * cutoff:g} Å", lambda f: _cells(f, "narrower_than_two_cutoffs")),
        ("skewed cells", lambda f: _cells(f, "skewed")),
        ("minimum image would lose edges", lambda f: _cells(f, "minimum_image_loses_edges")),
        ("duplicates within the file", lambda f: f["duplicates"]),
    ]
    table(
        "data",
        ["", *_short_names([f["file"] for f in files])],
        [(label, *(value(f) for f in files)) for label, value in rows],
    )
    print(
        "Units as read: positions Å, energy eV, forces eV/Å, stress eV/Å^3 (tensile positive; pressure is minus a "
        "third of its trace). Numbers in brackets are without surfaces."
    )
    for shared in report["duplicates_between_files"]:
        print(
            f"duplicates: {counted(shared['frames'], 'frame')} {are(shared['frames'])} in both {shared['files'][0]} and {shared['files'][1]}"
        )
    for warning in report["warnings"]:
        print(f"warning: {warning}")
    for note in report["notes"]:
        print(f"note: {note}")
    if not report["warnings"]:
        print("Nothing suspicious found: no duplicates, and signs and units agree as far as the frames can tell.")
    for what in report["not_checked"]:
        print(f"not checked: {what}")


def _isolated_rows(files: list[Mapping[str, Any]]) -> list[tuple[str, Callable[[Mapping[str, Any]], object]]]:
    if not any(f["isolated_atoms"]["frames"] for f in files):
        return []
    return [
        ("isolated atoms (not in the row above)", lambda f: f["isolated_atoms"]["frames"]),
        ("isolated atoms, eV: min .. max", lambda f: _span(f["isolated_atoms"]["energy_ev"], "{:.4f}")),
    ]


def _frames_of_group(name: str, file: Mapping[str, Any]) -> object:
    return file["groups"].get(name, 0)


def _group_rows(files: list[Mapping[str, Any]]) -> list[tuple[str, Callable[[Mapping[str, Any]], object]]]:
    names = [name for name in _all(files, "groups") if name]
    if len(names) <= MANY_GROUPS:
        return [(f"  group {name}", partial(_frames_of_group, name)) for name in names]
    return [
        ("groups", lambda f: len(f["groups"])),
        (
            "frames per group",
            lambda f: _span({"min": min(f["groups"].values()), "max": max(f["groups"].values())}, "{:d}"),
        ),
    ]


def _all(files: list[Mapping[str, Any]], key: str) -> list[str]:
    return sorted({name for f in files for name in f[key]})


def _span(values: Mapping[str, float] | None, form: str) -> str:
    if values is None:
        return "-"
    low, high = form.format(values["min"]), form.format(values["max"])
    return low if low == high else f"{low} .. {high}"


def _part(values: Mapping[str, Any] | None, key: str, form: str) -> str:
    return "-" if values is None or values[key] is None else form.format(values[key])


def _cells(file: Mapping[str, Any], key: str) -> str:
    everything, inner = file["cells"][key], file["cells_without_surfaces"][key]
    return str(everything) if everything == inner else f"{everything} ({inner})"


def _short_names(names: list[str]) -> list[str]:
    """The last parts of the paths, as many as keep them apart."""
    for depth in range(1, 8):
        short = ["/".join(Path(name).parts[-depth:]) for name in names]
        if len(set(short)) == len(names):
            return short
    return names

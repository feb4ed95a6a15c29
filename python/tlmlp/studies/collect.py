"""What is worth keeping of a study: rows, numbers, figures, report and models, in a folder that other machines continue from."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.export.model_file import engine_part
from tlmlp.files import atomic_write_bytes, atomic_write_json
from tlmlp.studies.costs import write_costs
from tlmlp.studies.finished import Finished
from tlmlp.studies.plan import Plan, Side, write_plan
from tlmlp.studies.reports import write_report
from tlmlp.studies.rows import row_name

#: Files beside rows and models that the reports are made of.
PARTS = (
    "start.txt",
    "start.extxyz",
    "stability/*/*/runs.csv",
    "stability/*/*/summary.json",
    "structure/*/*df.csv",
    "structure/*/summary.json",
    "phonons/*/summary.json",
    "phonons/*/dos.csv",
    "one-cell/*/summary.json",
    "one-cell/*/dos.csv",
    "by-temperature/*.json",
    "properties/*/*.json",
)
LARGEST_MODEL = 1_000_000
LARGEST_SUM = 40_000_000


def collect(folder: Path, into: Path, models: list[int] | None = None) -> Path:
    """Write what there is of the study in ``folder`` to INTO/STUDY/TIER, for a pair other than Si:Ge to TIER-PAIR.

    The study may be unfinished: the report says what is missing. What an earlier call wrote is replaced.

    :param models: numbers of training frames whose models go along; left out: those of the plan's ``keep_models``
    :return: the folder that was written, which ``--finished`` takes
    :raises TlmlpError: when nothing of the study is finished, or the models are too large
    """
    finished = Finished(folder)
    plan = finished.plan
    pair = "" if plan.element_map == "Si:Ge" else "-" + plan.element_map.replace(":", "-")
    out = into / plan.study / f"{plan.tier}{pair}"
    if out.resolve() == folder.resolve():
        raise TlmlpError(f"{folder}: is itself what was collected; give the folder of the study")
    rows = finished.rows()
    if not rows:
        raise TlmlpError(f"{folder}: has no finished rows yet, nothing to collect")
    shutil.rmtree(out, ignore_errors=True)
    write_plan(portable(plan), out / "study.yaml")
    write_costs(folder, out)
    wanted = plan.keep_models if models is None else models
    for row in rows:
        name = row_name(row["arm"], row["frames"], row["draw"])
        atomic_write_json(out / "rows" / f"{name}.json", row)
        if row["frames"] in wanted:
            finished.copy_model(row, out / "models" / f"{name}.pt")
    for name in ("source", *plan.teachers):
        finished.copy_teacher(name, out / "models" / f"{name}.pt")
    for file in (out / "models").glob("*.pt"):  # the TorchScript form is as large again, and made from the rest
        atomic_write_bytes(file, engine_part(file))
    for file in (file for part in PARTS for file in sorted(folder.glob(part))):
        content = file.read_bytes().replace(f"{folder.resolve()}/".encode(), b"")  # paths of this machine
        content = re.sub(rb'(?<=")[^"\n]*/site-packages/', b"", content)
        atomic_write_bytes(out / file.relative_to(folder), content)
    _check_sizes(into, out)
    write_report(out)
    console.print(f"{len(rows)} of {len(plan.names)} rows of {plan.study}, tier {plan.tier}: {out}")
    return out


def portable(plan: Plan) -> Plan:
    """The plan without paths of this machine: data and models that were given are named, and known by their hashes."""

    def moved(side: Side) -> Side:
        return side if side.command is not None else side.model_copy(update={"folder": Path(side.folder).name})

    return plan.model_copy(
        update={
            "source": moved(plan.source),
            "target": moved(plan.target),
            "source_model": None if plan.source_model is None else Path(plan.source_model).name,
        }
    )


def _check_sizes(into: Path, out: Path) -> None:
    for file in out.glob("models/*.pt"):
        if file.stat().st_size > LARGEST_MODEL:
            raise TlmlpError(
                f"{file}: {file.stat().st_size} bytes, more than {LARGEST_MODEL}; leave it out by --models"
            )
    size = sum(file.stat().st_size for file in into.glob("*/*/models/*.pt"))
    if size > LARGEST_SUM:
        raise TlmlpError(
            f"{into}: the models have {size / 1e6:.0f} MB in all, more than {LARGEST_SUM / 1e6:.0f}; name fewer numbers of "
            "frames by --models"
        )

"""The report of any study."""

from __future__ import annotations

import json
from pathlib import Path

from tlmlp.studies.catalogue import STUDIES
from tlmlp.studies.plan import read_plan
from tlmlp.studies.rows import read_rows
from tlmlp.studies.statements import say


def write_report(folder: Path, quiet: bool = False) -> Path:
    """Write report.html of the study in ``folder`` from what is there, and return its path.

    :param quiet: do not print the table of statements
    :raises TlmlpError: when there is no study, or nothing of it is finished
    """
    plan = read_plan(folder / "study.yaml")
    kind = STUDIES[plan.study].kind
    if kind == "learning_curve":
        from tlmlp.studies.learning_curve import write_learning_curve as write
    elif kind == "dynamics":
        from tlmlp.studies.dynamics_report import write_dynamics as write
    elif kind == "phonons":
        from tlmlp.studies.phonon_report import write_phonon_study as write
    elif kind == "properties":
        from tlmlp.studies.property_report import write_property_study as write
    else:
        from tlmlp.studies.temperature_report import write_temperature_study as write
    page = write(folder)
    if not quiet:
        say(plan, json.loads((folder / "statements.json").read_text()), len(read_rows(folder)))
    return page

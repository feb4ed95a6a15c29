"""The report of any study of the paper."""

from __future__ import annotations

from pathlib import Path

from tlmlp.studies.plan import STUDIES, read_plan


def write_report(folder: Path) -> Path:
    """Write report.html of the study in ``folder`` from what is there, and return its path.

    :raises TlmlpError: when there is no study, or nothing of it is finished
    """
    workflow = STUDIES[read_plan(folder / "study.yaml").study][0]
    if workflow == "learning_curve.smk":
        from tlmlp.studies.learning_curve import write_learning_curve as write
    elif workflow == "dynamics.smk":
        from tlmlp.studies.dynamics_report import write_dynamics as write
    elif workflow == "phonons.smk":
        from tlmlp.studies.phonon_report import write_phonon_study as write
    else:
        from tlmlp.studies.temperature_report import write_temperature_study as write
    return write(folder)

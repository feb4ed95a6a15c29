"""Reports of studies that are not finished: what is missing, what is not decided, and the changes beside the paper's."""

import json

import numpy as np
import pytest

from tlmlp.studies.learning_curve import changes, judge, write_learning_curve
from tlmlp.studies.plan import default_plan, write_plan
from tlmlp.studies.rows import ROW_FORMAT, row_name
from tlmlp.studies.statements import command, missing_rows

#: Force MAE (meV/Å) of the draws that are there, by arm and number of frames.
FORCES = {
    ("scratch", 10): [80.0, 90.0, 70.0, 80.0, 80.0],
    ("transfer", 10): [50.0, 52.0, 48.0, 49.0, 51.0],
    ("best", 10): [45.0, 47.0, 44.0, 46.0, 45.0],
    ("scratch", 100): [40.0, 41.0, 42.0],
    ("transfer", 100): [36.0, 37.0, 38.0, 39.0],
}


@pytest.fixture
def study(tmp_path):
    """A folder with some of the rows of a study, their energies ten times as large in meV/atom as the forces in eV/Å."""
    plan = default_plan("dft-data-efficiency", "small")
    write_plan(plan, tmp_path / "study.yaml")
    (tmp_path / "rows").mkdir()
    rows = []
    for (arm, frames), values in FORCES.items():
        settings = list(plan.arms[arm].options())
        for draw, value in enumerate(values):
            errors = {"force_mae_ev_per_ang": value / 1e3, "energy_mae_mev_per_atom": value / 2}
            row = {
                "format": ROW_FORMAT,
                "arm": arm,
                "frames": frames,
                "draw": draw,
                "chosen": {"forces": settings[0], "energies": settings[0]},
                "test": {"forces": errors, "energies": errors},
                "data": {"target": {"command": None, "sha256": {"pool.extxyz": "0" * 64}}},
                "seconds": 60.0,
                "versions": {"tlmlp": "0"},
            }
            (tmp_path / "rows" / f"{row_name(arm, frames, draw)}.json").write_text(json.dumps(row))
            rows.append(row)
    return tmp_path, plan, rows


def test_what_is_missing_is_named(study):
    folder, plan, rows = study
    missing = missing_rows(plan, rows)
    assert "scratch, 100 frames: draws 3, 4" in missing and "transfer, 100 frames: draws 4" in missing
    assert "best, 1 frame: all draws" in missing and not any("10 frames: d" in text for text in missing)
    page = write_learning_curve(folder).read_text()
    assert f"{75 - len(rows)} of 75 rows have not been computed yet" in page and missing[0] in page
    assert (folder / "figures" / "learning-curve-forces.svg").is_file()


def test_changes_stand_beside_those_of_the_paper(study):
    _, plan, rows = study
    lines = changes(plan, rows, "force_mae_ev_per_ang")
    assert lines[0] == ["paper, transfer", "forces", "-38", "-29", "-16", "-6", "-4"]
    transfer = next(line for line in lines if line[0] == "transfer, forces")
    change = 100 * (np.mean(FORCES["transfer", 10]) / np.mean(FORCES["scratch", 10]) - 1)
    assert transfer[3].startswith(f"{change:+.0f} (") and transfer[2] == transfer[6] == "-"
    # Three draws that both arms have: a mean, and no interval.
    assert transfer[5] == f"{100 * (37 / 41 - 1):+.0f} (3 draws)"


def test_too_few_draws_decide_nothing(study):
    _, plan, rows = study
    verdicts = {s["statement"]: s["verdict"] for s in judge(plan, rows, "forces")}
    assert verdicts["force MAE (meV/Å) at 10 frames: transfer against scratch"] == "reproduced"
    assert verdicts["force MAE (meV/Å) at 100 frames: transfer against scratch"] == "not decided at this tier"
    assert verdicts["force MAE (meV/Å) at 10 frames: best against transfer"] == "lower"
    assert verdicts["energy MAE of 10 transferred frames against 43 meV/atom"] == "reproduced"
    assert not any("195 frames" in text for text in verdicts)


def test_the_command_of_a_study_makes_its_plan_again():
    data = "tlmlp data lammps --element Ni --pair-style eam/alloy --pair-coeff '* * Ni.eam Ni' --lattice fcc --tier smoke --pool"
    options = {"source_data": data.replace("Ni", "Cu").replace(" --pool", ""), "target_data": data}
    plan = default_plan("sw-data-efficiency", "small", "Cu:Ni", changes=["sizes=[1, 10]", "arms.best=null"], **options)
    text = command(plan)
    assert "--pair Cu:Ni" in text and "--set 'sizes=[1, 10]'" in text and "--set arms.best=null" in text
    assert "'\"'\"'* * Ni.eam Ni'\"'\"'" in text and "--target-data" in text
    assert plan.target.frames == "pool.extxyz" and plan.source.frames == "train.extxyz"
    assert "data" not in command(default_plan("dft-data-efficiency", "small")).replace("dft-data-efficiency", "")

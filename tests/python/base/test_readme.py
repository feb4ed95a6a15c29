"""The README's Python runs as it stands, and its links lead somewhere."""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, flags=re.S))
def test_python_block_runs_verbatim(block, tmp_path, monkeypatch, capsys):
    import torch

    from tlmlp.export import export_model
    from tlmlp.models import build_potential

    (tmp_path / "quickstart-out").mkdir()
    potential = build_potential(["Ge"], cutoff=5.0, seed=0, dtype=torch.float32)
    export_model(potential, tmp_path / "quickstart-out" / "ge.pt", {})
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.count("eV") == 3


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
)
def test_relative_links_exist(page):
    text = re.sub(r"```.*?```|`[^`]*`|^    .*?$", "", (ROOT / page).read_text(), flags=re.S | re.M)  # prose only
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_command_in_the_readme_exists():
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", README, flags=re.S))
    for command in set(re.findall(r"^tlmlp ([a-z]+)(?: ([a-z]+))?", blocks, flags=re.M)):
        words = [word for word in command if word]
        if words[0] == "data":
            words = words[:2]
        else:
            words = words[:1]
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0, command


def mean(file: str, column: str, scale: float = 1.0, **values: str) -> float:
    """Mean of a column over the rows of a CSV file that have these values."""
    with (ROOT / file).open() as lines:
        rows = [row for row in csv.DictReader(lines) if all(row[name] == value for name, value in values.items())]
    assert len(rows) == 5
    return scale * sum(float(row[column]) for row in rows) / len(rows)


def test_the_numbers_are_those_of_the_measurements():
    text = " ".join(README.split())
    study = "docs/results/dft-data-efficiency/small/results.csv"
    ten = {"frames": "10", "chosen_by": "forces"}
    arms = ("scratch", "transfer", "best")
    force = {arm: mean(study, "force_mae_ev_per_ang", 1000, arm=arm, **ten) for arm in arms}
    energy = {arm: mean(study, "energy_mae_mev_per_atom", arm=arm, **ten) for arm in arms}
    change = [100 * (found["transfer"] / found["scratch"] - 1) for found in (force, energy)]
    assert f"force errors from {force['scratch']:.1f} to {force['transfer']:.1f} meV/Å ({change[0]:.0f} %)" in text
    assert (
        f"energy errors from {energy['scratch']:.0f} to {energy['transfer']:.0f} meV/atom ({change[1]:.0f} %)" in text
    )
    assert f"reach {force['best']:.1f} meV/Å and {energy['best']:.1f} meV/atom" in text
    forty = {"frames": "40", "chosen_by": "forces", "arm": "scratch"}
    force_of_forty = mean(study, "force_mae_ev_per_ang", 1000, **forty)
    assert (
        f"with forty ({force_of_forty:.1f} meV/Å and {mean(study, 'energy_mae_mev_per_atom', **forty):.0f} meV/atom)"
        in text
    )
    which = {"source": "si-dft", "method": "recipe", "frames": "10"}
    few = "benchmarks/few_frames.csv"
    found = [
        mean(few, "energy_mae_mev_per_atom", **which),
        mean(few, "force_mae_ev_per_ang", 1000, **which),
        mean(few, "stress_mae_gpa", **which),
    ]
    assert f"{found[0]:.2f} meV/atom, {found[1]:.1f} meV/Å and {found[2]:.3f} GPa" in text
    speed = (ROOT / "docs" / "background" / "performance.md").read_text()
    assert "take 87 ms on one thread" in text and "512 atoms (14,336 edges) | 87 ms |" in speed
    others = [
        float(row)
        for row in re.findall(
            r"^\| (?:MACE|PyG|chemtrain).* (\d+\.\d) \|$", speed.split("training step,")[1], flags=re.M
        )
    ]
    assert f"{min(others):.0f} to {max(others):.0f} times as fast" in text


def test_the_comparison_with_other_codes_is_that_of_the_measurements():
    text = " ".join(README.split())
    with (ROOT / "benchmarks" / "peers_few_frames.csv").open() as lines:
        rows = {(row["code"], row["setting"]): row for row in csv.DictReader(lines)}
    us = {key: float(row["us_per_atom"]) for key, row in rows.items()}
    ours, pod, small_pod, snap = ("tlmlp", "0"), ("pod", "1"), ("pod", "0"), ("snap", "0")
    error = {
        key: float(row["force_mae_ev_per_ang"]) / float(rows[ours]["force_mae_ev_per_ang"]) for key, row in rows.items()
    }
    assert round(error[pod], 1) == round(error[small_pod], 1)
    assert f"up to {us[ours] / us[small_pod]:.1f} times as fast and has {error[pod]:.1f} times the force error" in text
    assert f"takes {us[snap] / us[ours]:.1f} times as long and has {error[snap]:.1f} times the error" in text

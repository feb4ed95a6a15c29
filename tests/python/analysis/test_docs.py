"""What the pages say: the commands of the tutorial, in its order and at small size, and the Python of each page."""

import glob
import re
import shlex

import ase.io
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="models for the tests are made with torch")

from tlmlp.cli.main import app
from tlmlp.export import export_model
from tlmlp.testing.random_models import SMALL, random_potential

from .conftest import ROOT

#: What makes the pages small; every text must be in the page it belongs to.
SMALLER = {
    "tutorial.md": {
        "--ps 3": "--ps 0.004 --trajectory-every 2",
        "--ps 8 --trajectory-every 20": "--ps 0.05 --trajectory-every 1",
        "--skip-ps 2": "--skip-ps 0.002",
        "--skip-ps 0.5": "--skip-ps 0",
        "--time-ps 3": "--time-ps 0.02",
        "--seeds 6": "--seeds 2",
        "--trajectory-fs 20": "--trajectory-fs 10",
        "--out phonons": "--mesh 20 --out phonons",
        "skip_ps=2.0": "skip_ps=0.01",
        "time_ps=3": "time_ps=0.02, trajectory_fs=0",
        "seeds=6, jobs=2": "seeds=1",
        'out=Path("phonons")': 'mesh=20.0, out=Path("phonons")',
    },
    "stability.md": {"temperature=1200, time_ps=100": "temperature=5, time_ps=0.02", "seeds=20, jobs=2": "seeds=1"},
    "structure.md": {"skip_ps=2.0": "skip_ps=0.1"},
}


def page(name: str) -> str:
    text = next((ROOT / "docs").glob(f"*/{name}")).read_text()
    for large, small in SMALLER[name].items():
        assert large in text, f"{name} no longer has {large}"
        text = text.replace(large, small)
    return text


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def run(line: str) -> str:
    program, *words = shlex.split(line, comments=True)
    words = [file for word in words for file in (sorted(glob.glob(word)) if "*" in word else [word])]
    if program == "ase":
        from ase.cli.main import main

        main(args=words)
        return ""
    assert program == "tlmlp"
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"
    return done.output


def test_the_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = page("tutorial.md")
    outputs = [run(line) for block in blocks(text, "bash") for line in block.splitlines()]
    assert len(outputs) == 7
    for file in re.findall(r"`((?:phonons|liquid|survival)/[\w./-]+)`", text):
        assert (tmp_path / file).is_file(), file
    optical = re.search(r"optical mode at Γ, ([\d.]+) THz", text)
    assert optical and optical[1] in outputs[0]  # the numbers of the page, where its size does not change them
    assert re.search(r"lattice constant, ([\d.]+) Å", text)[1] in outputs[0]
    frames = ase.io.read(tmp_path / "liquid" / "trajectory.extxyz", ":")
    assert len(frames[0]) == 64 and frames[0].cell[0, 0] == pytest.approx(10.64)
    assert " 2 │      2 │" in outputs[5] and "2 (1)" in outputs[6]
    (block,) = blocks(text, "python")
    assert len([line for line in block.splitlines() if line]) <= 12
    exec(compile(block, "tutorial.md", "exec"), {})
    assert "14.5" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["structure.md", "stability.md"])
def test_the_python_of_a_page_runs(name, silicon, write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(silicon, "liquid/trajectory.extxyz")
    germanium = silicon[0].copy()
    germanium.symbols[:] = "Ge"
    ase.io.write("liquid.extxyz", germanium)
    export_model(random_potential(["Ge"], 4.3, scale=0.0, **SMALL), "ge.pt", {}, portable=True)
    (block,) = blocks(page(name), "python")
    assert len([line for line in block.splitlines() if line]) <= 10
    exec(compile(block, name, "exec"), {})
    (summary,) = tmp_path.glob("st*-out/summary.json")
    assert summary.stat().st_size > 100
    assert "neighbours nearer" in (out := capsys.readouterr().out) or "1 of 1 runs are stable" in out

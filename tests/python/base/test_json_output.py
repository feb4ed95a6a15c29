"""``--json``: one JSON value on standard output, and nothing else there."""

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tlmlp.cli.main import app

COMMANDS = Path(__file__).resolve().parents[3] / "python" / "tlmlp" / "cli"

SILICON = """8
Lattice="5.43 0 0 0 5.43 0 0 0 5.43" Properties=species:S:1:pos:R:3:REF_forces:R:3 REF_energy={energy} pbc="T T T"
Si 0.00 0.0 0.0 0.1 0 0
Si 0.05 2.715 2.715 -0.1 0 0
Si 2.715 0.0 2.715 0 0 0
Si 2.715 2.715 0.0 0 0 0
Si 1.3575 1.3575 1.3575 0 0 0
Si 1.3575 4.0725 4.0725 0 0 0
Si 4.0725 1.3575 4.0725 0 0 0
Si 4.0725 4.0725 1.3575 0 0 0
"""

#: Arguments, without --json, and entries of the result (of its first element where it is a list).
CALLS = [
    ("info si-dft", {"format", "species", "cutoff"}),
    ("verify si-dft", {"route", "dtype", "passed"}),
    ("doctor", {"part", "state", "details"}),
    ("study dft-stability --tier small --estimate", {"parts", "core_hours", "hours_2_cores"}),
    ("openmm check", {"force", "works", "why_not"}),
    ("lammps doctor", {"part", "works", "details"}),
    ("bench engine --atoms 64 --repeats 1", {"benchmark", "versions"}),
    ("elastic Si.sw", {"model", "settings", "elastic_tensor_GPa", "cubic_GPa", "stable"}),
    ("eos Si.sw --points 7", {"model", "settings", "a0_ang", "B0_GPa"}),
    ("vacancy Si.sw --supercell 1 1 1", {"model", "settings", "vacancies"}),
    ("relax Si.sw si.extxyz", {"model", "settings", "converged", "energy_eV", "relaxed_structure"}),
    ("predict Si.sw si.extxyz", {"labelled", "frames", "atoms", "seconds"}),
    ("phonons Si.sw --supercell 1 1 1 --mesh 10", {"models", "reference", "settings"}),
    ("dimer si-dft", {"model", "bonds_ang", "problems"}),
    ("data check si.extxyz", {"files"}),
    ("evaluate si-dft si.extxyz", {"frames", "atoms"}),
    ("md si-dft si.extxyz --engine ase --steps 4 --out run", {"atoms", "steps_done", "summary"}),
    (
        "stability si-dft --structure si.extxyz --time-ps 0.01 --seeds 1 --trajectory-fs 2",
        {"runs", "stable", "stable_fraction", "models"},
    ),
    ("structure run/trajectory.extxyz --frame-fs 1 --r-max 2.6 --cutoff 2.6", {"trajectories", "bond_cutoff_angstrom"}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run, one after another: later ones read what earlier ones wrote."""
    place = tmp_path_factory.mktemp("json")
    (place / "si.extxyz").write_text("".join(SILICON.format(energy=-43.0 - 0.1 * n) for n in range(2)))
    return place


@pytest.mark.parametrize(("call", "entries"), CALLS, ids=[call.split(" --")[0] for call, _ in CALLS])
def test_the_result_is_one_json_value_on_one_line(call, entries, folder, monkeypatch):
    monkeypatch.chdir(folder)
    to_file = call.startswith(("evaluate ", "data check "))
    run = CliRunner().invoke(app, [*call.split(), "--json", *(["-"] if to_file else [])])
    assert run.exit_code == 0, run.output
    assert run.stdout.count("\n") == 1
    value = json.loads(run.stdout)
    assert entries <= set(value[0] if isinstance(value, list) else value)


def _commands(group, names=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*names, name))
        else:
            yield " ".join((*names, name)), command


def test_every_command_that_prints_a_table_has_the_option():
    having = {name for name, c in _commands(get_command(app)) if any("--json" in p.opts for p in c.params)}
    for call, _ in CALLS:
        assert any(call == name or call.startswith(f"{name} ") for name in having), call
    for file in COMMANDS.glob("*.py"):
        if re.search(r"\btable\(", file.read_text()):
            assert "Json" in file.read_text(), f"{file.name} prints a table, and has no --json"

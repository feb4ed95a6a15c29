"""Steps run once, side by side, and say what failed."""

import sys

import pytest

from tlmlp.errors import TlmlpError
from tlmlp.studies.steps import Runner, Step


def python_step(name: str, code: str) -> Step:
    return Step(name, (sys.executable, "-c", code))


def test_a_finished_step_is_not_run_again_and_a_changed_one_is(tmp_path):
    code = "open('count', 'a').write('x')"
    for _ in range(2):
        Runner(tmp_path).run(python_step("count", code))
    assert (tmp_path / "count").read_text() == "x"
    Runner(tmp_path).run(python_step("count", code + " "))
    assert (tmp_path / "count").read_text() == "xx"


def test_output_is_logged_with_the_command(tmp_path):
    Runner(tmp_path).run(
        python_step("speak", "print('hello')"), python_step("other", "import sys; sys.stderr.write('note')")
    )
    log = (tmp_path / "logs" / "speak.log").read_text()
    assert "hello" in log and log.startswith("$ ")
    assert "note" in (tmp_path / "logs" / "other.log").read_text()


def test_a_failure_names_the_step_and_its_error_and_lets_the_others_finish(tmp_path):
    bad = python_step("bad", "raise SystemExit('error: no such element')")
    good = python_step("good", "import time; time.sleep(0.3); open('done', 'w')")
    with pytest.raises(TlmlpError, match=r"bad ended with status 1: error: no such element"):
        Runner(tmp_path).run(bad, good)
    assert (tmp_path / "done").exists()
    assert not (tmp_path / "logs" / "bad.done.json").exists()

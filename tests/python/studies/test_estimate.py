"""What a study would cost: numbers of commands and hours by hand."""

import pytest

from tlmlp.studies.catalogue import STUDIES, TIERS
from tlmlp.studies.estimate import estimate, gpu_hours, hours, unit_costs
from tlmlp.studies.plan import default_plan


def test_commands_and_hours_are_those_by_hand():
    plan = default_plan("dft-stability", "small")
    parts = {part.name: part for part in estimate(plan)}
    # three arms, four sizes, five draws; three learning rates but for the defaults
    assert parts["trainings, scratch"].commands == 4 * 5 * 3 and parts["trainings, best"].commands == 4 * 5
    assert parts["evaluations"].commands == 4 * 5 * (3 + 3 + 1) and parts["rows"].commands == 60
    # 100 ps for ten frames and 20 ps for the others, two seeds of each model, 0.5 fs a step
    steps = 3 * 5 * 2 * (100 + 3 * 20) / 0.5e-3
    assert parts["dynamics, all runs to their end"].seconds == pytest.approx(steps * unit_costs()["step"])


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("tier", TIERS)
def test_more_cores_are_never_slower_and_no_study_beats_its_longest_command(study, tier):
    parts = estimate(default_plan(study, tier))
    total, longest = sum(p.seconds for p in parts) / 3600, max(p.longest for p in parts) / 3600
    assert hours(parts, 1) == pytest.approx(total)
    assert total >= hours(parts, 2) >= hours(parts, 64) >= longest > 0
    assert hours(parts, 2) >= total / 2
    dynamics = [part for part in parts if part.gflop]
    assert bool(dynamics) == study.startswith(("dft-st", "dft-rem"))
    assert gpu_hours(parts) <= hours(parts, 16) or not dynamics


def test_a_source_that_is_there_is_neither_made_nor_trained():
    parts = {part.name for part in estimate(default_plan("dft-data-efficiency", "smoke", source_model="si-dft"))}
    assert "training of the source" not in parts and "data of Si" not in parts and "data of Ge" in parts

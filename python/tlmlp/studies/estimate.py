"""What a study would cost, from its plan and the seconds of its parts in ``workflows/costs.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from tlmlp.bench.peak import gflop_per_step
from tlmlp.data.generate import protocol_for
from tlmlp.studies.catalogue import STUDIES
from tlmlp.studies.plan import WORKFLOWS, Plan, Side
from tlmlp.train.element_transfer.recipe import few_frames_config

ATOMS = 64
#: Neighbours of an atom of silicon or germanium within the cutoff of ``costs.yaml``.
NEIGHBOURS = 16
STEP_PS = 0.5e-3
#: Frames of mlearn's test sets, about.
TEST_FRAMES = 24


@dataclass(frozen=True)
class Part:
    """Commands of one kind."""

    name: str
    commands: int
    #: CPU seconds of all of them, and of the longest.
    seconds: float
    longest: float
    #: Which of the others it waits for: parts of a lower stage.
    stage: int
    #: Of the seconds, those that a GPU would take over, as GFLOP.
    gflop: float = 0.0


def unit_costs() -> dict[str, Any]:
    """The seconds of each part."""
    return yaml.safe_load((WORKFLOWS / "costs.yaml").read_text())


def estimate(plan: Plan) -> list[Part]:
    """CPU seconds of every kind of command of the study."""
    unit = unit_costs()
    growth = (plan.few_training["model"]["cutoff"] / unit["cutoff"]) ** 3
    parts = [*_data(plan, unit), *_trainings(plan, unit, growth), *_analyses(plan, unit, growth)]
    return [part for part in parts if part.commands]


def hours(parts: list[Part], cores: int) -> float:
    """Wall time on so many cores, one thread a command: stage after stage, each no shorter than its longest command."""
    stages = {part.stage for part in parts}
    total = 0.0
    for stage in stages:
        here = [part for part in parts if part.stage == stage]
        total += max(sum(part.seconds for part in here) / cores, max(part.longest for part in here))
    return total / 3600.0


def gpu_hours(parts: list[Part], cores: int = 16) -> float:
    """Wall time with one GPU for the dynamics, all runs of a model in one batch, and ``cores`` cores for the rest."""
    rest = [Part(p.name, p.commands, 0.0, 0.0, p.stage) if p.gflop else p for p in parts]
    return hours(rest, cores) + sum(part.gflop for part in parts) / unit_costs()["gpu_gflops"] / 3600.0


def _sides(plan: Plan) -> Iterator[Side]:
    taught = plan.source_model is None and any(plan.teacher_of(arm) for arm in plan.arms)
    yield from ([plan.target, plan.source] if taught else [plan.target])
    yield from plan.teachers.values()


def _options(command: list[str]) -> dict[str, str]:
    return {a: b for a, b in pairwise(command) if a.startswith("--")}


def _data(plan: Plan, unit: dict[str, Any]) -> Iterator[Part]:
    for side in _sides(plan):
        if side.command is None:
            continue
        seconds = unit["command"]
        if side.command[2] != "mlearn":
            options = _options(side.command)
            kelvin = None
            if "--temperatures" in options:
                first, last, step = map(int, options["--temperatures"].split(":"))
                kelvin = range(first, last + 1, step)
            protocol = protocol_for(options.get("--tier", "smoke"), side.frames == "pool.extxyz", kelvin)
            seconds += len(protocol.temperatures) * (protocol.npt_ps + protocol.nvt_ps) * unit["lammps_ps"]
        yield Part(f"data of {side.element}", 1, seconds, seconds, 0)


def _training(section: dict[str, Any], n: int, unit: dict[str, Any], growth: float, validation: int) -> float:
    training = section["training"]
    updates, batch = training.get("updates", 5000), min(training.get("batch_size", 5), n)
    looks = updates / training.get("validate_every", 100) * validation
    return unit["command"] + growth * (updates * batch * unit["update_frame"] + looks * unit["evaluate_frame"])


def _trainings(plan: Plan, unit: dict[str, Any], growth: float) -> Iterator[Part]:
    teachers = {teacher[0] for arm in plan.arms if (teacher := plan.teacher_of(arm))}
    if plan.source_model is not None:
        teachers -= {"source"}
    source = _training(plan.source_training, 10**6, unit, growth, plan.validation)
    yield Part("training of the source", len(teachers), len(teachers) * source, source, 1)
    yield Part("draws of frames", plan.draws, plan.draws * unit["command"], unit["command"], 1)
    for name, arm in plan.arms.items():
        options, total, longest = len(arm.options()), 0.0, 0.0
        for n in plan.sizes:
            if arm.command == "default":
                section = few_frames_config(["frames.extxyz"], n)
                one = unit["rescale"] + _training(section, n, unit, growth, 0)
            else:
                one = _training(plan.few_training, n, unit, growth, plan.validation)
            total += plan.draws * options * one
            longest = max(longest, one)
        yield Part(f"trainings, {name}", plan.draws * options * len(plan.sizes), total, longest, 2)
    looks = sum(len(arm.options()) for arm in plan.arms.values()) * len(plan.sizes) * plan.draws
    test = TEST_FRAMES if plan.target.command and plan.target.command[2] == "mlearn" else 340
    one = unit["command"] + growth * test * unit["evaluate_frame"]
    yield Part("evaluations", looks, looks * one, one, 3)
    yield Part("rows", len(plan.names), len(plan.names) * unit["command"], unit["command"], 4)


def _analyses(plan: Plan, unit: dict[str, Any], growth: float) -> Iterator[Part]:
    models = len(plan.arms) * plan.draws * len(plan.needs_models)
    yield Part("exported models", models, models * unit["command"], unit["command"], 5)
    kind = STUDIES[plan.study].kind
    if kind == "dynamics":
        runs = plan.draws * plan.its_dynamics.seeds
        ps = [plan.its_dynamics.length(n) for n in plan.sizes]
        steps = [runs * time / STEP_PS for time in ps]
        seconds = [count * growth * unit["step"] for count in steps]
        gflop = len(plan.arms) * sum(steps) * gflop_per_step(ATOMS, round(ATOMS * NEIGHBOURS * growth))
        ensembles = len(plan.arms) * len(plan.sizes)
        longest = max(seconds) / plan.draws
        yield Part("dynamics, all runs to their end", models, len(plan.arms) * sum(seconds), longest, 6, gflop)
        if plan.study == "dft-structure":
            frames = max(steps) / 20 * 1e-3
            yield Part("distribution functions", ensembles, ensembles * frames, frames, 7)
    elif kind == "phonons":
        # of each model in its own crystal, and in the experimental cell
        yield Part("phonons", 2 * models, 2 * models * unit["phonons"], unit["phonons"], 6)
    elif kind == "properties":
        count = 3 * (models + 1)
        yield Part("properties", count, count * unit["properties"], unit["properties"], 6)
    elif kind == "temperature":
        one = unit["command"] + growth * (plan.per_temperature or 0) * unit["evaluate_frame"]
        yield Part("errors by temperature", models, models * one, one, 6)
    yield Part("report", 1, unit["report"], unit["report"], 9)


def as_dict(plan: Plan, parts: list[Part]) -> dict[str, Any]:
    """The estimate for scripts."""
    return {
        "study": plan.study,
        "tier": plan.tier,
        "parts": [{"commands": p.name, "number": p.commands, "core_hours": p.seconds / 3600.0} for p in parts],
        "core_hours": sum(part.seconds for part in parts) / 3600.0,
        "hours_2_cores": hours(parts, 2),
        "hours_64_cores": hours(parts, 64),
        "hours_gpu_16_cores": gpu_hours(parts),
        "unit_costs": unit_costs(),
    }


def say(plan: Plan, parts: list[Part]) -> None:
    """Print the table, and the hours on machines of several sizes."""
    from tlmlp.console import console, table

    rows = [
        [part.name, str(part.commands), f"{part.seconds / part.commands:.0f}", f"{part.seconds / 3600:.2f}"]
        for part in parts
    ]
    total = sum(part.seconds for part in parts) / 3600
    rows.append(["all", str(sum(part.commands for part in parts)), "", f"{total:.2f}"])
    table(f"{plan.study}, tier {plan.tier}", ["commands", "number", "seconds each", "core hours"], rows)
    console.print(
        f"hours: {hours(parts, 2):.1f} on 2 cores, {hours(parts, 64):.1f} on 64; {gpu_hours(parts):.1f} with one GPU for the "
        f"dynamics and 16 cores (its speed is assumed, {unit_costs()['gpu_gflops'] / 1000:g} TFLOP/s)",
    )

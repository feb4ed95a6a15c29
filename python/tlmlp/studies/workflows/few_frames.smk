"""Rules that all studies share: data, the source model, few frames from scratch, by transfer and by the package's defaults.

Every rule is one plain command; OUT/study.yaml says how many of each. A row is made from trainings with all learning
rates of its arm, and a row that is there already is not made again.
"""

import shlex
from pathlib import Path

from tlmlp.studies.plan import read_plan
from tlmlp.studies.rows import taken_files

plan = read_plan(Path("study.yaml"))
RATES = {name: [f"{rate:g}" for rate in arm.rates] for name, arm in plan.arms.items()}
DEFAULT = [name for name, arm in plan.arms.items() if arm.command == "default"]
SETTINGS = {name: [f"rate-{rate}" for rate in rates] or ["default"] for name, rates in RATES.items()}
SOURCE = plan.source_model or "runs/source"
SOURCE_FILE = [] if plan.source_model else ["runs/source/last.pt"]
NAMES = [
    f"{arm}-{frames}-frames-draw-{draw}" for arm in plan.arms for frames in plan.sizes for draw in range(plan.draws)
]
ROWS = [f"rows/{name}.json" for name in NAMES]
TAKEN = taken_files(Path("."))


def unless_taken(output, *inputs):
    """What ``output`` is made of; nothing where it came from an earlier study."""
    return [] if output in TAKEN else list(inputs)



wildcard_constraints:
    arm="[a-z]+",
    frames=r"\d+",
    draw=r"\d+",


localrules:
    all,


for side in {plan.source.folder: plan.source, plan.target.folder: plan.target}.values():
    if side.command is not None:

        rule:
            name:
                f"data_{side.element}"
            output:
                f"{side.folder}/{side.frames}",
                f"{side.folder}/test.extxyz",
            params:
                command=shlex.join(side.command),
                folder=side.folder,
            resources:
                runtime=600,
                mem_mb=2000,
            log:
                f"logs/data-{side.element}.log",
            shell:
                "{params.command} --out {params.folder} > {log} 2>&1"


if not plan.source_model:

    rule source:
        input:
            ancient(f"{plan.source.folder}/{plan.source.frames}"),
        output:
            "runs/source/last.pt",
        params:
            validation=f"{plan.source.folder}/val.extxyz",
        resources:
            runtime=240,
            mem_mb=2000,
        log:
            "logs/source.log",
        shell:
            "tlmlp train configs/source.yaml --out runs/source --set data.train={input} "
            "--set data.val={params.validation} > {log} 2>&1"


rule draw:
    input:
        ancient(f"{plan.target.folder}/{plan.target.frames}"),
    output:
        expand("draws/{{draw}}/train-{frames}.extxyz", frames=plan.sizes),
        "draws/{draw}/val.extxyz",
    params:
        sizes=",".join(map(str, plan.sizes)),
        validation=plan.validation,
        index="" if plan.draw_from == ":" else f"@{plan.draw_from}",
    resources:
        runtime=10,
        mem_mb=2000,
    log:
        "logs/draw-{draw}.log",
    shell:
        "tlmlp data split {input}{params.index} --sizes {params.sizes} --seed {wildcards.draw} --val {params.validation} "
        "--out draws/{wildcards.draw} > {log} 2>&1"


FEW = (
    "--set data.train={input.train} --set data.val={input.val} --set training.seed={wildcards.draw} "
    "--set training.learning_rate={wildcards.rate} > {log} 2>&1"
)

for name, arm in plan.arms.items():
    if arm.command == "default":
        continue

    rule:
        name:
            f"train_{name}"
        input:
            train=ancient("draws/{draw}/train-{frames}.extxyz"),
            val=ancient("draws/{draw}/val.extxyz"),
            source=[] if arm.command == "train" else ancient(SOURCE_FILE),
        output:
            f"runs/{name}/{{frames}}-frames-draw-{{draw}}/rate-{{rate}}/last.pt",
        params:
            start=(
                "train configs/few.yaml"
                if arm.command == "train"
                else f"transfer {shlex.quote(SOURCE)} configs/few.yaml --element-map {plan.element_map} "
                "--set transfer.rescale=none"
            ),
            run=f"runs/{name}/{{frames}}-frames-draw-{{draw}}/rate-{{rate}}",
        resources:
            runtime=60,
            mem_mb=2000,
        log:
            f"logs/train-{name}-{{frames}}-frames-draw-{{draw}}-rate-{{rate}}.log",
        shell:
            "tlmlp {params.start} --out {params.run} " + FEW


for name in DEFAULT:

    rule:
        name:
            f"train_{name}"
        input:
            train=ancient("draws/{draw}/train-{frames}.extxyz"),
            source=ancient(SOURCE_FILE),
        output:
            f"runs/{name}/{{frames}}-frames-draw-{{draw}}/default/last.pt",
        params:
            run=f"runs/{name}/{{frames}}-frames-draw-{{draw}}/default",
            source=shlex.quote(SOURCE),
            element_map=plan.element_map,
        resources:
            runtime=60,
            mem_mb=2000,
        log:
            f"logs/train-{name}-{{frames}}-frames-draw-{{draw}}.log",
        shell:
            "tlmlp transfer {params.source} {input.train} --element-map {params.element_map} --out {params.run} "
            "--set training.seed={wildcards.draw} --set training.threads=1 > {log} 2>&1"


rule evaluate:
    input:
        run="runs/{arm}/{frames}-frames-draw-{draw}/{setting}/last.pt",
        test=ancient(f"{plan.target.folder}/test.extxyz"),
    output:
        "evaluation/{arm}/{frames}-frames-draw-{draw}/{setting}.json",
    params:
        run="runs/{arm}/{frames}-frames-draw-{draw}/{setting}",
    resources:
        runtime=10,
        mem_mb=2000,
    log:
        "logs/evaluate-{arm}-{frames}-frames-draw-{draw}-{setting}.log",
    shell:
        "tlmlp evaluate {params.run} {input.test} --json {output} > {log} 2>&1"


rule row:
    input:
        lambda w: unless_taken(
            f"rows/{w.arm}-{w.frames}-frames-draw-{w.draw}.json",
            *(f"evaluation/{w.arm}/{w.frames}-frames-draw-{w.draw}/{setting}.json" for setting in SETTINGS[w.arm]),
        ),
    output:
        "rows/{arm}-{frames}-frames-draw-{draw}.json",
    params:
        key=lambda w: plan.row_key(w.arm, int(w.frames), int(w.draw)),
    resources:
        runtime=10,
        mem_mb=1000,
    shell:
        "tlmlp study row . --arm {wildcards.arm} --frames {wildcards.frames} --draw {wildcards.draw} --out {output}"


rule model:
    input:
        lambda w: unless_taken(
            f"models/{w.arm}-{w.frames}-frames-draw-{w.draw}.pt",
            f"rows/{w.arm}-{w.frames}-frames-draw-{w.draw}.json",
            *(f"runs/{w.arm}/{w.frames}-frames-draw-{w.draw}/{setting}/last.pt" for setting in SETTINGS[w.arm]),
        ),
    output:
        "models/{arm}-{frames}-frames-draw-{draw}.pt",
    resources:
        runtime=10,
        mem_mb=2000,
    log:
        "logs/model-{arm}-{frames}-frames-draw-{draw}.log",
    shell:
        "tlmlp study model . --arm {wildcards.arm} --frames {wildcards.frames} --draw {wildcards.draw} "
        "--out {output} > {log} 2>&1"

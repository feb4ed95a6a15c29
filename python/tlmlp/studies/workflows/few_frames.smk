"""Rules that all studies share: data, the source model, few frames from scratch, by transfer and by the package's defaults.

Every rule is one plain command; OUT/study.yaml says how many of each. A row is made from trainings with all learning
rates of its arm, and a row that is there already is not made again.
"""

import shlex
from pathlib import Path

from tlmlp.studies.finished import taken_files
from tlmlp.studies.identity import row_key
from tlmlp.studies.plan import read_plan
from tlmlp.studies.rows import row_name

plan = read_plan(Path("study.yaml"))
OPTIONS = {name: arm.options() for name, arm in plan.arms.items()}
NAMES = [row_name(*which) for which in plan.names]
ROWS = [f"rows/{name}.json" for name in NAMES]
TAKEN = taken_files(Path("."))
#: Models that transfers start from, by name, with the data that they are trained on.
TEACHERS = dict(filter(None, map(plan.teacher_of, plan.arms)))
if plan.source_model is not None:
    TEACHERS.pop("source", None)


def unless_taken(output, *inputs):
    """What ``output`` is made of; nothing where it came from an earlier study."""
    return [] if output in TAKEN else list(inputs)


def start_of(arm):
    """Model that the transfers of ``arm`` start from, and the file of it that a rule waits for."""
    name = plan.teacher_of(arm)[0]
    if name not in TEACHERS:
        return plan.source_model, []
    if f"models/{name}.pt" in TAKEN:
        return f"models/{name}.pt", []
    return f"runs/{name}", [f"runs/{name}/last.pt"]


def settings_of(arm):
    """Function of the wildcards: the settings of a training as options of the command."""
    teacher = plan.teacher_of(arm)
    frames = f"{teacher[1].folder}/{teacher[1].frames}" if teacher else ""

    def options(wildcards):
        settings = OPTIONS[arm][wildcards.setting]
        return " ".join("--set " + shlex.quote(text.replace("{source}", frames)) for text in settings)

    return options


wildcard_constraints:
    arm="[a-z][a-z0-9_]*",
    frames=r"\d+",
    draw=r"\d+",
    setting="[^/]+",


localrules:
    all,


for side in {side.folder: side for side in (plan.source, plan.target, *TEACHERS.values())}.values():
    if side.command is not None:

        rule:
            name:
                f"data_{Path(side.folder).name}"
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
                f"logs/data-{Path(side.folder).name}.log",
            benchmark:
                f"benchmarks/data/{Path(side.folder).name}.tsv"
            shell:
                "{params.command} --out {params.folder} > {log} 2>&1"


for name, side in TEACHERS.items():

    rule:
        name:
            f"train_{name}"
        input:
            ancient(f"{side.folder}/{side.frames}"),
        output:
            f"runs/{name}/last.pt",
        params:
            validation=f"{side.folder}/val.extxyz",
            run=f"runs/{name}",
        threads: plan.source_training["training"].get("threads", 1)
        resources:
            runtime=240,
            mem_mb=2000,
        log:
            f"logs/{name}.log",
        benchmark:
            f"benchmarks/teacher/{name}.tsv"
        shell:
            "tlmlp train configs/source.yaml --out {params.run} --set data.train={input} "
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
    benchmark:
        "benchmarks/draw/{draw}.tsv"
    shell:
        "tlmlp data split {input}{params.index} --sizes {params.sizes} --seed {wildcards.draw} --val {params.validation} "
        "--out draws/{wildcards.draw} > {log} 2>&1"


for name, arm in plan.arms.items():
    source, wait_for = (None, []) if arm.command == "train" else start_of(name)
    start = {
        "train": "train configs/few.yaml",
        "transfer": f"transfer {shlex.quote(source or '')} configs/few.yaml",
        # The cross-validation of the defaults takes no part in the model, and the rows have no use for it.
        "default": f"transfer {shlex.quote(source or '')} draws/{{draw}}/train-{{frames}}.extxyz --folds 0",
    }[arm.command]
    element_map = "" if arm.command == "train" else f" --element-map {plan.element_map_of(name)}"
    known = "--set data.train=draws/{draw}/train-{frames}.extxyz --set data.val=draws/{draw}/val.extxyz"
    options = {
        "train": known,
        "transfer": f"{known} --set transfer.rescale=none",
        "default": "--set training.threads=1",
    }[arm.command]

    rule:
        name:
            f"train_{name}"
        input:
            train=ancient("draws/{draw}/train-{frames}.extxyz"),
            val=[] if arm.command == "default" else ancient("draws/{draw}/val.extxyz"),
            source=ancient(wait_for),
        output:
            f"runs/{name}/{{frames}}-frames-draw-{{draw}}/{{setting}}/last.pt",
        params:
            start=start + element_map,
            run=f"runs/{name}/{{frames}}-frames-draw-{{draw}}/{{setting}}",
            options=options,
            settings=settings_of(name),
        resources:
            runtime=60,
            mem_mb=2000,
        log:
            f"logs/train-{name}-{{frames}}-frames-draw-{{draw}}-{{setting}}.log",
        benchmark:
            f"benchmarks/train-{name}/{{frames}}-frames-draw-{{draw}}-{{setting}}.tsv"
        shell:
            "tlmlp {params.start} --out {params.run} --set training.seed={wildcards.draw} {params.options} "
            "{params.settings} > {log} 2>&1"


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
    benchmark:
        "benchmarks/evaluate/{arm}-{frames}-frames-draw-{draw}-{setting}.tsv"
    shell:
        "tlmlp evaluate {params.run} {input.test} --json {output} > {log} 2>&1"


rule row:
    input:
        lambda w: unless_taken(
            f"rows/{w.arm}-{w.frames}-frames-draw-{w.draw}.json",
            *(f"evaluation/{w.arm}/{w.frames}-frames-draw-{w.draw}/{setting}.json" for setting in OPTIONS[w.arm]),
        ),
    output:
        "rows/{arm}-{frames}-frames-draw-{draw}.json",
    params:
        key=lambda w: row_key(plan, w.arm, int(w.frames), int(w.draw)),
    resources:
        runtime=10,
        mem_mb=1000,
    benchmark:
        "benchmarks/row/{arm}-{frames}-frames-draw-{draw}.tsv"
    shell:
        "tlmlp study row . --arm {wildcards.arm} --frames {wildcards.frames} --draw {wildcards.draw} --out {output}"


rule model:
    input:
        lambda w: unless_taken(
            f"models/{w.arm}-{w.frames}-frames-draw-{w.draw}.pt",
            f"rows/{w.arm}-{w.frames}-frames-draw-{w.draw}.json",
            *(f"runs/{w.arm}/{w.frames}-frames-draw-{w.draw}/{setting}/last.pt" for setting in OPTIONS[w.arm]),
        ),
    output:
        "models/{arm}-{frames}-frames-draw-{draw}.pt",
    resources:
        runtime=10,
        mem_mb=2000,
    log:
        "logs/model-{arm}-{frames}-frames-draw-{draw}.log",
    benchmark:
        "benchmarks/model/{arm}-{frames}-frames-draw-{draw}.tsv"
    shell:
        "tlmlp study model . --arm {wildcards.arm} --frames {wildcards.frames} --draw {wildcards.draw} "
        "--out {output} > {log} 2>&1"

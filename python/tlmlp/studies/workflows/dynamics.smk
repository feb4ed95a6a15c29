"""Langevin dynamics with every model: how many runs survive, and the distribution functions of those that do."""


rule all:
    input:
        "report.html",


include: "few_frames.smk"


ENSEMBLES = [f"{arm}-{frames}-frames" for arm in plan.arms for frames in plan.sizes]
STRUCTURES = plan.study == "dft-structure"


def runs_of(ensemble):
    """What says that all models of an ensemble have run."""
    return [f"stability/{ensemble}/draw-{draw}/summary.json" for draw in range(plan.draws)]


rule start:
    input:
        unless_taken("start.extxyz", ancient(f"{plan.target.folder}/test.extxyz")),
    output:
        "start.extxyz",
    resources:
        runtime=10,
        mem_mb=1000,
    shell:
        "tlmlp study start {input} --out {output}"


rule stability:
    input:
        lambda w: unless_taken(
            f"stability/{w.arm}-{w.frames}-frames/draw-{w.draw}/summary.json",
            f"models/{w.arm}-{w.frames}-frames-draw-{w.draw}.pt",
            ancient("start.extxyz"),
        ),
    output:
        "stability/{arm}-{frames}-frames/draw-{draw}/summary.json",
    params:
        model="models/{arm}-{frames}-frames-draw-{draw}.pt",
        out="stability/{arm}-{frames}-frames/draw-{draw}",
        temperature=f"{plan.dynamics.temperature:g}",
        time_ps=lambda w: f"{plan.dynamics.length(int(w.frames)):g}",
        seeds=plan.dynamics.seeds,
    resources:
        runtime=1440,
        mem_mb=2000,
    log:
        "logs/stability-{arm}-{frames}-frames-draw-{draw}.log",
    benchmark:
        "benchmarks/stability/{arm}-{frames}-frames-draw-{draw}.tsv"
    shell:
        "tlmlp stability {params.model} --structure start.extxyz --temperature {params.temperature} "
        "--time-ps {params.time_ps} --seeds {params.seeds} --out {params.out} > {log} 2>&1"


rule structure:
    input:
        lambda w: unless_taken(
            f"structure/{w.arm}-{w.frames}-frames/summary.json", *runs_of(f"{w.arm}-{w.frames}-frames")
        ),
    output:
        "structure/{arm}-{frames}-frames/summary.json",
    params:
        runs="stability/{arm}-{frames}-frames/draw-*/trajectories",
        out="structure/{arm}-{frames}-frames",
        skip_ps=lambda w: f"{plan.dynamics.skip_share * plan.dynamics.length(int(w.frames)):g}",
    resources:
        runtime=60,
        mem_mb=4000,
    log:
        "logs/structure-{arm}-{frames}-frames.log",
    benchmark:
        "benchmarks/structure/{arm}-{frames}-frames.tsv"
    shell:
        # An arm without a stable run has no distribution functions; its summary is empty.
        "if compgen -G '{params.runs}/*/*.extxyz' > /dev/null; then "
        "tlmlp structure {params.runs}/*/*.extxyz --skip-ps {params.skip_ps} --out {params.out} > {log} 2>&1; "
        "else echo '{{}}' > {output}; fi"


rule report:
    input:
        ROWS,
        [file for name in ENSEMBLES for file in runs_of(name)],
        expand("structure/{name}/summary.json", name=ENSEMBLES) if STRUCTURES else [],
    output:
        "report.html",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "tlmlp study report ."

"""Langevin dynamics with every model: how many runs survive, and the distribution functions of those that do."""


rule all:
    input:
        "report.html",


include: "few_frames.smk"


ENSEMBLES = [f"{arm}-{frames}-frames" for arm in plan.arms for frames in plan.sizes]
STRUCTURES = plan.study == "dft-structure"


rule start:
    input:
        ancient(f"{plan.target.folder}/test.extxyz"),
    output:
        "start.extxyz",
    resources:
        runtime=10,
        mem_mb=1000,
    shell:
        "tlmlp study start {input} --out {output}"


rule stability:
    input:
        models=lambda w: [f"models/{w.arm}-{w.frames}-frames-draw-{draw}.pt" for draw in range(plan.draws)],
        start=ancient("start.extxyz"),
    output:
        "stability/{arm}-{frames}-frames/summary.json",
    params:
        out="stability/{arm}-{frames}-frames",
        temperature=f"{plan.dynamics.temperature:g}",
        time_ps=lambda w: f"{plan.dynamics.length(int(w.frames)):g}",
        seeds=plan.dynamics.seeds,
    resources:
        runtime=1440,
        mem_mb=2000,
    log:
        "logs/stability-{arm}-{frames}-frames.log",
    benchmark:
        "benchmarks/stability/{arm}-{frames}-frames.tsv"
    shell:
        "tlmlp stability {input.models} --structure {input.start} --temperature {params.temperature} "
        "--time-ps {params.time_ps} --seeds {params.seeds} --out {params.out} > {log} 2>&1"


rule structure:
    input:
        "stability/{arm}-{frames}-frames/summary.json",
    output:
        "structure/{arm}-{frames}-frames/summary.json",
    params:
        runs="stability/{arm}-{frames}-frames/trajectories",
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
        expand("stability/{name}/summary.json", name=ENSEMBLES),
        expand("structure/{name}/summary.json", name=ENSEMBLES) if STRUCTURES else [],
    output:
        "report.html",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "tlmlp study report ."

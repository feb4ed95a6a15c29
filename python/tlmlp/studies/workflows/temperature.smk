"""Errors of the models of every arm at temperatures that their training frames do not have."""


rule all:
    input:
        "report.html",


include: "few_frames.smk"


rule temperatures:
    input:
        ancient(f"{plan.target.folder}/{plan.target.frames}"),
    output:
        f"temperatures/train-{plan.per_temperature}.extxyz",
    params:
        frames=plan.per_temperature,
    resources:
        runtime=10,
        mem_mb=4000,
    log:
        "logs/temperatures.log",
    benchmark:
        "benchmarks/temperatures/all.tsv"
    shell:
        # A seed that no draw of training frames has.
        "tlmlp data split {input} --sizes {params.frames} --seed 1000 --by group --out temperatures > {log} 2>&1"


rule by_temperature:
    input:
        model="models/{name}.pt",
        frames=f"temperatures/train-{plan.per_temperature}.extxyz",
    output:
        "by-temperature/{name}.json",
    resources:
        runtime=30,
        mem_mb=2000,
    log:
        "logs/by-temperature-{name}.log",
    benchmark:
        "benchmarks/by-temperature/{name}.tsv"
    shell:
        "tlmlp evaluate {input.model} {input.frames} --json {output} > {log} 2>&1"


rule report:
    input:
        ROWS,
        expand("by-temperature/{name}.json", name=NAMES),
    output:
        "report.html",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "tlmlp study report ."

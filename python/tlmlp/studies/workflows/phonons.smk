"""Phonons of the models of every arm beside those of the potential that made the labels."""


rule all:
    input:
        "report.html",


include: "few_frames.smk"


rule phonons:
    input:
        "models/{name}.pt",
    output:
        "phonons/{name}/summary.json",
    params:
        truth=shlex.quote(plan.truth_argument()),
        out="phonons/{name}",
    resources:
        runtime=60,
        mem_mb=2000,
    log:
        "logs/phonons-{name}.log",
    benchmark:
        "benchmarks/phonons/{name}.tsv"
    shell:
        # A poor model may have no crystal to relax to: its phonons are then those of the experimental cell, and the
        # report says so.
        "tlmlp phonons {input} --reference {params.truth} --supercell 2 2 2 --out {params.out} > {log} 2>&1 || "
        "tlmlp phonons {input} --reference {params.truth} --supercell 2 2 2 --no-relax --out {params.out} >> {log} 2>&1"


rule phonons_in_one_cell:
    input:
        "models/{name}.pt",
    output:
        "one-cell/{name}/summary.json",
    params:
        truth=shlex.quote(plan.truth_argument()),
        out="one-cell/{name}",
    resources:
        runtime=60,
        mem_mb=2000,
    log:
        "logs/one-cell-{name}.log",
    benchmark:
        "benchmarks/one-cell/{name}.tsv"
    shell:
        # Forces alone leave the pressure, and so the relaxed cell, free: here models and truth have the same one.
        "tlmlp phonons {input} --reference {params.truth} --supercell 2 2 2 --no-relax --out {params.out} > {log} 2>&1"


rule report:
    input:
        ROWS,
        expand("phonons/{name}/summary.json", name=NAMES),
        expand("one-cell/{name}/summary.json", name=NAMES),
    output:
        "report.html",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "tlmlp study report ."

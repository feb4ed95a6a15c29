"""Properties that no training frame shows, of the models of every arm and of the potential that made the labels."""


rule all:
    input:
        "report.html",


include: "few_frames.smk"


PROPERTIES = ("elastic", "eos", "vacancy")


rule property:
    input:
        "models/{name}.pt",
    output:
        "properties/{name}/{property}.json",
    params:
        out="properties/{name}",
    resources:
        runtime=60,
        mem_mb=2000,
    log:
        "logs/{property}-{name}.log",
    benchmark:
        "benchmarks/{property}/{name}.tsv"
    wildcard_constraints:
        property="|".join(PROPERTIES),
    shell:
        # A poor model may have no crystal to relax to: the report counts it among those that failed.
        "tlmlp {wildcards.property} {input} --out {params.out} > {log} 2>&1 || "
        "echo '{{\"failed\": \"{log}\"}}' > {output}"


rule truth:
    output:
        "properties/truth/{property}.json",
    params:
        model=shlex.quote(plan.truth_argument()),
    resources:
        runtime=60,
        mem_mb=2000,
    log:
        "logs/{property}-truth.log",
    benchmark:
        "benchmarks/{property}/truth.tsv"
    wildcard_constraints:
        property="|".join(PROPERTIES),
    shell:
        "tlmlp {wildcards.property} {params.model} --out properties/truth > {log} 2>&1"


ruleorder: truth > property


rule report:
    input:
        ROWS,
        expand("properties/{name}/{property}.json", name=[*NAMES, "truth"], property=PROPERTIES),
    output:
        "report.html",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "tlmlp study report ."

"""Learning curves: test errors over the number of training frames."""


rule all:
    input:
        "report.html",


include: "few_frames.smk"


rule report:
    input:
        ROWS,
        expand("models/{arm}-{frames}-frames-draw-{draw}.pt", arm=plan.arms, frames=plan.keep_models, draw=range(plan.draws)),
    output:
        "report.html",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "tlmlp study report ."

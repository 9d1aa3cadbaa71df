# Scores and figures.


rule evaluate:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=levels,
        mixing=trained_mixing,
        volumes=lambda wildcards: volumes(wildcards.dataset),
        truth=true_object,
    output:
        directory("results/{dataset}/evaluation"),
    params:
        settings=settings("evaluate"),
        mixing=settings("mixing", exclude={SAVING}),
        volumes=scored,
        folder=lambda wildcards: DATASETS[wildcards.dataset].folder,
        simulated=lambda wildcards: DATASETS[wildcards.dataset].simulated,
        truth=lambda wildcards: settings("input", include={"truth"})(wildcards)["truth"],
        code=script_digest("evaluate.py"),
    log:
        "results/{dataset}/logs/evaluate.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/evaluate.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("evaluate"),
        runtime=minutes("evaluate"),
        gpu=gpus,
        device=device,
    message:
        "{wildcards.dataset}: evaluate"
    script:
        "../scripts/evaluate.py"

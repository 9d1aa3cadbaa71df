# What follows from the motion: one job per exported time.


rule analyse:
    input:
        prepared=prepared("forward"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=finest,
        mixing=made_by("mixing"),
    output:
        directory("results/{dataset}/displacement/t{time}.zarr"),
    params:
        settings=settings("analyse"),
        mixing=settings("mixing"),
        time=lambda wildcards: dataset_of(wildcards).times[wildcards.time],
        code=script_digest("analyse.py"),
    log:
        "results/{dataset}/logs/analyse_t{time}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/analyse_t{time}.tsv"
    group:
        "analyse_{dataset}"
    threads: cpus(at_once=2)
    resources:
        mem_mb=memory("analyse"),
        runtime=minutes("analyse"),
        gpu=gpus,
        device=device,
    message:
        "{wildcards.dataset}: analyse t = {wildcards.time}"
    script:
        "../scripts/analyse.py"

# Scores and figures.


rule evaluate:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=sequence,
        canonical_forward=scan("forward"),
        canonical_backward=scan("backward"),
        velocity=motions,
        mixing=made_by("mixing"),
        trust=made_by("trust"),
        volumes=made_by("export"),
        truth=true_object,
        region=region_mask,
    output:
        directory("results/{dataset}/evaluation"),
    params:
        settings=settings("evaluate"),
        mixing=settings("mixing"),
        volumes=exported,
        folder=lambda wildcards, input: input.truth[0] if dataset_of(wildcards).simulated else dataset_of(wildcards).folder,
        simulated=lambda wildcards: dataset_of(wildcards).simulated,
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

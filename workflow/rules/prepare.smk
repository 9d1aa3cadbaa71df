# Projections checked and downscaled, state by state.


rule prepare:
    input:
        sources,
    output:
        directory("results/{dataset}/prepared/{state}"),
    params:
        folder=lambda wildcards, input: input[0] if dataset_of(wildcards).simulated else dataset_of(wildcards).folder,
        # the volumes and the truth are read by later stages only
        input=settings("input", exclude={"truth", "forward_volume", "backward_volume"}),
        settings=settings("prepare"),
        code=script_digest("prepare.py"),
        reader=reader_digest,
    log:
        "results/{dataset}/logs/prepare_{state}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/prepare_{state}.tsv"
    threads: 1
    resources:
        mem_mb=memory("prepare"),
        runtime=minutes("prepare"),
    message:
        "{wildcards.dataset}: prepare {wildcards.state}"
    script:
        "../scripts/prepare.py"

# Projections of a scene, with its truth.


rule simulate:
    input:
        scene,
    output:
        directory("results/{dataset}/simulated"),
    params:
        scene=lambda wildcards, input: input[0],
        code=script_digest("simulate.py"),
    log:
        "results/{dataset}/logs/simulate.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/simulate.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("simulate"),
        runtime=minutes("simulate"),
    message:
        "{wildcards.dataset}: simulate"
    script:
        "../scripts/simulate.py"

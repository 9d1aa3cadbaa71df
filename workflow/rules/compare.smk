# The variants of a sweep beside each other.


rule compare:
    input:
        evaluations=of_variants("evaluate"),
        sequences=of_variants("prepare", state="between"),
    output:
        directory("results/{dataset}/comparison"),
    params:
        variants=lambda wildcards: without_markup(dataset_of(wildcards).compared),
        logs=logs_of_variants,
        code=script_digest("compare.py"),
    log:
        "results/{dataset}/logs/compare.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/compare.tsv"
    threads: 1
    resources:
        mem_mb=memory("compare"),
        runtime=minutes("compare"),
    message:
        "{wildcards.dataset}: compare"
    script:
        "../scripts/compare.py"

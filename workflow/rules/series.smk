# The exported volumes of all times as one film per kind: links, so nothing that needs a job of a cluster.


localrules:
    series,


rule series:
    input:
        prepared=prepared("forward"),
        volumes=lambda wildcards: volumes(wildcards.dataset),
    output:
        directory("results/{dataset}/series"),
    params:
        volumes=scored,
        code=script_digest("series.py"),
    log:
        "results/{dataset}/logs/series.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/series.tsv"
    threads: 1
    resources:
        mem_mb=memory("series"),
        runtime=minutes("series"),
    message:
        "{wildcards.dataset}: series"
    script:
        "../scripts/series.py"

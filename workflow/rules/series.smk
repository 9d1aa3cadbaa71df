# The volumes of all times as one film per kind and quantity: links, so nothing that needs a job of a cluster.


rule series:
    input:
        prepared=prepared("forward"),
        volumes=made_by("export"),
        motion=made_by("analyse"),
    output:
        directory("results/{dataset}/series"),
    params:
        volumes=exported,
        motion=analysed,
        code=script_digest("series.py"),
    log:
        "results/{dataset}/logs/series.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/series.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=memory("series"),
        runtime=minutes("series"),
    message:
        "{wildcards.dataset}: series"
    script:
        "../scripts/series.py"

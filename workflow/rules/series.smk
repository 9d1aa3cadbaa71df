# The exported volumes of all times as one film per kind: links, so nothing that needs a job of a cluster.


rule series:
    input:
        prepared=prepared("forward"),
        volumes=made_by("export"),
    output:
        directory("results/{dataset}/series"),
    params:
        volumes=exported,
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

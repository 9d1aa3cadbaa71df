# The volumes of all times in the formats of other programs: one job per format.


rule convert:
    input:
        prepared=prepared("forward"),
        volumes=made_by("export"),
        motion=made_by("analyse"),
    output:
        directory("results/{dataset}/converted/{format}"),
    params:
        volumes=exported,
        motion=analysed,
        code=script_digest("convert.py"),
    log:
        "results/{dataset}/logs/convert_{format}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/convert_{format}.tsv"
    threads: 1
    resources:
        mem_mb=memory("convert"),
        runtime=minutes("convert"),
    message:
        "{wildcards.dataset}: convert to {wildcards.format}"
    script:
        "../scripts/convert.py"

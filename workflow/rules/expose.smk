# The sequence of a scene as another set-up takes it.


rule expose:
    input:
        scene=scene,
        simulated=made_by("simulate"),
    output:
        directory("results/{dataset}/exposed"),
    params:
        scene=lambda wildcards, input: input.scene[0],
        setup=settings("setup"),
        code=script_digest("expose.py"),
    log:
        "results/{dataset}/logs/expose.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/expose.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("expose"),
        runtime=minutes("expose"),
    message:
        "{wildcards.dataset}: expose"
    script:
        "../scripts/expose.py"

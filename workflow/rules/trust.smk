# How far the data determine the motion.


rule trust:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=sequence,
        canonical_forward=scan("forward"),
        canonical_backward=scan("backward"),
        velocity=finest,
    output:
        directory("results/{dataset}/trust"),
    params:
        settings=settings("trust"),
        seed=seed,
        code=script_digest("trust.py"),
    log:
        "results/{dataset}/logs/trust.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/trust.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("trust"),
        runtime=minutes("trust"),
    message:
        "{wildcards.dataset}: trust"
    script:
        "../scripts/trust.py"

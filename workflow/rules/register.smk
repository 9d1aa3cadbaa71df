# The motion between the two scans, and the pace at which the sequence passes through it.


rule register:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=sequence,
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
    output:
        directory("results/{dataset}/registration"),
    params:
        settings=settings("registration"),
        code=script_digest("register.py"),
    log:
        "results/{dataset}/logs/register.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/register.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("register"),
        runtime=minutes("register"),
    message:
        "{wildcards.dataset}: register"
    script:
        "../scripts/register.py"

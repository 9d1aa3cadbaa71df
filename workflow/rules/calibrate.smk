# Where the cameras of the sequence stood.


rule calibrate:
    input:
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
    output:
        directory("results/{dataset}/calibration"),
    params:
        code=script_digest("calibrate.py"),
    log:
        "results/{dataset}/logs/calibrate.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/calibrate.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("calibrate"),
        runtime=minutes("calibrate"),
    message:
        "{wildcards.dataset}: calibrate"
    script:
        "../scripts/calibrate.py"

# The mixing coefficient, where it is trained (mixing.method: spline).


rule mixing:
    input:
        prepared=prepared,
        canonicals=canonicals,
        velocity=finest,
    output:
        directory("results/{dataset}/mixing"),
    params:
        settings=settings("mixing"),
        velocity=settings("velocity", include={"ode_step", "solver"}),
        seed=seed,
        checkpoint=checkpoint_file("mixing", "mixing.py"),
        code=script_digest("mixing.py"),
    log:
        "results/{dataset}/logs/mixing.log",
    benchmark:
        "results/{dataset}/benchmarks/mixing.tsv"
    threads: workflow.cores or 8
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=120,
    script:
        "../scripts/mixing.py"

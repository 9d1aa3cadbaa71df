# The mixing coefficient, where it is trained (mixing.method: spline).


rule mixing:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=finest,
    output:
        directory("results/{dataset}/mixing"),
    params:
        settings=settings("mixing", exclude={SAVING}),
        seed=seed,
        checkpoint=checkpoint_file("mixing", "mixing.py"),
        board="results/{dataset}/tensorboard/mixing",
        code=script_digest("mixing.py"),
    log:
        "results/{dataset}/logs/mixing.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/mixing.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("mixing"),
        runtime=minutes("mixing"),
        gpu=gpus,
        device=device,
        checkpoint_every=checkpoint_every("mixing"),
    message:
        "{wildcards.dataset}: mixing"
    script:
        "../scripts/mixing.py"

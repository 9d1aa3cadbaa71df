# The mixing coefficient, where it is trained (mixing.method: spline, trained_...).


rule mixing:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=sequence,
        canonical_forward=scan("forward"),
        canonical_backward=scan("backward"),
        velocity=finest,
    output:
        directory("results/{dataset}/mixing"),
    params:
        settings=settings("mixing"),
        seed=seed,
        checkpoint=checkpoint("mixing"),
        board=tensorboard,
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

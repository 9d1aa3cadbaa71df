# The velocity field, one job per level; each level starts from the one before.


rule velocity:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=sequence,
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        registration=made_by("register"),
        coarser=coarser,
    output:
        directory("results/{dataset}/velocity/{resolution}"),
    params:
        settings=level,
        seed=seed,
        checkpoint=checkpoint("velocity"),
        board=tensorboard,
        code=script_digest("velocity.py"),
    log:
        "results/{dataset}/logs/velocity_{resolution}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/velocity_{resolution}.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("velocity"),
        runtime=minutes("velocity"),
        gpu=gpus,
        device=device,
        checkpoint_every=checkpoint_every("velocity"),
    message:
        "{wildcards.dataset}: velocity {wildcards.resolution}"
    script:
        "../scripts/velocity.py"

# Both scans and the motion trained together once more, where the configuration asks for it (refinement.steps).


rule refine:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=sequence,
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=last_level,
    output:
        forward=directory("results/{dataset}/refined/forward"),
        backward=directory("results/{dataset}/refined/backward"),
        motion=directory("results/{dataset}/refined/motion"),
    params:
        settings=settings("refinement"),
        seed=seed,
        checkpoint=checkpoint("refine"),
        board=tensorboard,
        code=script_digest("refine.py"),
    log:
        "results/{dataset}/logs/refine.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/refine.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("refine"),
        runtime=minutes("refine"),
        gpu=gpus,
        device=device,
        checkpoint_every=checkpoint_every("refinement"),
    message:
        "{wildcards.dataset}: refine"
    script:
        "../scripts/refine.py"

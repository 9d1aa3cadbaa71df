# The static field of each end.


rule canonical:
    input:
        prepared="results/{dataset}/prepared/{direction}",
        volume=known_volume_files,
    output:
        directory("results/{dataset}/canonical/{direction}"),
    params:
        settings=settings("canonical"),
        folder=known_volume_folder,
        volume=known_volume,
        seed=seed,
        checkpoint=checkpoint("canonical"),
        board=tensorboard,
        code=script_digest("canonical.py"),
    log:
        "results/{dataset}/logs/canonical_{direction}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/canonical_{direction}.tsv"
    # half of the cores, so that both ends train at once
    threads: cpus(at_once=2)
    resources:
        mem_mb=memory("canonical"),
        runtime=minutes("canonical"),
        gpu=gpus,
        device=device,
        checkpoint_every=checkpoint_every("canonical"),
    message:
        "{wildcards.dataset}: canonical {wildcards.direction}"
    script:
        "../scripts/canonical.py"

# A known volume that is the description of an object, made into voxels for the canonical field of its end.


rule rasterise:
    input:
        described_volume,
    output:
        "results/{dataset}/rasterised/{direction}.npz",
    params:
        volume=given_volume,
        folder=lambda wildcards: dataset_of(wildcards).folder,
        resolution=lambda wildcards: dataset_of(wildcards).config.canonical.bake,
        code=script_digest("rasterise.py"),
    log:
        "results/{dataset}/logs/rasterise_{direction}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/rasterise_{direction}.tsv"
    threads: cpus(at_once=2)
    resources:
        mem_mb=memory("rasterise"),
        runtime=minutes("rasterise"),
    message:
        "{wildcards.dataset}: rasterise {wildcards.direction}"
    script:
        "../scripts/rasterise.py"

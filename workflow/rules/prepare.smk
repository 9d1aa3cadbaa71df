# Projections: simulated where the dataset is a scene, then checked and downscaled, state by state.


rule simulate:
    input:
        lambda wildcards: DATASETS[wildcards.dataset].scene_files,
    output:
        directory("results/{dataset}/simulated"),
    params:
        scene=lambda wildcards: DATASETS[wildcards.dataset].scene_files[0],
        code=script_digest("simulate.py"),
    log:
        "results/{dataset}/logs/simulate.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/simulate.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("simulate"),
        runtime=minutes("simulate"),
    message:
        "{wildcards.dataset}: simulate"
    script:
        "../scripts/simulate.py"


rule prepare:
    input:
        sources,
    output:
        directory("results/{dataset}/prepared/{state}"),
    params:
        folder=lambda wildcards: DATASETS[wildcards.dataset].folder,
        # the volumes and the truth are read by later stages only
        input=settings("input", exclude={"truth", "forward_volume", "backward_volume"}),
        settings=settings("prepare"),
        code=script_digest("prepare.py"),
        reader=reader_digest,
    log:
        "results/{dataset}/logs/prepare_{state}.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/prepare_{state}.tsv"
    threads: 1
    resources:
        mem_mb=memory("prepare"),
        runtime=minutes("prepare"),
    message:
        "{wildcards.dataset}: prepare {wildcards.state}"
    script:
        "../scripts/prepare.py"

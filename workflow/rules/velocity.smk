# The velocity field, one job per level; each level starts from the one before.


def level(wildcards):
    """Position of a level among the configured ones."""
    levels = DATASETS[wildcards.dataset].config.velocity.levels
    return [str(level.resolution) for level in levels].index(wildcards.resolution)


def levels_so_far(wildcards):
    """The section without the levels that come after this one: adding one reruns none of the earlier."""
    section = DATASETS[wildcards.dataset].config.velocity.model_dump(mode="json")
    return section | {"levels": section["levels"][: level(wildcards) + 1]}


def coarser(wildcards):
    index = level(wildcards)
    levels = DATASETS[wildcards.dataset].config.velocity.levels
    return f"results/{wildcards.dataset}/velocity/{levels[index - 1].resolution}" if index else []


rule velocity:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        coarser=coarser,
    output:
        directory("results/{dataset}/velocity/{resolution}"),
    params:
        settings=levels_so_far,
        level=level,
        seed=seed,
        checkpoint=checkpoint_file("velocity_{resolution}", "velocity.py"),
        board="results/{dataset}/tensorboard/velocity_{resolution}",
        code=script_digest("velocity.py"),
    log:
        "results/{dataset}/logs/velocity_{resolution}.log",
    benchmark:
        "results/{dataset}/benchmarks/velocity_{resolution}.tsv"
    threads: workflow.cores or 8
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=240,
    message:
        "{wildcards.dataset}: velocity {wildcards.resolution}"
    script:
        "../scripts/velocity.py"

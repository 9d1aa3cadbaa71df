# Scores and figures.


def evaluation(dataset):
    return f"results/{dataset}/evaluation"


def scored(wildcards):
    """(kind, time) of every volume that is scored, in the order of the input."""
    dataset = DATASETS[wildcards.dataset]
    return [(kind, time) for kind in dataset.kinds for time in dataset.times.values()]


def levels(wildcards):
    """Every velocity level, coarse to fine; none where nothing moves."""
    dataset = DATASETS[wildcards.dataset]
    found = [] if dataset.static else dataset.config.velocity.levels
    return [f"results/{wildcards.dataset}/velocity/{level.resolution}" for level in found]


def true_object(wildcards):
    """Files of the truth, where it is known: a scene brings its own."""
    dataset = DATASETS[wildcards.dataset]
    return dataset.folder if dataset.simulated else dataset.truth_files


rule evaluate:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=levels,
        mixing=trained_mixing,
        volumes=lambda wildcards: volumes(wildcards.dataset),
        truth=true_object,
    output:
        directory("results/{dataset}/evaluation"),
    params:
        settings=settings("evaluate"),
        mixing=settings("mixing", include={"method", "alpha"}),
        volumes=scored,
        folder=lambda wildcards: DATASETS[wildcards.dataset].folder,
        simulated=lambda wildcards: DATASETS[wildcards.dataset].simulated,
        truth=lambda wildcards: settings("input", include={"truth"})(wildcards)["truth"],
        code=script_digest("evaluate.py"),
    log:
        "results/{dataset}/logs/evaluate.log",
    benchmark:
        "results/{dataset}/benchmarks/evaluate.tsv"
    threads: workflow.cores or 8
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=120,
    message:
        "{wildcards.dataset}: evaluate"
    script:
        "../scripts/evaluate.py"

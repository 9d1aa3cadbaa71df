# Scores and figures.


def evaluation(dataset):
    return f"results/{dataset}/evaluation"


rule evaluate:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=finest,
        mixing=trained_mixing,
        truth=lambda wildcards: DATASETS[wildcards.dataset].truth_files,
    output:
        directory("results/{dataset}/evaluation"),
    params:
        settings=settings("evaluate"),
        truth=settings("input", include={"truth"}),
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

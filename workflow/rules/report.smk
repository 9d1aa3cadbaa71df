# One page with everything that a reader of the result asks for; Snakemake's own report shows it and its figures.


rule report:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        canonical_forward=canonical("forward"),
        canonical_backward=canonical("backward"),
        velocity=levels,
        mixing=trained_mixing,
        volumes=lambda wildcards: volumes(wildcards.dataset),
        evaluation=lambda wildcards: evaluation(wildcards.dataset),
    output:
        report(
            directory("results/{dataset}/report"),
            patterns=["{figure}.html", "{figure}.png"],
            caption="../report/figure.rst",
            category="{dataset}",
            labels=figure_labels,
        ),
    params:
        mixing=settings("mixing", exclude={SAVING}),
        volumes=scored,
        jobs=benchmarks,
        # without what changes no result
        configuration=lambda wildcards: DATASETS[wildcards.dataset].config.model_dump(
            mode="json",
            exclude={"device": True, "export": {"series"}} | dict.fromkeys(("canonical", "velocity", "mixing"), {SAVING}),
        ),
        captions={name: entry["caption"] for name, entry in CAPTIONS.items()},
        code=script_digest("report.py"),
    log:
        "results/{dataset}/logs/report.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/report.tsv"
    threads: cpus()
    resources:
        mem_mb=memory("report"),
        runtime=minutes("report"),
    message:
        "{wildcards.dataset}: report"
    script:
        "../scripts/report.py"

# One page with everything that a reader of the result asks for; Snakemake's own report shows it and its figures.


rule report:
    input:
        truth=true_object,
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
        calibration=made_by("calibrate"),
        canonical_forward=scan("forward"),
        canonical_backward=scan("backward"),
        velocity=motions,
        mixing=made_by("mixing"),
        trust=made_by("trust"),
        volumes=made_by("export"),
        evaluation=made_by("evaluate"),
        motion=made_by("analyse"),
    output:
        report(
            directory("results/{dataset}/report"),
            patterns=["{figure}.html", "{figure}.png"],
            caption="../report/figure.rst",
            category="{dataset}",
            labels=figure_labels,
        ),
    params:
        mixing=settings("mixing"),
        folder=lambda wildcards, input: input.truth[0] if dataset_of(wildcards).simulated else dataset_of(wildcards).folder,
        simulated=lambda wildcards: dataset_of(wildcards).simulated,
        truth=lambda wildcards: settings("input", include={"truth"})(wildcards)["truth"],
        volumes=exported,
        derived=analysed,
        jobs=benchmarks,
        configuration=lambda wildcards: without_markup(dataset_of(wildcards).config.model_dump(mode="json", exclude=CHANGES_NO_RESULT)),
        captions={
            name: {key: entry[key] for key in ("section", "alt", "caption")} for name, entry in CAPTIONS.items() if "section" in entry
        },
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

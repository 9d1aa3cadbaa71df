# Do the projections contradict the cameras? Before the training, as far as jobs can be ordered; nothing waits for it.


rule check:
    input:
        forward=prepared("forward"),
        backward=prepared("backward"),
        between=prepared("between"),
    output:
        report(
            directory("results/{dataset}/check"),
            patterns=["{figure}.png"],
            caption="../report/figure.rst",
            category="{dataset}",
            labels=figure_labels,
        ),
    params:
        geometry=lambda wildcards: {
            state: dataset_of(wildcards).config.input.geometry_of(state).model_dump(mode="json") for state in dataset_of(wildcards).states
        },
        captions={name: entry["caption"] for name, entry in CAPTIONS.items() if entry["stage"] == "check"},
        code=script_digest("check.py"),
    log:
        "results/{dataset}/logs/check.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/check.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=memory("check"),
        runtime=minutes("check"),
    message:
        "{wildcards.dataset}: check"
    script:
        "../scripts/check.py"

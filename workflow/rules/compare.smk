# The variants of a sweep beside each other.


def of_variants(stage, **chosen):
    """Input function: what a stage makes for each variant of a dataset."""
    return lambda wildcards: [path for name in dataset_of(wildcards).compared for path in DATASETS[name].outputs(stage, **chosen)]


def jobs_of_variants(wildcards, input):
    """Benchmark files of all jobs behind the evaluation of each variant."""
    names, found = list(dataset_of(wildcards).compared), {}
    prefix = input.evaluations[0].removesuffix(DATASETS[names[0]].outputs("evaluate")[0])  # of a workflow that imports this one
    for name in names:
        jobs = [job_of(path) for stage in STAGES if stage in before("compare") for path in DATASETS[name].outputs(stage)]
        found[name] = list(dict.fromkeys(f"{prefix}{root}/benchmarks/{job}.tsv" for root, job in jobs))
    return found


rule compare:
    input:
        evaluations=of_variants("evaluate"),
        sequences=of_variants("prepare", state="between"),
    output:
        directory("results/{dataset}/comparison"),
    params:
        variants=lambda wildcards: without_markup(dataset_of(wildcards).compared),
        jobs=jobs_of_variants,
        code=script_digest("compare.py"),
    log:
        "results/{dataset}/logs/compare.log",
    conda:
        environment
    benchmark:
        "results/{dataset}/benchmarks/compare.tsv"
    threads: 1
    resources:
        mem_mb=memory("compare"),
        runtime=minutes("compare"),
    message:
        "{wildcards.dataset}: compare"
    script:
        "../scripts/compare.py"

# Volumes on disk: one job per time writes every kind that the configuration asks for.
# Outputs cannot depend on the dataset, so datasets with fewer kinds get a rule of their own.
for kinds in sorted({dataset.kinds for dataset in DATASETS.values()}):

    rule:
        name:
            "_".join(["export"] + [kind for kind in kinds if set(kinds) != set(RECONSTRUCTIONS)])
        input:
            prepared=prepared("forward"),
            canonical_forward=scan("forward"),
            canonical_backward=scan("backward"),
            velocity=finest,
            mixing=made_by("mixing"),
        output:
            [f"results/{{dataset}}/volumes/{kind}/t{{time}}.zarr/zarr.json" for kind in kinds],
        wildcard_constraints:
            dataset="|".join(re.escape(name) for name, dataset in DATASETS.items() if dataset.kinds == kinds),
        params:
            # the other times do not matter to this one
            settings=settings("export", exclude={"times", "kinds", "series", "formats"}),
            mixing=settings("mixing"),
            time=lambda wildcards: dataset_of(wildcards).times[wildcards.time],
            kinds=kinds,
            code=script_digest("export.py"),
        log:
            "results/{dataset}/logs/export_t{time}.log",
        conda:
            environment
        benchmark:
            "results/{dataset}/benchmarks/export_t{time}.tsv"
        group:
            "export_{dataset}"
        threads: cpus(at_once=2)
        resources:
            mem_mb=memory("export"),
            runtime=minutes("export"),
            gpu=gpus,
            device=device,
        message:
            "{wildcards.dataset}: export t = {wildcards.time}"
        script:
            "../scripts/export.py"

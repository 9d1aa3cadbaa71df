# What follows from the motion: one job per exported time writes every quantity that the configuration asks for.
# Outputs cannot depend on the dataset, so datasets with other quantities get a rule of their own.
for number, quantities in enumerate(sorted({dataset.quantities for dataset in DATASETS.values() if dataset.quantities})):

    rule:
        name:
            f"analyse_{number}" if number else "analyse"
        input:
            prepared=prepared("forward"),
            canonical_forward=scan("forward"),
            canonical_backward=scan("backward"),
            velocity=finest,
            trust=made_by("trust"),
            mixing=made_by("mixing"),
        output:
            [f"results/{{dataset}}/motion/{quantity}/t{{time}}.zarr/zarr.json" for quantity in quantities],
        wildcard_constraints:
            dataset="|".join(re.escape(name) for name, dataset in DATASETS.items() if dataset.quantities == quantities),
        params:
            settings=settings("analyse", exclude={"quantities"}),
            mixing=settings("mixing"),
            time=lambda wildcards: dataset_of(wildcards).times[wildcards.time],
            quantities=quantities,
            code=script_digest("analyse.py"),
        log:
            "results/{dataset}/logs/analyse_t{time}.log",
        conda:
            environment
        benchmark:
            "results/{dataset}/benchmarks/analyse_t{time}.tsv"
        group:
            "analyse_{dataset}"
        threads: cpus(at_once=2)
        resources:
            mem_mb=memory("analyse"),
            runtime=minutes("analyse"),
            gpu=gpus,
            device=device,
        message:
            "{wildcards.dataset}: analyse t = {wildcards.time}"
        script:
            "../scripts/analyse.py"

# What the report says of its figures, and where it finds what the jobs took.
import re

import yaml

with open(REPOSITORY / "workflow" / "report" / "captions.yaml", encoding="utf-8") as file:
    CAPTIONS = yaml.safe_load(file)

# the job that makes each output, where the two are named differently
JOBS = {"simulated": "simulate", "prepared": "prepare", "volumes": "export", "evaluation": "evaluate"}


def figure_labels(wildcards):
    """How Snakemake's report lists a figure: by its stage, in the order of the captions."""
    order = list(CAPTIONS).index(wildcards.figure) + 1
    return {"no.": f"{order:02d}", "stage": CAPTIONS[wildcards.figure]["stage"], "figure": wildcards.figure}


def benchmarks(wildcards, input):
    """Benchmark file of every job behind the report, by the job's name."""
    dataset, found = DATASETS[wildcards.dataset], {}
    for output in [dataset.folder] * dataset.simulated + list(input):
        root, stage, part = re.fullmatch(
            r"(results/[^/]+)/(simulated|prepared|canonical|velocity|mixing|volumes|evaluation)(?:/(.+))?", output
        ).groups()
        part = Path(part).name.removesuffix(".zarr") if part else None  # one job exports every kind
        job = "_".join(filter(None, [JOBS.get(stage, stage), part]))
        found[job] = f"{root}/benchmarks/{job}.tsv"
    return found

# What the report says of its figures, and where it finds the time and memory that jobs took.
import yaml

with open(workflow.source_path("../report/captions.yaml"), encoding="utf-8") as file:
    CAPTIONS = yaml.safe_load(file)


def figure_labels(wildcards):
    """How Snakemake's report lists a figure: by its stage, in the order of the captions."""
    order = list(CAPTIONS).index(wildcards.figure) + 1
    return {"no.": f"{order:02d}", "stage": CAPTIONS[wildcards.figure]["stage"], "figure": wildcards.figure}


def benchmarks(wildcards, input):
    """Benchmark file of every job behind the report, by the job's name."""
    given = set(users(dataset_of(wildcards).truth_files))
    jobs = dict(job_of(output)[::-1] for output in input if output not in given)  # a job with several outputs counts once
    return {job: f"{root}/benchmarks/{job}.tsv" for job, root in jobs.items()}


def logs_of_variants(wildcards, input):
    """Logs of all jobs behind the evaluation of each variant."""
    names, found = list(dataset_of(wildcards).compared), {}
    prefix = input.evaluations[0].removesuffix(DATASETS[names[0]].outputs("evaluate")[0])  # of a workflow that imports this one
    for name in names:
        jobs = [job_of(path) for stage in STAGES if stage in before("compare") for path in DATASETS[name].outputs(stage)]
        found[name] = list(dict.fromkeys(f"{prefix}{root}/logs/{job}.log" for root, job in jobs))
    return found

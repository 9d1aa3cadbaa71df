# The conda environment of a dataset's jobs, under --use-conda.


def environment(wildcards):
    """The environment file. The configuration decides, not the machine: every process
    that reads the workflow must name the same one, on the login node and in a GPU job."""
    cuda = getattr(DATASETS[wildcards.dataset].config, "device", "auto") == "cuda"
    return "../envs/cuda.yaml" if cuda else "../envs/cpu.yaml"

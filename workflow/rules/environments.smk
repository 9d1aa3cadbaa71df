# The conda environment of a job, under --use-conda.


def environment(wildcards):
    """The environment file. Never chosen by what this machine has: every process that
    reads the workflow must name the same one, on the login node and in a job."""
    return "../envs/cpu.yaml"

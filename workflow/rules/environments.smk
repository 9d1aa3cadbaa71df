# The conda environment of a job, under --use-conda.


def environment(wildcards):
    """The environment file. Chosen by the configuration, never by what this machine has: every
    process that reads the workflow must name the same one, on the login node and in a job."""
    return f"../envs/{'cuda' if dataset_of(wildcards).config.device == 'cuda' else 'cpu'}.yaml"

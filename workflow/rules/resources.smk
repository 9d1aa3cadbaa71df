# What jobs ask for: CPUs, memory, minutes, GPUs.
from xct4d.workflow import demand

CLUSTER_CPUS = 8  # of a job, where no profile says how many (max-threads)


def cpus(at_once=1):
    """Threads function of a rule of which so many jobs are ready at once.

    On one machine they share its cores. A job on a cluster has its own, and
    Snakemake, started there once more, must find as many as it asked for. A
    function, as the executor is not known yet while rules are read.
    """

    def threads(wildcards):
        if workflow.remote_exec or not workflow.local_exec:
            return workflow.resource_settings.max_threads or CLUSTER_CPUS
        # nobody gives cores to commands that run nothing, such as --report and --rulegraph
        return max(1, (workflow.resource_settings.cores or 1) // at_once)

    return threads


def memory(stage):
    """Resource function: MB, as much again at each retry."""
    return lambda wildcards, threads, attempt: attempt * demand.memory_mb(stage, *job(wildcards, threads))


def minutes(stage):
    """Resource function: minutes, as many again at each retry."""
    return lambda wildcards, threads, attempt: attempt * demand.minutes(stage, *job(wildcards, threads))


def gpus(wildcards):
    """GPUs that a scheduler must give: one where the configuration insists. With `auto` a job
    takes what its machine has, which the machine that asks for it cannot know."""
    return int(device(wildcards) == "cuda")


def device(wildcards):
    """What the job computes on. A resource, as it is no reason to run anything again."""
    return dataset_of(wildcards).config.device


def checkpoint_every(section):
    """Resource function: a resource, unlike a parameter, is no reason to run a job again."""
    return lambda wildcards: getattr(dataset_of(wildcards).config, section).checkpoint_every


def job(wildcards, threads):
    return dataset_of(wildcards), threads, int(wildcards.get("resolution", 0))

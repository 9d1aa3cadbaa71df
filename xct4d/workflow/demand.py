"""Memory and time that a job asks for, for schedulers that must be told before.

Memory is the peak of what a stage holds, counted array by array; time is a
generous bound from the amount of work (xct4d.workflow.needs). Read by the
Snakefile on every run, so it imports neither torch nor numba.
"""

from __future__ import annotations

import math

from xct4d.workflow.dataset import Dataset
from xct4d.workflow.stages import STAGES
from xct4d.workflow.workload import Workload

MB = 2**20
# A process with everything imported, a second one while kernels compile, and two of Snakemake around them.
BASE_MB = 1500
GPU = 10  # times faster than a CPU core of 2020
SPARE = 5  # times: slower machines, objects that fill more of the box
LEAST_MINUTES = 10


def memory_mb(stage: str, dataset: Dataset, threads: int, resolution: int = 0) -> int:
    """MB (2^20 bytes) that a job takes. resolution: control points per axis of the velocity level."""
    return BASE_MB + math.ceil(STAGES[stage].needs.memory(_workload(dataset, threads, resolution)) / MB)


def minutes(stage: str, dataset: Dataset, threads: int, resolution: int = 0) -> int:
    """Minutes within which a job ends on any machine that is not far too slow. Arguments as of memory_mb."""
    own = STAGES[stage]
    work = own.needs.microseconds(_workload(dataset, threads, resolution))
    if own.on_device and dataset.config.device == "cuda":
        work /= GPU
    return LEAST_MINUTES + math.ceil(SPARE * work / threads / 60e6)


def _workload(dataset: Dataset, threads: int, resolution: int) -> Workload:
    return Workload(dataset.config, dataset.scene_files, dataset.state_files, dataset.truth_files, len(dataset.times), threads, resolution)

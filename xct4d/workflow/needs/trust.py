"""trust: what `register` needs, for coarser volumes; each sample takes some twenty passes over the sequence."""

from xct4d.workflow.needs import arrays, register
from xct4d.workflow.workload import Workload

SECONDS = 20.0  # a sample
PASSES = 20  # over all pixels of the sequence, a sample


def memory(work: Workload) -> float:
    return register.memory(work) + arrays.trained_model(work.config)


def microseconds(work: Workload) -> float:
    return work.config.trust.samples * (SECONDS * 1e6 + PASSES * work.prepared_pixels * register.PIXEL)

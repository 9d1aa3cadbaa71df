"""prepare: one projection at a time."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    return arrays.projection(work)


def microseconds(work: Workload) -> float:
    return work.projections * work.pixels * costs.READ_PIXEL

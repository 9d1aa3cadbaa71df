"""expose: as simulate, of the sequence alone."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    return arrays.projection(work) + arrays.true_object(work)


def microseconds(work: Workload) -> float:
    return work.simulated_images * work.pixels * costs.SIMULATED_PIXEL  # the scans among them, which only get another name

"""simulate: one image at a time, of a true object that may be voxels."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    return arrays.projection(work) + arrays.true_object(work)


def microseconds(work: Workload) -> float:
    return work.simulated_images * work.pixels * costs.SIMULATED_PIXEL

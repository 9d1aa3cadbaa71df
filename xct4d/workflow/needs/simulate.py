"""simulate: one image at a time, of a true object that may be voxels."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    return arrays.projection(work) + arrays.true_object(work) + 12 * work.written_voxels[0]  # a volume, and its copy in the file's order


def microseconds(work: Workload) -> float:
    voxels, volumes = work.written_voxels
    return (work.simulated_images * work.pixels + voxels * volumes) * costs.SIMULATED_PIXEL

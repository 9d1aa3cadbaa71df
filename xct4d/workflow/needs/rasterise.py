"""rasterise: the voxels of an object, as float64 while they are computed."""

from xct4d.workflow.needs import costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    return 8 * work.config.canonical.bake**3


def microseconds(work: Workload) -> float:
    return work.config.canonical.bake**3 * costs.VOXEL

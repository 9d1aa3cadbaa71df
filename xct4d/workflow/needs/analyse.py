"""analyse: the trained model, a tile of points with their displacement, the writer's chunks."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload

TILE = 128  # voxels per axis computed at once, at most


def memory(work: Workload) -> float:
    tile = min(TILE, work.config.analyse.resolution)
    return arrays.trained_model(work.config) + 150 * tile**3 + 900 * 2**17


def microseconds(work: Workload) -> float:
    return work.config.analyse.resolution**3 * costs.VOXEL

"""analyse: the trained model, a tile of points with the values of one quantity, the chunks of each quantity's writer."""

from xct4d.quantities import DERIVED
from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload

TILE = 128  # voxels per axis computed at once, at most


def memory(work: Workload) -> float:
    tile = min(TILE, work.config.analyse.resolution)
    numbers = sum(len(quantity.components) or 1 for quantity in DERIVED)  # of a voxel
    return arrays.trained_model(work.config) + 150 * tile**3 + 300 * 2**17 * numbers


def microseconds(work: Workload) -> float:
    return len(DERIVED) * work.config.analyse.resolution**3 * costs.VOXEL

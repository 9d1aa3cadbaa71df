"""analyse: the trained model, a tile of every quantity, some points with all that follows from their motion, the writers' chunks."""

from xct4d.quantities import BY_NAME
from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload

TILE = 128  # voxels per axis written at once, at most
CHUNK = 2**17  # points computed at once
TENSORS = 12  # of 3 x 3 numbers that a point has at once


def memory(work: Workload) -> float:
    own = work.config.analyse
    numbers = sum(len(BY_NAME[name].components) or 1 for name in own.quantities)
    tile = min(TILE, own.resolution) ** 3
    written = 3 * max(len(BY_NAME[name].components) or 1 for name in own.quantities)  # values in their unit, compressed, averaged
    return arrays.trained_model(work.config) + (48 + 4 * numbers + 4 * written) * tile + 36 * TENSORS * CHUNK + 900 * 2**17


def microseconds(work: Workload) -> float:
    return work.config.analyse.region.voxels(work.config.analyse.resolution) * costs.VOXEL

"""export: the trained model, a tile of every kind, the writer's chunks."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    own = work.config.export
    tile = min(own.tile, own.resolution)
    return arrays.trained_model(work.config) + tile**3 * (100 + 12 * len(own.kinds)) + 300 * 2**17


def microseconds(work: Workload) -> float:
    return work.config.export.region.voxels(work.config.export.resolution) * costs.VOXEL

"""convert: one volume at a time, as it is stored and as the format has it."""

from xct4d.quantities import BY_NAME
from xct4d.workflow.needs import costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    own = work.config
    numbers = max(len(BY_NAME[name].components) or 1 for name in own.analyse.quantities)
    return 12 * max(own.export.region.voxels(own.export.resolution), numbers * own.analyse.region.voxels(own.analyse.resolution))


def microseconds(work: Workload) -> float:
    own = work.config
    numbers = sum(len(BY_NAME[name].components) or 1 for name in own.analyse.quantities)
    voxels = len(own.export.kinds) * own.export.region.voxels(own.export.resolution) + numbers * own.analyse.region.voxels(
        own.analyse.resolution
    )
    return work.exported_times * voxels * costs.READ_PIXEL

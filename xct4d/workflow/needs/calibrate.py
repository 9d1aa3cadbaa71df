"""calibrate: both baked volumes and coarser ones, a few projections of each source at a time."""

from xct4d.workflow.needs import arrays
from xct4d.workflow.workload import Workload

VOXELS = 96  # per axis, of the coarser volumes
ARRAYS = 12  # float32 numbers a voxel: both volumes in two sizes, their projections
SECONDS = 120.0  # of eight sources, at most


def memory(work: Workload) -> float:
    return 2 * 8 * work.config.canonical.bake**3 + 4 * ARRAYS * VOXELS**3 + 64 * 10 * VOXELS**2 + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    return SECONDS * 1e6

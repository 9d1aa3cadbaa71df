"""register: both baked volumes with what is computed from them at a hundred voxels per axis, the sequence's images."""

from xct4d.workflow.needs import arrays
from xct4d.workflow.workload import Workload

VOXELS = 128  # per axis, at most, at which the scans are compared
ARRAYS = 40  # float32 numbers a voxel: volumes, gradients, nodes and what L-BFGS remembers
SECONDS = 60.0
PASSES = 60  # over all pixels of the sequence
PIXEL = 0.5  # microseconds a pixel and pass


def memory(work: Workload) -> float:
    return 8 * work.config.canonical.bake**3 + 4 * ARRAYS * VOXELS**3 + 8 * work.prepared_pixels + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    return SECONDS * 1e6 + PASSES * work.prepared_pixels * PIXEL

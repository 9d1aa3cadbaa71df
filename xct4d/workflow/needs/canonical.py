"""canonical: first the reconstruction in voxels, then the hash grid with its optimizer, the samples of a step, the baked volume."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload

RECONSTRUCTION = 14  # volumes of float32: the dual (3), the state, indices, copies, and a checkpoint of all that
SWEEPS = 15
RAY_VOXEL = 0.01  # microseconds: a ray in a slice, there and back


def memory(work: Workload) -> float:
    own = work.config.canonical
    # parameters, gradient, Adam's two moments, and twice three of them while a checkpoint is written
    table = 10 * arrays.hash_table(work.config)
    samples = own.rays * own.samples * (16 * own.grid.levels + 100)
    volume = (4 if own.volume_weight else 3) * 4 * own.bake**3
    reconstruction = RECONSTRUCTION * 4 * own.bake**3 + 16 * work.prepared_pixels
    return max(table + samples + volume, reconstruction) + 4 * own.bake**3 + arrays.SLAB_BYTES + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    own = work.config.canonical
    swept = SWEEPS * work.prepared_pixels * own.bake * RAY_VOXEL
    return swept + own.steps * own.rays * own.samples * own.grid.levels * costs.HASH_GRID_LEVEL + own.bake**3 * costs.VOXEL

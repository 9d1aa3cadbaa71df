"""canonical: the hash grid with its optimizer, the samples of a step, the baked volume."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    own = work.config.canonical
    # parameters, gradient, Adam's two moments, and twice three of them while a checkpoint is written
    table = 10 * arrays.hash_table(work.config)
    samples = own.rays * own.samples * (16 * own.grid.levels + 100)
    volume = (4 if own.volume_weight else 3) * 4 * own.bake**3
    return table + samples + volume + arrays.SLAB_BYTES + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    own = work.config.canonical
    return own.steps * own.rays * own.samples * own.grid.levels * costs.HASH_GRID_LEVEL + own.bake**3 * costs.VOXEL

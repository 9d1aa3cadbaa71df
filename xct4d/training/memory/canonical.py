"""GPU memory that training a canonical field takes."""

from __future__ import annotations

from xct4d import config
from xct4d.kernels.shared.hash_layout import HashLayout
from xct4d.training.memory.need import BATCHES, CONTEXT, FLOAT, HALF, HELD_OUT, PLACING, POINT, Need


def canonical_need(settings: config.Canonical, most_parts: int) -> Need:
    """Memory of the canonical task.

    most_parts: rays times parts per ray that a step divides its rays into, at
    most. Empty cells get no samples, so that the samples of a step never exceed
    settings.rays times settings.samples.
    """
    grid = settings.grid
    layout = HashLayout(grid.levels, grid.log2_size, grid.coarsest, grid.finest)
    parameters = FLOAT * (2 * layout.entries + (layout.width + 1) * grid.width)
    known = HALF * settings.bake**3 if settings.volume_weight > 0 else 0  # most likely as fine as the baked volume
    # encoded point and hidden neurons, each with its gradient; one product of the perceptron while it is computed
    sample = 2 * POINT + 2 * FLOAT * layout.width + 3 * FLOAT * grid.width + 8 * FLOAT
    return Need(
        lasting=CONTEXT + HELD_OUT + 4 * parameters + known + FLOAT * settings.bake**3,  # the reconstruction
        step=settings.rays * settings.samples * sample + most_parts * BATCHES * PLACING,
        largest="canonical.grid.log2_size",
    )

"""GPU memory that training scans and motion together takes."""

from __future__ import annotations

from xct4d import config
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.shared.time_steps import TimeSteps
from xct4d.training.memory.need import BATCHES, CONTEXT, FLOAT, HELD_OUT, PLACING, POINT, Need


def refinement_need(settings: config.Refinement, motion: VelocityField, bake: int) -> Need:
    """Memory of the refinement task. motion: the velocity field. bake: voxels per axis of the baked canonicals."""
    stages = TimeSteps(0.0, 1.0, motion.longest_step, motion.solver).stage_times.size
    control = POINT * motion.resolution**3
    # of both scans the voxels, their gradient and Adam's moments; as many again while something is computed of one
    volumes = (2 * 4 + 4) * FLOAT * bake**3
    carried = 2 * POINT * (stages + 6)  # along both scans' flows
    return Need(
        lasting=CONTEXT + HELD_OUT + volumes + (4 * motion.modes + 6 * stages) * control,
        step=settings.rays * settings.samples * (carried + 16 * FLOAT + BATCHES * PLACING),
        largest="canonical.bake",
    )

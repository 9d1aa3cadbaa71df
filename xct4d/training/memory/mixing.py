"""GPU memory that training the mixing coefficient takes."""

from __future__ import annotations

from xct4d import config
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.shared.time_steps import TimeSteps
from xct4d.training.memory.need import BATCHES, CONTEXT, FLOAT, HALF, HELD_OUT, PLACING, POINT, Need


def mixing_need(settings: config.Mixing, motion: VelocityField, bake: int) -> Need:
    """Memory of the mixing task. motion: the velocity field, which is not trained. bake: voxels per axis of the baked canonicals."""
    stages = TimeSteps(0.0, 1.0, motion.longest_step, motion.solver).stage_times.size
    control = POINT * motion.resolution**3
    mixer = 4 * FLOAT * settings.modes * settings.resolution**3
    return Need(
        lasting=CONTEXT + HELD_OUT + 2 * HALF * bake**3 + (motion.modes + 2 * stages) * control + mixer,
        step=settings.rays * settings.samples * (4 * POINT + 12 * FLOAT + BATCHES * PLACING),
        largest="canonical.bake",
    )

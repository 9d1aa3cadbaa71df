"""GPU memory that training one level of the velocity field takes."""

from __future__ import annotations

from xct4d import config
from xct4d.kernels.shared.time_steps import TimeSteps
from xct4d.training.memory.need import BATCHES, CONTEXT, FLOAT, HALF, HELD_OUT, PLACING, POINT, Need


def velocity_need(settings: config.Velocity, level: config.Level, bake: int) -> Need:
    """Memory of the velocity task. bake: voxels per axis of the baked canonicals."""
    steps = TimeSteps(0.0, 1.0, settings.ode_step, settings.solver)
    control = POINT * level.resolution**3
    # a point carried over the whole time range: its position at every stage of the solver, its own, both gradients,
    # the value of the volume there
    carried = POINT * (steps.stage_times.size + 6)
    samples = settings.rays * settings.samples * (carried + 8 * FLOAT + BATCHES * PLACING)
    points = settings.points * (2 * carried + 16 * FLOAT)
    volumes = bake**3 * (4 * HALF + 3 * FLOAT if level.blur > 0 else 2 * HALF)  # blurring computes in single precision
    # centres of solid voxels, and their indices while they are found, should half of the box be solid
    solid = 5 * POINT * bake**3 // 2 if level.strain_weight > 0 else 0
    return Need(
        lasting=CONTEXT + HELD_OUT + volumes + solid + 4 * settings.modes * control + 3 * steps.stage_times.size * control,
        step=samples + points,
        largest="canonical.bake",
    )

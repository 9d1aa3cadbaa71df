"""Bytes of arrays that several stages hold."""

from __future__ import annotations

import math

from xct4d.config import Config, Velocity
from xct4d.workflow.workload import Workload

MB = 2**20
SLAB = 2**21  # points or samples computed at once by evaluate, and by a training that scores held-out projections
SLAB_BYTES = 64 * SLAB
SOLVER_TIMES = {"euler": 1, "midpoint": 2, "rk4": 3}  # distinct times within a step of a solver, its end included


def prepared(work: Workload) -> float:
    """The prepared projections, uint16: mapped from disk, but counted by schedulers."""
    return 2 * work.prepared_pixels


def true_object(work: Workload) -> float:
    """The true object's voxels: the file's pages, what is read as float32, and several volumes put together."""
    return 14 * work.true_voxels


def projection(work: Workload) -> float:
    """One projection in float64 with a few copies, and the preview of several."""
    return 64 * work.pixels + 150 * MB


def hash_table(config: Config) -> float:
    """Parameters of the hash grid, at most: two float32 per entry."""
    return (config.canonical.grid.levels << config.canonical.grid.log2_size) * 2 * 4


def control_points(velocity: Velocity, resolution: int) -> float:
    """Control points in space at every time that a flow from t = 0 to t = 1 visits. resolution: of one of the levels."""
    own = velocity.at(velocity.level(resolution))
    times = math.ceil(1 / own.ode_step) * SOLVER_TIMES[own.solver]
    return times * resolution**3 * 3 * 4


def trained_model(config: Config) -> float:
    """Both canonical fields and the velocity field with its flow."""
    return 2 * hash_table(config) + 3 * control_points(config.velocity, config.velocity.levels[-1].resolution)

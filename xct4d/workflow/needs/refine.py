"""refine: both scans as trained voxels, the flow in both directions with its gradient, the samples of a step."""

import math

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    own, velocity = work.config.refinement, work.config.velocity
    n = velocity.levels[-1].resolution
    of_level = velocity.at(velocity.levels[-1])
    # of both scans the voxels as they were and as they are, gradient, Adam's moments, and the field with its change
    volumes = 2 * 8 * 4 * work.config.canonical.bake**3
    parameters = 10 * velocity.modes * n**3 * 3 * 4
    gradients = 2 * (work.threads + 3) * arrays.control_points(velocity, n)
    samples = own.rays * own.samples * (24 * arrays.SOLVER_TIMES[of_level.solver] * math.ceil(1 / of_level.ode_step) + 300)
    return volumes + parameters + gradients + samples + 2 * arrays.hash_table(work.config) + arrays.SLAB_BYTES + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    own = work.config.refinement
    return own.steps * (own.rays * own.samples * 2 * costs.FLOW_SAMPLE + work.config.canonical.bake**3 * costs.TRAINED_VOXEL)

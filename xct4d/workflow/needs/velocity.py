"""velocity: both baked volumes, the control points with their gradients, the samples of a step."""

import math

from xct4d.config import Velocity
from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def _settings(work: Workload) -> Velocity:
    """The section `velocity` with what the level has of its own."""
    own = work.config.velocity
    return own.at(own.level(work.resolution))


def memory(work: Workload) -> float:
    n = work.resolution
    own = _settings(work)
    volumes = 64 * work.config.canonical.bake**3  # both, sharp and blurred; the blur's copies; centres of voxels with material
    parameters = 10 * own.modes * n**3 * 3 * 4
    gradients = (work.threads + 3) * arrays.control_points(own, n)  # one buffer a thread
    samples = own.rays * own.samples * (12 * arrays.SOLVER_TIMES[own.solver] * math.ceil(1 / own.ode_step) + 150)
    return volumes + parameters + gradients + samples + own.points * 1000 + arrays.SLAB_BYTES + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    own = _settings(work)
    return own.level(work.resolution).steps * own.rays * own.samples * costs.FLOW_SAMPLE

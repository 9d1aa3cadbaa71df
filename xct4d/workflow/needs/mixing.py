"""mixing: both baked volumes, the flow in both directions, the coefficient."""

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload


def memory(work: Workload) -> float:
    own, velocity = work.config.mixing, work.config.velocity
    volumes = 16 * work.config.canonical.bake**3
    control = 2 * arrays.control_points(velocity, velocity.levels[-1].resolution)
    spline = (work.threads + 10 * own.modes) * own.resolution**3 * 4
    samples = own.rays * own.samples * 200
    return volumes + control + spline + samples + arrays.SLAB_BYTES + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    own = work.config.mixing
    return own.steps * own.rays * own.samples * costs.FLOW_SAMPLE

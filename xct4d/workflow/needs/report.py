"""report: planes of the trained model over time, and of the exported volumes."""

from xct4d.workflow.needs import arrays, costs, evaluate
from xct4d.workflow.workload import Workload

POINTS = 5e6  # at which the figures evaluate the model
POINTS_A_TIME = 1e6  # at which films evaluate the model, the motion and its samples
FILM_TIMES = 21  # at most


def memory(work: Workload) -> float:
    return evaluate.shown(work) + arrays.true_object(work)


def microseconds(work: Workload) -> float:
    return (POINTS + min(work.exported_times, FILM_TIMES) * POINTS_A_TIME) * costs.VOXEL

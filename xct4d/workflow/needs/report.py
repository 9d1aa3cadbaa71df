"""report: planes of the trained model and of the exported volumes."""

from xct4d.workflow.needs import costs, evaluate
from xct4d.workflow.workload import Workload

POINTS = 5e6  # at which the figures evaluate the model


def memory(work: Workload) -> float:
    return evaluate.shown(work)


def microseconds(_work: Workload) -> float:
    return POINTS * costs.VOXEL

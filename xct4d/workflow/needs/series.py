"""series: links to volumes that are there."""

from xct4d.workflow.workload import Workload


def memory(_work: Workload) -> float:
    return 0.0


def microseconds(_work: Workload) -> float:
    return 0.0

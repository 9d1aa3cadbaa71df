"""compare: figures of each variant, and one picture."""

from xct4d.workflow.workload import Workload


def memory(_work: Workload) -> float:
    return 0.0


def microseconds(_work: Workload) -> float:
    return 0.0

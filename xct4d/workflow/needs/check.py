"""check: some views of both scans, and low-resolution reconstructions of them."""

from xct4d.workflow.needs import arrays
from xct4d.workflow.workload import Workload

VIEWS, PIXELS = 48, 400**2  # that are looked at, at most: xct4d.doctor.sample
SECONDS = 120  # of two scans with their pictures, at most


def memory(work: Workload) -> float:
    return 2 * 8 * 4 * VIEWS * min(PIXELS, work.pixels) + 200 * arrays.MB


def microseconds(work: Workload) -> float:
    return SECONDS * 1e6

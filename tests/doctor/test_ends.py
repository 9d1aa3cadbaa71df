"""Scans before and after that are exchanged."""

import balls_scan
import numpy as np
import pytest

from xct4d.doctor.ends import ends_of, parts_of
from xct4d.doctor.evidence import Evidence

MOVED = np.array([0.0, 0.05, 0.12])


def evidence(t):
    cameras = balls_scan.views()
    return Evidence.of(balls_scan.transmissions(cameras, balls_scan.CENTRES + t * MOVED), cameras, 1.0, 1.0)


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_sequence_tells_which_scan_was_first(exchanged):
    times = np.linspace(0.05, 0.95, 10)
    cameras = balls_scan.views(15 + 90.0 * (np.arange(10) % 2))
    images = [balls_scan.transmissions(cameras[[i]], balls_scan.CENTRES + t * MOVED)[0] for i, t in enumerate(times)]
    first, second = (1.0, 0.0) if exchanged else (0.0, 1.0)
    scans = {"forward": evidence(first), "backward": evidence(second)}
    found = ends_of(parts_of(images.__getitem__, [cameras[[i]] for i in range(10)], times, 1.0), scans)
    assert found.exchanged is exchanged
    assert ("exchange input.forward and input.backward" in found.line()) or not exchanged


def test_nothing_is_said_of_one_scan():
    assert parts_of(lambda i: None, [], np.zeros(0), 1.0) is None
    assert ends_of((evidence(0.0), evidence(0.0)), {"forward": evidence(0.0)}) is None

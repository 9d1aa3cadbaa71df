"""Verdicts on the motion, in words."""

import numpy as np
import pytest

from xct4d.analysis.verdict import Residuals, verdict

TIMES = np.linspace(0.1, 0.9, 9)
GOOD = Residuals(TIMES, np.full(9, 0.95))


def test_a_motion_that_explains_the_sequence_is_determined():
    for t in (0.0, 0.05, 0.5, 0.77, 1.0):
        assert verdict(GOOD, t, 0.0, "0.1 mm") == "determined"


def test_uncertain_material_is_named():
    assert verdict(GOOD, 0.5, 0.2, "0.1 mm") == "determined except 20% of the material, whose displacement is uncertain by more than 0.1 mm"
    assert verdict(GOOD, 0.5, 0.7, "0.1 mm").startswith("not determined: 70% of the material")


def test_what_is_not_explained_is_not_determined_near_its_time_alone():
    left = np.where(np.abs(TIMES - 0.5) < 0.01, 1.9, 0.95)
    assert verdict(Residuals(TIMES, left), 0.52, 0.0, "0.1 mm").startswith("not determined: the motion leaves 1.90 times as much")
    assert verdict(Residuals(TIMES, left), 0.8, 0.0, "0.1 mm") == "determined"


@pytest.mark.parametrize("end", [0, -1])
def test_projections_that_contradict_the_scan_next_to_them_make_all_doubtful(end):
    """As of a view whose angle is wrong: a motion that explains it is found in between, where much may move."""
    left = np.full(9, 0.8)
    left[end] = 1.9
    for t in (0.3, 0.5, 0.7):
        assert verdict(Residuals(TIMES, left), t, 0.0, "0.1 mm").startswith("not determined: the projections next to a scan contradict it")


@pytest.mark.parametrize(
    ("times", "t", "said"),
    [
        (TIMES[:4], 0.75, "not determined: there is no projection from t = 0.4 to 1"),
        (TIMES[:4], 0.25, "determined"),
        (TIMES[:4], 1.0, "determined"),  # the scan itself shows it
        (TIMES[4:], 0.2, "not determined: there is no projection from t = 0 to 0.5"),
        (np.array([0.5]), 0.25, "determined"),  # few, but evenly placed: the uncertainty speaks of it
        (np.zeros(0), 0.5, "not determined: there is no projection between the scans"),
    ],
)
def test_missing_exposures_are_named(times, t, said):
    assert verdict(Residuals(times, np.ones(len(times))), t, 0.0, "0.1 mm") == said


def test_a_record_becomes_residuals():
    found = Residuals.of({"times": [0.25, 0.5], "normalised_residual": [1.0, 1.2]})
    assert found.at(0.3) == 1.2
    assert found.at(0.0) == 1.0

"""The axis of a parallel beam by centres of mass."""

from dataclasses import replace

import balls_scan
import numpy as np
import pytest

from xct4d.config import Geometry
from xct4d.doctor.diagnose import diagnose
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.moments import axis_by_mass
from xct4d.doctor.sample import Sample
from xct4d.geometry.corrections import rolled, with_axis_to_the_right

FAR = 4000.0
FOCAL = balls_scan.FOCAL / balls_scan.DISTANCE * FAR


def scan(shift: float = 0.0, roll: float = 0.0, noise: float = 0.0) -> Sample:
    """A parallel beam, with files that put the axis so many pixels too far to the left, and upright though it leans to the right."""
    right = balls_scan.views(np.arange(20) * 9.0, focal=FOCAL, distance=FAR)
    true = replace(right, camera_to_world=rolled(with_axis_to_the_right(right.camera_to_world, shift * FAR / FOCAL), roll))
    images = balls_scan.transmissions(true)
    return Sample((images + np.random.default_rng(0).normal(0, noise, images.shape)).astype(np.float32), right, 1.0, 1.0)


@pytest.mark.parametrize(("shift", "roll"), [(0.0, 0.0), (6.3, 0.0), (-2.0, 1.5)])
def test_shift_and_roll_are_measured(shift, roll):
    sample = scan(shift, roll, noise=0.005)
    axis = axis_by_mass(Evidence.of(sample.images, sample.views, 1.0, 1.0))
    assert axis.shift == pytest.approx(shift, abs=0.15)
    assert axis.roll_deg == pytest.approx(roll, abs=0.2)


def test_the_diagnosis_gives_the_key():
    found = diagnose(scan(6.3), Geometry(axis_shift_px=1.0))[0]
    assert (found.method, found.verdict) == ("centres of mass", "wrong")
    assert found.mend["axis_shift_px"] == pytest.approx(7.3, abs=0.1)
    assert diagnose(scan(), Geometry())[0].mend == {}


def test_a_sample_wider_than_the_image_has_no_centre_of_mass():
    sample = balls_scan.narrowed(scan(), 40)
    assert axis_by_mass(Evidence.of(sample.images, sample.views, 1.0, 1.0)) is None

"""Cameras of a sequence of balls that move, right and planted with errors: what is found, and that right ones stay."""

import dataclasses

import numpy as np
import pytest
import squeezed_balls
from scipy.ndimage import gaussian_filter

from xct4d.calibration import against_scan
from xct4d.calibration.against_scan import ScanVolume
from xct4d.calibration.between import at_the_scans, calibrate_between
from xct4d.calibration.correction import Correction
from xct4d.calibration.sources import sources_of
from xct4d.geometry.views import concatenate

TIMES = np.linspace(0, 1, 13)[1:-1]
SQUEEZED = {"type": "linear", "strains": [-0.03, -0.03, 0.12, 0.0, 0.0, 0.0], "law": {"type": "power", "exponent": 1.5}}
SIZE = 64


def sequence(motion=SQUEEZED):
    truth = squeezed_balls.thing(motion)
    shots = [(azimuth, t) for t in TIMES for azimuth in (17, 107)]
    frames = squeezed_balls.frames(truth, *zip(*shots, strict=True), size=SIZE)
    noise = np.random.default_rng(0).normal(scale=0.01 * 65535, size=len(frames.pixels))  # 1 % of air
    noisy = np.clip(frames.pixels + noise, 0, 65535).astype(np.uint16)
    return dataclasses.replace(frames, pixels=noisy), (truth.volume(SIZE, 0.0), truth.volume(SIZE, 1.0))


@pytest.fixture(scope="module")
def right():
    return sequence()


def planted(frames, wrong, source=1):
    """The frames with the cameras of one source moved the other way."""
    views = [frames.views[[v]] for v in range(len(frames.views))]
    for f in sources_of(frames)[source].tolist():
        views[f] = Correction.of(-wrong.values()).applied(views[f])
    return dataclasses.replace(frames, views=concatenate(views))


def calibrated(frames, scans):
    return calibrate_between(frames, sources_of(frames), scans, (0.0, 0.0))


def test_right_cameras_stay_to_the_last_bit(right):
    frames, scans = right
    found = calibrated(frames, scans)
    assert [source.corrected for source in found.sources] == [False, False]
    assert found.applied(frames) is frames


def test_a_misaligned_source_is_found_and_the_other_stays(right):
    frames, scans = right
    wrong = Correction(column_px=1.5, row_px=1.5, angle_deg=0.8, distance=0.01)
    moved = planted(frames, wrong)
    found = calibrated(moved, scans)
    assert [source.corrected for source in found.sources] == [False, True]
    measured = found.sources[1].measured
    assert measured.column_px == pytest.approx(1.5, abs=0.3)
    assert measured.row_px == pytest.approx(1.5, abs=0.15)
    assert measured.angle_deg == pytest.approx(0.8, rel=0.2)
    assert measured.distance == pytest.approx(0.01, abs=0.003)
    [rows] = found.rows
    assert (rows.first, rows.second) == (0, 1)
    assert rows.row_px == pytest.approx(1.5, abs=0.15)  # by the pair alone
    corrected = found.applied(moved).views
    assert np.array_equal(corrected.centre[0::2], frames.views.centre[0::2])
    off = np.abs(moved.views.centre - frames.views.centre)[1::2].max()
    assert np.abs(corrected.centre - frames.views.centre)[1::2].max() < 0.2 * off


def test_a_motion_that_begins_at_once_is_not_taken_for_a_camera():
    """The sample falls by 8 pixels, most of it at first: both ends contradict each other about a common shift."""
    frames, scans = sequence({"type": "rigid", "displacements": [0.0, 0.0, 0.2], "law": {"type": "power", "exponent": 0.3}})
    assert not any(source.corrected for source in calibrated(frames, scans).sources)


def test_too_few_times_tell_nothing(right):
    frames, scans = right
    middle = dataclasses.replace(frames, time=np.where(frames.time < 0.5, 0.49, 0.51))
    sources = [own[:1] for own in sources_of(middle)]
    found = calibrate_between(middle, sources, scans, (0.0, 0.0))
    assert not any(source.corrected for source in found.sources)


def test_values_tend_to_what_they_have_at_the_scans():
    apart = [np.array([0.1, 0.2, 0.3, 0.4])] * 2
    curves = [3 + 2 * apart[0] - apart[0] ** 2, 3 - apart[1]]
    value, sigma = at_the_scans(apart, [curve[:, None] for curve in curves])
    assert value == pytest.approx([3.0])
    assert sigma == pytest.approx([0.0], abs=1e-5)
    contradicting, unsure = at_the_scans(apart, [curves[0][:, None], curves[1][:, None] - 6])
    assert unsure[0] > abs(contradicting[0]) / 4
    assert unsure[0] >= 3.0


def test_a_camera_turned_about_its_axis_sees_the_image_turned(right):
    frames, (scan, _) = right
    volume, view = ScanVolume(gaussian_filter(scan, 1.5)), frames.views[[0]]
    view = dataclasses.replace(view, centre=view.centre + [[5.0, -3.0]])
    image = volume.predicted(1, view)[0]
    turned = volume.predicted(1, Correction(roll_deg=4.0).applied(view))[0]
    error = np.abs(against_scan._rolled(image, view, 4.0) - turned)
    assert error.max() < 0.01 * turned.max()
    assert error.mean() < 0.03 * np.abs(image - turned).mean()


def test_masked_pixels_do_not_count(right):
    """A dark bar across every projection of one source pulls at its camera, unless it is masked (and filled from its neighbours, as prepare does)."""
    frames, scans = right
    counts, pixels, filled = np.ones(len(frames.pixels), bool), np.array(frames.pixels), np.array(frames.pixels)
    for f in sources_of(frames)[1].tolist():
        own = slice(frames.offset[f], frames.offset[f + 1])
        first = SIZE // 2 + 6
        for array, value in ((counts, False), (pixels, 3000), (filled, filled[own].reshape(SIZE, SIZE)[:, first - 1 : first])):
            array[own].reshape(SIZE, SIZE)[:, first : first + 3] = value
    of_bar, masked = (dataclasses.replace(frames, pixels=values, counts=own) for values, own in ((pixels, None), (filled, counts)))
    clean, wrong, unharmed = (calibrated(own, scans).sources[1].measured.values() for own in (frames, of_bar, masked))
    assert abs(unharmed[0] - clean[0]) < 0.2 * abs(wrong[0] - clean[0])


def test_what_is_not_significant_is_not_corrected(right):
    frames, scans = right
    found = calibrated(planted(frames, Correction(column_px=2.0, distance=0.02)), scans).sources[1]
    assert found.corrected
    assert found.correction.column_px == pytest.approx(2.0, abs=0.3)
    assert found.correction.distance == pytest.approx(0.02, abs=0.005)
    assert (found.correction.roll_deg, found.correction.angle_deg) == (0.0, 0.0)
    assert min(found.sigma) > 0

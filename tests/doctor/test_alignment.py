"""A sample that lies elsewhere in the second scan, and a sequence whose angles count from another zero."""

import balls_scan
import numpy as np
import pytest
import yaml

from xct4d.config import Geometry
from xct4d.doctor.alignment import align
from xct4d.doctor.diagnosis import Diagnosis
from xct4d.doctor.ends import parts_of
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.sequence_turn import turn_of
from xct4d.geometry.corrections import of_sample_at

AZIMUTHS = 7.0 + 10.0 * np.arange(36)
SECTION = "input: "


def turned(points, degrees):
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]]).T


def scan(centres=balls_scan.CENTRES, azimuths=AZIMUTHS):
    cameras = balls_scan.views(azimuths)
    return Evidence.of(balls_scan.transmissions(cameras, centres), cameras, 1.0, 1.0)


@pytest.fixture(scope="module")
def first():
    return scan()


@pytest.mark.parametrize(("degrees", "shift"), [(4.65, (0.0, 0.0, 0.0)), (137.0, (0.05, -0.08, 0.1)), (-62.0, (0.0, 0.0, -0.05))])
def test_rotation_and_shift_of_a_remounted_sample_are_found(first, degrees, shift):
    found = align(first, scan(turned(balls_scan.CENTRES, degrees) + shift))
    assert found.is_clear
    assert found.turned_deg == pytest.approx(degrees, abs=0.15)
    assert found.shift == pytest.approx(shift, abs=0.003)
    _, line = found.lines(Geometry(), Diagnosis())
    section = yaml.safe_load(line[line.index(SECTION) + len(SECTION) :])["backward_geometry"]
    given = Geometry.model_validate(section)  # the line can be copied as it stands
    assert given.angle_offset_deg == pytest.approx(degrees, abs=0.15)
    assert given.sample_shift == pytest.approx(shift, abs=0.003)


def test_of_a_sample_that_lies_as_before_nothing_is_said(first):
    noisy = first.images + np.random.default_rng(0).normal(0, 0.01, first.images.shape).astype(np.float32)
    found = align(first, Evidence.of(np.exp(-noisy), first.views, 1.0, 1.0))
    assert not found.is_clear
    assert found.lines(Geometry(), Diagnosis()) == []


def test_from_too_few_views_nothing_is_told():
    azimuths = AZIMUTHS[::4]
    found = align(scan(azimuths=azimuths), scan(turned(balls_scan.CENTRES, 4.65), azimuths=azimuths))
    assert not found.is_clear


def test_another_rotation_of_a_regular_sample_is_named(monkeypatch):
    monkeypatch.setattr(balls_scan, "RADII", np.full(4, 0.2))
    centres = turned(np.array([[0.5, 0, 0], [0, 0.5, 0], [-0.5, 0, 0], [0, -0.5, 0.0]]), 10.0)
    found = align(scan(centres), scan(centres + [0.0, 0.0, 0.2]))
    assert found.is_clear
    assert found.other_deg % 90 == pytest.approx(found.turned_deg % 90, abs=1.0)
    assert found.lines(Geometry(), Diagnosis())[-1] == f"cannot be told: turned by {found.other_deg:.3g} degrees is nearly as good"


def test_the_line_adds_to_what_the_configuration_has():
    """Corrected by it, cameras are those that were corrected by the given section and then found to be out."""
    given = Geometry(angle_offset_deg=170.0, sample_shift=(0.1, -0.2, 0.05), focal_factor=2.0)
    found = align(scan(), scan(turned(balls_scan.CENTRES, 30.0) + [0.06, 0.0, 0.0]))
    whole = found.section(given.model_dump(exclude_defaults=True))
    assert whole["focal_factor"] == 2.0
    assert -180 <= whole["angle_offset_deg"] < 180
    poses = balls_scan.views().camera_to_world
    twice = of_sample_at(of_sample_at(poses, 170.0, np.array([0.1, -0.2, 0.05])), found.turned_deg, np.array(found.shift))
    assert of_sample_at(poses, whole["angle_offset_deg"], np.array(whole["sample_shift"])) == pytest.approx(twice, abs=1e-3)


@pytest.mark.parametrize("degrees", [0.0, 4.65, -90.0])
def test_the_zero_of_the_sequences_angles_is_found(first, degrees):
    azimuths = 15 + 90.0 * (np.arange(8) % 2)
    times = np.linspace(0.1, 0.9, 8)
    cameras, named = balls_scan.views(azimuths), balls_scan.views(azimuths + degrees)  # a larger angle of the stage is a smaller azimuth
    images = [balls_scan.transmissions(cameras[[i]], balls_scan.CENTRES + t * np.array([0, 0, 0.03]))[0] for i, t in enumerate(times)]
    parts = parts_of(images.__getitem__, [named[[i]] for i in range(8)], times, 1.0)
    scans = {"forward": first, "backward": scan(balls_scan.CENTRES + [0, 0, 0.03])}
    right = Diagnosis(method="pairwise consistency", verdict="right")
    found = turn_of(parts, scans, {"forward": right, "backward": right})
    assert found.turned_deg == pytest.approx(degrees, abs=0.3)
    assert found.is_clear is (degrees != 0)
    lines = found.lines(Geometry(angle_offset_deg=1.0))
    assert lines == [] if degrees == 0 else f"between_geometry: {{angle_offset_deg: {round(1 + found.turned_deg, 2)}}}" in lines[1]
    assert turn_of(None, scans, {"forward": right, "backward": right}) is None

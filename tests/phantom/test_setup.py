"""A scene whose sequence another set-up takes."""

import numpy as np
import pytest
from preparation import complaint

from xct4d.config import Setup
from xct4d.phantom.scenes import Scene

TREE = {
    "object": {"type": "sphere", "center": [0.3, 0.0, 0.0], "radius": 0.2, "rho": 1.0},
    "times": [0.0, 0.1, 0.5, 1.0],
    "views": {"ends": {"azimuths": 8, "start_deg": 5.0}, "between": {"azimuths": [17, 77]}, "between_held_out": {"azimuths": [40]}},
    "detector": {"resolution": 24, "bits": 16, "photons": 40000.0},
    "flat_field": [0.05],
    "exposure": {"duration": 0.02, "views": 5},
}
SCENE = Scene.model_validate(TREE)


def azimuths(**setup):
    return SCENE.with_setup(Setup(**setup)).views.between.degrees().tolist()


def test_nothing_said_is_the_scene_itself():
    assert SCENE.with_setup(Setup()) == SCENE


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ({"sources": 1}, [17]), ({"sources": 2}, [17, 107]), ({"sources": 3}, [17, 77, 137]),
        ({"first_deg": 0.0}, [0, 90]), ({"spacing_deg": 30.0}, [17, 47]), ({"sources": 3, "first_deg": -10.0, "spacing_deg": 72.0}, [-10, 62, 134]),
    ],
)  # fmt: skip
def test_sources_stand_evenly_over_half_a_turn_or_as_they_are_told(setup, expected):
    assert azimuths(**setup) == expected


def test_the_rest_of_the_scene_stays():
    other = SCENE.with_setup(Setup(sources=3, times=5, photons=10000.0, exposure=0.1))
    assert np.array_equal(other.time_points(), [0, 0.25, 0.5, 0.75, 1])
    assert (other.detector.photons, other.exposure.duration, other.exposure.views) == (10000.0, 0.1, 5)
    assert (other.views.ends, other.views.between_held_out) == (SCENE.views.ends, SCENE.views.between_held_out)
    assert (other.object, other.flat_field, other.detector.resolution) == (SCENE.object, SCENE.flat_field, 24)


def test_an_exposure_of_no_length_is_sharp():
    assert SCENE.with_setup(Setup(exposure=0.0)).exposure is None


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ({"photons": 50.0}, ["setup: does not fit the scene: flat_field leaves counts of 50 photons no room", "use [0.55"]),
        ({"sources": 5, "spacing_deg": 90.0}, ["setup: does not fit the scene: views.between: azimuths has a direction twice"]),
    ],
)
def test_a_set_up_that_does_not_fit_the_scene_says_so_in_one_line(setup, words):
    line = complaint(SCENE.with_setup, Setup(**setup))
    assert all(word in line for word in words), line


def test_polar_angles_in_a_list_need_as_many_sources():
    scene = Scene.model_validate(TREE | {"views": {**TREE["views"], "between": {"azimuths": [17, 77], "polar_deg": [90, 80]}}})
    assert scene.with_setup(Setup(first_deg=0.0)).views.between.polar_degrees(0).tolist() == [90, 80]
    assert "2 angles for 3 azimuths" in complaint(scene.with_setup, Setup(sources=3))

"""The benchmark of strain: its figures where they are known."""

import numpy as np
import pytest
from finished_result import DRIFT, make

import xct4d
from benchmarks import strain
from workflow import ROOT
from xct4d.phantom.truth import Phantom

POINTS = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))


def test_a_steady_motion_strains_nothing(tmp_path):
    found = strain.found_motion(xct4d.open(make(tmp_path, "balls")), POINTS)
    still = strain.Motion(np.zeros_like(POINTS), np.broadcast_to(np.eye(3), (50, 3, 3)))
    assert strain.errors(found, still) == pytest.approx({"displacement": np.linalg.norm(DRIFT), "equivalent strain": 0, "J": 0}, abs=1e-4)
    assert strain.errors(found, found) == {"displacement": 0, "equivalent strain": 0, "J": 0}


def test_the_true_gradient_is_that_of_the_scene():
    true = strain.true_motion(Phantom.load(ROOT / "config/scenes/lattice.yaml"), POINTS)
    step = np.array([0.0, 1e-3, 0.0])
    beside = strain.true_motion(Phantom.load(ROOT / "config/scenes/lattice.yaml"), POINTS + step)
    assert np.allclose(beside.displacement + step - true.displacement, true.gradient @ step, atol=1e-5)
    assert np.abs(np.linalg.det(true.gradient) - 1).max() > 0.01


def test_a_gradient_is_fitted_to_what_is_known():
    nodes = np.stack(np.meshgrid(*[np.arange(0, 30, 6.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
    gradient = np.eye(3) + np.array([[0.03, 0, 0.01], [0, -0.04, 0], [0, 0.03, 0.02]])
    moved = nodes @ (gradient - np.eye(3)).T
    moved[::7] = np.nan
    found = strain.fitted_gradient(nodes, moved, 11.0)
    assert np.isnan(found[::7]).all()
    assert np.allclose(found[~np.isnan(moved[:, 0])], gradient)

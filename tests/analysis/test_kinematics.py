"""Quantities of trained motions whose flow is known in closed form, and against differences of the flow."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xct4d.analysis.kinematics import OF_DEFORMATION, OF_MOTION, Kinematics
from xct4d.device import HOST
from xct4d.fields.evolution import Evolution
from xct4d.fields.velocity import VelocityField
from xct4d.quantities import ANALYSED, BY_NAME

N, MODES = 27, 4


def model(velocity) -> Evolution:
    """The motion of a steady velocity field, a function of points [N, 3] (float64), as the spline that interpolates it."""
    n, spacing = N, 2 / (N - 3)
    nodes = -1 - spacing + spacing * np.arange(n)
    z, y, x = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    control = velocity(np.stack([x, y, z], -1).reshape(-1, 3)).reshape(n, n, n, 3)
    for axis in range(3):  # from values at the nodes to control points of uniform cubic B-splines, extended linearly at the ends
        matrix = np.eye(n) * 2 / 3 + (np.eye(n, k=1) + np.eye(n, k=-1)) / 6
        matrix[0], matrix[-1] = 0, 0
        matrix[0, 0] = matrix[-1, -1] = 1  # where the function is linear along the axis this is exact
        control = np.moveaxis(np.linalg.solve(matrix, np.moveaxis(control, axis, 0).reshape(n, -1)).reshape(n, n, n, 3), 0, axis)
    field = VelocityField(N, MODES, longest_step=0.02, solver="rk4")
    with torch.no_grad():
        field.control[:] = torch.from_numpy(control).float()
    return Evolution(None, SimpleNamespace(), field, lambda points, t: points.new_full((len(points),), t), None, HOST)


def linear(matrix):
    matrix = np.asarray(matrix, float)
    return model(lambda points: points @ matrix.T), lambda t: torch.linalg.matrix_exp(torch.from_numpy(matrix) * t).numpy()


def points(half_width=0.3, count=200):
    return torch.from_numpy(np.random.default_rng(0).uniform(-half_width, half_width, (count, 3))).float()


MOTIONS = {
    "rigid rotation": [[0, -1.2, 0], [1.2, 0, 0], [0, 0, 0]],
    "stretch": [[0.3, 0, 0], [0, -0.2, 0], [0, 0, 0.1]],
    "shear": [[0, 0.6, 0], [0, 0, 0], [0, -0.4, 0]],
    "affine": [[0.1, -0.5, 0.2], [0.4, -0.2, 0.3], [-0.1, 0.2, 0.3]],
}


@pytest.mark.parametrize("name", MOTIONS)
def test_the_deformation_of_linear_motions_is_the_matrix_exponential(name):
    evolution, gradient = linear(MOTIONS[name])
    for t in (0.25, 1.0):
        at = Kinematics(evolution, t).at(points())
        expected = gradient(t)
        assert np.abs(at.value("deformation_gradient").numpy().reshape(-1, 3, 3) - expected).max() < 1e-5
        assert np.abs(at.value("jacobian").numpy() - np.linalg.det(expected)).max() < 1e-5
        green = (expected.T @ expected - np.eye(3)) / 2
        found = at.value("green_lagrange_strain").numpy()
        assert np.abs(found - [green[0, 0], green[1, 1], green[2, 2], green[1, 2], green[0, 2], green[0, 1]]).max() < 1e-5
        moved = points().numpy() - points().numpy() @ np.linalg.inv(expected).T
        assert np.abs(at.value("displacement").numpy() - moved).max() < 1e-5


def test_the_deformation_of_a_twist():
    """v = w z (-y, x, 0) turns each layer z by w z t: F = R (1 + w t (-y, x, 0) e3 at the first place)."""
    rate, t = 0.8, 0.75
    evolution = model(lambda p: rate * p[:, 2:] * np.stack([-p[:, 1], p[:, 0], 0 * p[:, 0]], 1))
    now = points(0.5)
    angle = rate * t * now[:, 2].double().numpy()
    c, s = np.cos(angle), np.sin(angle)
    expected = np.zeros((len(now), 3, 3))
    expected[:, 0, 0], expected[:, 0, 1], expected[:, 1, 0], expected[:, 1, 1], expected[:, 2, 2] = c, -s, s, c, 1
    expected[:, 0, 2], expected[:, 1, 2] = -rate * t * now[:, 1], rate * t * now[:, 0]  # d(angle)/dz turns with the place where it is now
    at = Kinematics(evolution, t).at(now)
    assert np.abs(at.value("deformation_gradient").numpy().reshape(-1, 3, 3) - expected).max() < 2e-5
    assert np.abs(at.value("jacobian").numpy() - 1).max() < 2e-5


def curved() -> Evolution:
    field = VelocityField(9, 5, longest_step=0.02, solver="rk4")
    with torch.no_grad():
        field.control.uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(0))
    return Evolution(None, SimpleNamespace(), field, lambda points, t: points.new_full((len(points),), t), None, HOST)


def test_a_curved_motion_against_differences_of_its_flow():
    evolution, t, step, now = curved(), 0.7, 5e-3, points(0.6)
    there = now - Kinematics(evolution, t).at(now).value("displacement")
    sides = [evolution.flow(there + sign * step * torch.eye(3)[axis], 0.0, t) for axis in range(3) for sign in (1, -1)]
    differences = torch.stack([(ahead - behind) / (2 * step) for ahead, behind in zip(sides[::2], sides[1::2], strict=True)], -1)
    found = Kinematics(evolution, t).at(now).value("deformation_gradient").reshape(-1, 3, 3)
    assert (found - differences).abs().max() < 2e-3
    assert (differences - torch.eye(3)).abs().max() > 0.2


def test_displacements_of_the_place_and_of_the_material_are_those_of_the_flow():
    evolution, t, now = curved(), 0.7, points(0.6)
    at = Kinematics(evolution, t).at(now)
    eulerian = at.value("displacement")
    assert torch.allclose(eulerian, now - evolution.flow(now, t, 0.0))
    material = Kinematics(evolution, t).at(now - eulerian).value("lagrangian_displacement")
    assert torch.allclose(material, eulerian, atol=1e-5)
    at.value("jacobian")  # then the displacement comes with the gradient
    assert torch.allclose(at.value("displacement"), eulerian, atol=1e-6)


def test_every_quantity_has_a_value_of_its_shape():
    assert {*OF_MOTION, *OF_DEFORMATION} == set(ANALYSED)
    at = Kinematics(curved(), 0.5).at(points(count=7))
    for name in ANALYSED:
        if name != "displacement_uncertainty":  # needs samples of the motion: tests/stages/test_analyse.py
            assert at.value(name).shape == (7, *BY_NAME[name].shape)
    assert math.isclose(at.value("mixing_coefficient")[0], 0.5)

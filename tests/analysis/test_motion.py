"""Displacement and velocity of a trained model against its spline in closed form."""

from types import SimpleNamespace

import numpy as np
import torch

from xct4d.analysis import motion
from xct4d.device import HOST
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.bspline import basis

N, MODES = 7, 5


def model():
    field = VelocityField(N, MODES, longest_step=0.02, solver="rk4")
    with torch.no_grad():
        field.control.uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(0))
    return SimpleNamespace(velocity=field, device=HOST, flow=lambda points, start, stop: field.flow(points, start, stop))


def exact(field, points, t):
    """v(x, t) in float64, by the basis along every axis."""
    weights = [basis(N, points[:, axis]) for axis in range(3)]
    time = basis(MODES, np.array([2 * t - 1]))[0]
    return np.einsum("m,pi,pj,pk,mkjic->pc", time, *weights, field.control.detach().double().numpy())


def test_velocity_is_the_splines():
    evolution, points = model(), np.random.default_rng(0).uniform(-1.2, 1.2, (50, 3))  # beyond the box too
    for t in (0.0, 0.37, 1.0):
        found = motion.velocity(evolution, torch.from_numpy(points).float(), t).numpy()
        assert np.allclose(found, exact(evolution.velocity, points, t), atol=1e-6)


def test_displacement_solves_the_equation_of_motion():
    """Back along the flow and forth again: what is at x has moved by x - X, and X moves by as much until t."""
    evolution, points = model(), torch.from_numpy(np.random.default_rng(1).uniform(-0.8, 0.8, (50, 3))).float()
    moved = motion.displacement(evolution, points, 0.6)
    assert moved.norm(dim=1).mean() > 0.02
    assert torch.allclose(evolution.flow(points - moved, 0.0, 0.6), points, atol=1e-5)
    assert torch.equal(motion.displacement(evolution, points, 0.0), torch.zeros(50, 3))
    # at first it grows as the velocity does
    early = motion.displacement(evolution, points, 1e-3).double().numpy() / 1e-3
    assert np.allclose(early, exact(evolution.velocity, points.double().numpy(), 0.0), atol=2e-3)

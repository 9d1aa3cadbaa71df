"""The prior that solid material keeps its volume."""

from __future__ import annotations

import numpy as np
import pytest

from xct4d.geometry.box import voxel_centres
from xct4d.motion.solidity import Solidity, solid_surroundings

N, MODES = 7, 4


def linear(matrix):
    """Control points of the velocity M x, at all times."""
    axis = np.linspace(-1, 1, N - 2)
    axis = np.concatenate([[2 * axis[0] - axis[1]], axis, [2 * axis[-1] - axis[-2]]])
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.broadcast_to(np.stack([x, y, z], -1) @ np.asarray(matrix).T, (MODES, N, N, N, 3)).copy()


@pytest.fixture(scope="module")
def block():
    z, y, x = np.meshgrid(*3 * [voxel_centres(48)], indexing="ij")
    return (np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 0.7).astype(np.float32)


def test_only_a_change_of_volume_costs(block):
    solidity = Solidity((block, block), N, MODES)
    shear, squeeze, growth = [[0, 0.3, 0], [0, 0, 0], [0, 0, 0]], np.diag([0.1, 0.1, -0.2]), np.diag([0.1, 0.1, 0.1])
    assert solidity(linear(shear))[0] < 1e-12
    assert solidity(linear(squeeze))[0] < 1e-12
    inside = (solid_surroundings(block) ** 4).mean()
    assert solidity(linear(growth))[0] == pytest.approx(0.3**2 * inside, rel=1e-4)


def test_its_gradient(block):
    solidity, random = Solidity((block, block), N, MODES), np.random.default_rng(0)
    control, direction = random.normal(size=(2, MODES, N, N, N, 3))
    slope = (solidity(control + 1e-3 * direction)[0] - solidity(control - 1e-3 * direction)[0]) / 2e-3
    assert slope == pytest.approx((solidity(control)[1] * direction).sum(), rel=1e-6)


def test_a_lattice_is_not_solid(block):
    hollow = (np.arange(48) % 8 > 2)[:, None, None] | (np.arange(48) % 8 > 3)[None, :, None]
    struts = np.where(hollow, 0, block).astype(np.float32)
    assert solid_surroundings(block).max() > 0.99
    assert (solid_surroundings(struts) ** 4).max() < 0.02

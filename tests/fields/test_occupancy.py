"""Which cells hold material: what moves keeps its cells with it."""

import numpy as np
import pytest
import torch

from xct4d.fields import occupancy


def ball(points, centre, radius):
    return (torch.linalg.vector_norm(points - torch.tensor(centre), dim=1) < radius).float()


def turned(points):
    c, s = np.cos(0.7), np.sin(0.7)
    return points @ torch.tensor([[c, s, 0], [-s, c, 0], [0, 0, 1]], dtype=torch.float32)


def turned_back(points):
    c, s = np.cos(0.7), np.sin(0.7)
    return points @ torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float32)


def bent(points):
    x, y, z = points.unbind(-1)
    y = y + 0.1 * torch.cos(4 * z)
    return torch.stack([x + 0.15 * torch.sin(3 * y), y, z], -1)


def bent_back(points):
    x, y, z = points.unbind(-1)
    return torch.stack([x - 0.15 * torch.sin(3 * y), y - 0.1 * torch.cos(4 * z), z], -1)


SHIFT = torch.tensor([0.3, -0.2, 0.11])
FLOWS = {  # from the canonical, and back to it
    "still": (lambda p: p, lambda p: p),
    "shifted": (lambda p: p + SHIFT, lambda p: p - SHIFT),
    "turned": (turned, turned_back),
    "bent": (bent, bent_back),
    "crushed": (lambda p: p * torch.tensor([1, 1, 0.4]), lambda p: p / torch.tensor([1, 1, 0.4])),
    "pulled": (lambda p: p * torch.tensor([0.8, 0.8, 2.5]), lambda p: p / torch.tensor([0.8, 0.8, 2.5])),
}


def assert_nothing_is_missed(cells, carried, back, at_most):
    """Material of the cells lies in the carried ones, which are at most so many times as large."""
    points = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (400_000, 3)).astype(np.float32))
    inside = torch.zeros(len(points), dtype=torch.bool)
    inside[occupancy.inside(carried, points)] = True
    wanted = torch.zeros(len(points), dtype=torch.bool)
    wanted[occupancy.inside(cells, back(points))] = True
    assert wanted.any()
    assert not (wanted & ~inside).any()
    assert inside.sum() < at_most * wanted.sum()


@pytest.mark.parametrize("name", FLOWS)
def test_no_point_outside_the_carried_cells_comes_from_material(name):
    there, back = FLOWS[name]
    cells = occupancy.occupied(lambda points: ball(points, [0.2, -0.1, 0.3], 0.2), np.random.default_rng(0))
    assert_nothing_is_missed(cells, occupancy.around(there(occupancy.subcell_centres(cells))), back, 2.5)


@pytest.mark.parametrize("name", [name for name in FLOWS if name != "pulled"])  # to 2.5 times its length, which a block does not cover
def test_an_eighth_of_the_points_carries_the_cells_too(name):
    there, back = FLOWS[name]
    cells = occupancy.occupied(lambda points: ball(points, [0.2, -0.1, 0.3], 0.2), np.random.default_rng(0))
    centres = occupancy.block_centres(cells)
    assert len(centres) < cells.sum() / 5
    assert_nothing_is_missed(cells, occupancy.around(there(centres), radius=1.5), back, 4.5)


def test_occupied_cells_hold_the_material_and_little_else():
    cells = occupancy.occupied(lambda points: ball(points, [0.2, -0.1, 0.3], 0.2), np.random.default_rng(0))
    points = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (200_000, 3)).astype(np.float32))
    material = ball(points, [0.2, -0.1, 0.3], 0.2) > 0
    inside = torch.zeros(len(points), dtype=torch.bool)
    inside[occupancy.inside(cells, points)] = True
    assert not (material & ~inside).any()
    assert inside.sum() < 4 * material.sum()
    assert len(occupancy.inside(occupancy.full(), torch.tensor([[1.01, 0, 0], [0, -1.01, 0], [0, 0, 1.5]]))) == 0

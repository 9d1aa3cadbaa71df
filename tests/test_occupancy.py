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


def bent(points):
    x, y, z = points.unbind(-1)
    return torch.stack([x + 0.15 * torch.sin(3 * y), y + 0.1 * torch.cos(4 * z), z - 0.1 * x], -1)


@pytest.mark.parametrize("flow", [lambda p: p, lambda p: p + torch.tensor([0.3, -0.2, 0.11]), turned, bent, lambda p: 2 * p, lambda p: 0.5 * p])
def test_no_point_of_an_empty_cell_is_carried_into_material(flow):
    cells = occupancy.occupied(lambda points: ball(points, [0.2, -0.1, 0.3], 0.2), np.random.default_rng(0))
    carried = occupancy.carried(cells, flow)
    points = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (400_000, 3)).astype(np.float32))
    inside = torch.zeros(len(points), dtype=torch.bool)
    inside[occupancy.held(carried, points)] = True
    arrived = flow(points)
    wanted = torch.zeros(len(points), dtype=torch.bool)
    wanted[occupancy.held(cells, arrived)] = True
    assert wanted.any()
    assert not (wanted & ~inside).any()
    assert inside.sum() < 3 * wanted.sum() + 1000


def test_occupied_cells_hold_the_material_and_little_else():
    cells = occupancy.occupied(lambda points: ball(points, [0.2, -0.1, 0.3], 0.2), np.random.default_rng(0))
    points = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (200_000, 3)).astype(np.float32))
    material = ball(points, [0.2, -0.1, 0.3], 0.2) > 0
    held = torch.zeros(len(points), dtype=torch.bool)
    held[occupancy.held(cells, points)] = True
    assert not (material & ~held).any()
    assert held.sum() < 4 * material.sum()
    assert len(occupancy.held(occupancy.full(), torch.tensor([[1.01, 0, 0], [0, -1.01, 0], [0, 0, 1.5]]))) == 0

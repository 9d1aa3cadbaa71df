"""Regions of the material, and their statistics, in closed form."""

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from evolution_in_closed_form import CENTRE, RADIUS, DriftingBall

from xct4d.analysis.regions import box_region, histograms, label_regions, statistics
from xct4d.errors import InputError


def test_a_box_holds_the_solid_material_within_it():
    region = box_region(DriftingBall(), "upper half", np.array([-1, -1, CENTRE[2]]), np.ones(3))
    radii = np.linalg.norm(region.points - CENTRE, axis=1)
    assert len(region.points) > 100
    assert radii.max() < 0.85 * RADIUS  # not its faint rim
    assert region.points[:, 2].min() > CENTRE[2]
    with pytest.raises(InputError, match="air: holds no solid material"):
        box_region(DriftingBall(), "air", np.array([0.8, 0.8, 0.8]), np.ones(3))


@pytest.mark.parametrize("suffix", ["tif", "npy", "npz"])
def test_labels_are_places_of_their_voxels(tmp_path, suffix):
    labels = np.zeros((4, 6, 8), np.uint8)  # z, y, x
    labels[1, 2, 3], labels[0, 0, 0] = 2, 5
    path = tmp_path / f"labels.{suffix}"
    {
        "tif": lambda: tifffile.imwrite(path, labels, photometric="minisblack"),
        "npy": lambda: np.save(path, labels.T),
        "npz": lambda: np.savez(path, vol=labels.T),
    }[suffix]()
    two, five = label_regions(path)
    assert (two.name, five.name) == ("2", "5")
    assert two.points[0] == pytest.approx([-1 + 3.5 / 4, -1 + 2.5 / 3, -1 + 1.5 / 2])
    assert five.points[0] == pytest.approx([-1 + 0.5 / 4, -1 + 0.5 / 3, -1 + 0.5 / 2])


def test_what_are_no_labels_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "flat.tif", np.ones((5, 5), np.uint8))
    np.save(tmp_path / "empty.npy", np.zeros((4, 4, 4), np.uint8))
    (tmp_path / "text.tif").write_text("no image")
    for name, said in (
        ("flat.tif", "has the shape"),
        ("empty.npy", "has no labels"),
        ("text.tif", "cannot be read"),
        ("none.npy", "does not exist"),
    ):
        with pytest.raises(InputError, match=said):
            label_regions(tmp_path / name)


def test_means_are_of_each_region_and_folded_points_do_not_count():
    values = torch.tensor([[1.0, 3.0, 10.0], [2.0, torch.nan, 20.0]])
    paths = [SimpleNamespace(strained=lambda shift=shift: {"jacobian": values + shift}) for shift in (0.0, 0.5, -0.5)]
    followed = SimpleNamespace(
        paths=paths[0],
        deviation=lambda measure: torch.stack([(measure(path) - measure(paths[0])) ** 2 for path in paths[1:]]).mean(0).sqrt(),
    )
    found = statistics(followed, [2, 1], "jacobian")
    assert found.mean.tolist() == [[2, 10], [2, 20]]
    assert found.spread.tolist() == [[1, 0], [0, 0]]
    assert torch.allclose(found.deviation, torch.tensor(0.5))


def test_histograms_share_their_edges_over_time():
    edges, parts = histograms(np.array([[0.0, 0.0, 1.0, np.nan], [2.0, 2.0, 2.0, 2.0]]))
    assert (edges[0], edges[-1]) == (0.0, 2.0)
    assert parts.sum(axis=1) == pytest.approx([1, 1])
    assert parts[0, 0] == pytest.approx(2 / 3)
    assert parts[1, -1] == 1

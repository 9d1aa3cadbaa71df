"""Images of which a mask says which pixels count."""

import numpy as np
import pytest

from xct4d.geometry.larger_pixels import area_average
from xct4d.geometry.masked import filled, masked_average

IMAGE = np.random.default_rng(0).random((12, 18)).astype(np.float32)


def test_larger_pixels_are_means_over_what_counts():
    mask = np.ones(IMAGE.shape, bool)
    mask[:3, 0] = False  # a third of the first block, of nine pixels
    mask[3:6, 3:5] = False  # two thirds of another
    mean, counts = masked_average(IMAGE, mask, 3)
    assert counts.tolist() == (np.arange(24).reshape(4, 6) != 7).tolist()
    assert mean[0, 0] == pytest.approx(IMAGE[:3, 1:3].mean())
    assert mean[2:] == pytest.approx(area_average(IMAGE, 3)[2:])


def test_what_does_not_count_changes_nothing():
    mask = np.random.default_rng(1).random(IMAGE.shape) > 0.4
    other = np.where(mask, IMAGE, np.float32(1e6))
    for factor in (1, 2, 3):
        assert all(
            np.array_equal(a, b) for a, b in zip(masked_average(IMAGE, mask, factor), masked_average(other, mask, factor), strict=True)
        )


def test_what_does_not_count_has_the_value_of_its_nearest_neighbour():
    mask = np.ones(IMAGE.shape, bool)
    mask[5, 4:9] = False
    mask[:, 15:] = False
    image = filled(IMAGE, mask)
    assert image[mask].tolist() == IMAGE[mask].tolist()
    assert image[5, 6] in (IMAGE[4, 6], IMAGE[6, 6])
    assert image[:, 17].tolist() == IMAGE[:, 14].tolist()

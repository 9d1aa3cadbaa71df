"""Images of larger pixels."""

import numpy as np

from xct4d.geometry.larger_pixels import area_average


def test_area_average_against_a_plain_loop():
    rng = np.random.default_rng(0)
    image = rng.random((2003, 1501), dtype=np.float32)
    small = area_average(image, 8)
    assert small.shape == (250, 187)
    for row, column in rng.integers(0, 187, (50, 2)):
        expected = image[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].astype(np.float64).mean()
        assert abs(small[row, column] - expected) < 1e-6

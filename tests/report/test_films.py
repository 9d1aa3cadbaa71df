"""Images between which a page's slider chooses."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from xct4d.report.films import NOTHING, ColourScale, View, encoded, largest
from xct4d.report.planes import Planes


def decoded(address):
    head, _, data = address.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def test_colours_run_from_low_to_high_upwards_and_grey_is_nothing():
    pixels = ColourScale("", -1.0, 1.0, "gray").paint(np.array([[-1.0, 0.0], [5.0, np.nan]]))
    assert pixels[1, 0].tolist() == [0, 0, 0]  # v = 0 is the lowest row
    assert pixels[1, 1] == pytest.approx(128, abs=1)
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == [NOTHING] * 3


def test_an_image_comes_back_as_it_was():
    image = np.kron(np.array([[0, 250], [100, 50]], np.uint8), np.ones((32, 32), np.uint8))
    assert np.abs(decoded(encoded(image))[..., 0] - image).mean() < 3


@pytest.mark.parametrize(("width", "bar"), [(2.0, 0.5), (3.0, 0.5), (10.0, 2.0), (7.9, 1.0), (0.4, 0.1)])
def test_a_scale_bar_is_a_round_length_of_at_most_a_quarter(width, bar):
    assert View(0, width, "mm").bar == pytest.approx(bar)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_letters_are_those_along_which_an_image_runs(axis):
    """x, y, z of the points [v, u] of a plane change along its image as the letters say."""
    (points,) = Planes(axis, (3,), 8).points()
    image, view = points.reshape(8, 8, 3), View(axis, 2.0, "mm")
    assert "xyz"[int(np.argmax(np.abs(image[0, 1] - image[0, 0])))] == view.right
    assert "xyz"[int(np.argmax(np.abs(image[1, 0] - image[0, 0])))] == view.up


def test_a_scale_ends_where_few_values_are_beyond():
    values = np.concatenate([np.linspace(-1, 1, 1000), [50.0]])
    assert largest([values]) == pytest.approx(1, abs=0.02)
    assert largest([np.array([0.0, np.nan])]) == 1.0
    assert largest([np.full(3, np.nan)]) == 1.0

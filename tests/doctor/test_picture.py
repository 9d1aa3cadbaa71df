"""The picture: written for each method, with as many panels as there is to show."""

import balls_scan
import numpy as np
import pytest
from PIL import Image

from xct4d.config import Geometry
from xct4d.doctor.diagnose import diagnose
from xct4d.doctor.picture import draw
from xct4d.doctor.sample import Sample


@pytest.mark.parametrize("kind", ["cone", "few rows of a parallel beam"])
def test_a_picture_is_drawn(tmp_path, kind):
    sample = balls_scan.mirrored(balls_scan.scan())
    if kind != "cone":
        cameras = balls_scan.views(np.arange(12) * 15.0, focal=150_000.0, distance=4000.0)
        middle = slice(balls_scan.HEIGHT // 2 - 1, balls_scan.HEIGHT // 2 + 1)
        images = balls_scan.transmissions(cameras)[:, middle].copy()
        views = cameras.__class__(cameras.camera_to_world, cameras.focal, cameras.centre - [0, middle.start], np.tile([96, 2], (12, 1)))
        sample = Sample(images, views, 1.0, 1.0)
    found, evidence = diagnose(sample, Geometry())
    draw(tmp_path / "picture.png", found, evidence, "balls {0}")
    image = np.asarray(Image.open(tmp_path / "picture.png").convert("L"))
    assert image.shape[1] > 600
    assert (image < 128).mean() > 0.05

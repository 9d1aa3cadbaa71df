"""The ball of tiny_dataset as a detector counts it: flats with structure, darks, angles of a stage, and the lengths of its scanner in mm."""

import numpy as np
import tiny_dataset
from tiny_dataset import DISTANCE, FOCAL, HEIGHT, WIDTH

from xct4d.geometry.views import orbit

STAGE = [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]  # counter-clockwise from above: the source's azimuth is minus that
PIXEL_MM, UNIT_MM = 2.0, 16.0
SOURCE_TO_AXIS_MM, SOURCE_TO_DETECTOR_MM = DISTANCE * UNIT_MM, FOCAL * PIXEL_MM
FIELD_OF_VIEW = WIDTH / 2 * DISTANCE / FOCAL  # half of it, in the ball's world units


def cameras(stage=STAGE):
    return tiny_dataset.views([-angle for angle in stage], polar=90.0)


def flat(level: float = 40000.0) -> np.ndarray:
    """[height, width] counts of air: brighter in the middle."""
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    return level * (1 - 0.2 * ((column - WIDTH / 2) ** 2 + (row - HEIGHT / 2) ** 2) / (WIDTH**2 / 2))


def dark() -> np.ndarray:
    return 100.0 + np.arange(WIDTH) * np.ones((HEIGHT, 1))


def transmission(k: int, t: float = 0.0, stage=STAGE) -> np.ndarray:
    return tiny_dataset.transmission(cameras(stage), k, t)


def counts(k: int, t: float = 0.0, stage=STAGE) -> np.ndarray:
    """[height, width] uint16."""
    return np.rint(dark() + transmission(k, t, stage) * flat()).astype(np.uint16)


def air() -> np.ndarray:
    """[height, width] uint16: an image without a sample."""
    return np.rint(dark() + flat()).astype(np.uint16)


def darkness() -> np.ndarray:
    return dark().astype(np.uint16)


def pose(stage_angle: float, unit_mm: float = UNIT_MM) -> np.ndarray:
    """[3, 4] where a world unit has that size."""
    return orbit(-stage_angle, 90.0, SOURCE_TO_AXIS_MM / unit_mm)

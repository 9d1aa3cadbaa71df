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


def parallel_transmission(stage_angle: float, t: float = 0.0, axis_column: float = WIDTH / 2) -> np.ndarray:
    """[height, width] by parallel rays: pixels as wide as the box over WIDTH, seen by a camera at azimuth -stage_angle."""
    azimuth = -np.deg2rad(stage_angle)
    right, back = np.array([-np.sin(azimuth), np.cos(azimuth), 0]), np.array([np.cos(azimuth), np.sin(azimuth), 0])
    pixel = 2 / WIDTH
    across = (np.arange(WIDTH) + 0.5 - axis_column) * pixel
    up = (HEIGHT / 2 - np.arange(HEIGHT) - 0.5) * pixel
    centre = tiny_dataset.centre(t)
    assert abs(back @ centre) < 1  # inside the box
    beside = (across[None] - right @ centre) ** 2 + (up[:, None] - centre[2]) ** 2
    return np.exp(-tiny_dataset.ATTENUATION * 2 * np.sqrt(np.maximum(tiny_dataset.RADIUS**2 - beside, 0)))


def parallel_counts(stage_angle: float, t: float = 0.0) -> np.ndarray:
    return np.rint(dark() + parallel_transmission(stage_angle, t) * flat()).astype(np.uint16)

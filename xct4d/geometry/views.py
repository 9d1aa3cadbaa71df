"""Camera poses and intrinsics of projections."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Views:
    """V cone-beam views.

    The camera looks along its -z; +x is increasing column, +y is decreasing
    row; the centre of pixel (0, 0) is at (0.5, 0.5).
    """

    camera_to_world: np.ndarray  # [V, 3, 4] float64: rotation and source position, world units
    focal: np.ndarray  # [V, 2] float64: focal length along columns and rows, pixels
    centre: np.ndarray  # [V, 2] float64: principal point (column, row), pixels
    size: np.ndarray  # [V, 2] int64: width and height, pixels

    def __post_init__(self):
        n = len(self.camera_to_world)
        shapes = (self.camera_to_world.shape, self.focal.shape, self.centre.shape, self.size.shape)
        if shapes != ((n, 3, 4), (n, 2), (n, 2), (n, 2)):
            raise ValueError(f"views disagree in shape: {shapes}")

    def __len__(self) -> int:
        return len(self.camera_to_world)

    def __getitem__(self, index) -> Views:
        """Those views, as numpy's indexing with a slice or an array selects them."""
        return Views(self.camera_to_world[index], self.focal[index], self.centre[index], self.size[index])

    def downscaled(self, factor: int) -> Views:
        """The same cameras with pixels `factor` times as large; remainders at the right and lower edges are cut off."""
        return replace(self, focal=self.focal / factor, centre=self.centre / factor, size=self.size // factor)


def concatenate(parts: list[Views]) -> Views:
    """All views of the parts, in order."""
    return Views(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("camera_to_world", "focal", "centre", "size")))


def orbit(azimuth_deg: float, polar_deg: float, distance: float) -> np.ndarray:
    """Camera-to-world [3, 4] of a source that looks at the origin, z upwards.

    azimuth_deg is measured from +x towards +y, polar_deg from +z.
    """
    azimuth, polar = np.deg2rad(azimuth_deg), np.deg2rad(polar_deg)
    back = np.array([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return np.column_stack([right, np.cross(back, right), back, distance * back])

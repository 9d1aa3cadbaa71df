"""Camera poses changed by what a scanner may have out of adjustment.

Poses are [..., 3, 4] camera-to-world matrices (`xct4d.geometry.views.Views`).
Left, right and up are those of the detector's image as it is displayed.
"""

from __future__ import annotations

import numpy as np


def negated(poses: np.ndarray) -> np.ndarray:
    """The poses of a rotation the other way round: azimuth a becomes -a (world and camera are mirrored together)."""
    return np.array([1.0, -1.0, 1.0])[:, None] * poses * np.array([-1.0, 1.0, 1.0, 1.0])


def with_axis_to_the_right(poses: np.ndarray, shift: float | np.ndarray) -> np.ndarray:
    """The rotation axis (world z) moves by `shift` world units to the right, as the camera sees it."""
    moved = np.array(poses, dtype=np.float64)
    moved[..., 3] -= np.asarray(shift)[..., None] * poses[..., 0]
    return moved


def rolled(poses: np.ndarray, degrees: float) -> np.ndarray:
    """The rotation axis leans to the right in the image: the camera turns about its viewing direction."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turned = np.array(poses, dtype=np.float64)
    turned[..., 0] = cos * poses[..., 0] + sin * poses[..., 1]
    turned[..., 1] = cos * poses[..., 1] - sin * poses[..., 0]
    return turned


def tilted(poses: np.ndarray, degrees: float) -> np.ndarray:
    """The upper end of the rotation axis leans towards the source, which rises as seen from the sample: the camera turns about the origin."""
    axis = -np.deg2rad(degrees) * poses[..., 0]
    return _rotation(axis) @ poses


def of_sample_at(poses: np.ndarray, turned_deg: float, shift: np.ndarray) -> np.ndarray:
    """The poses as a sample has them that lies turned by an angle about z, counter-clockwise from above, and then moved by `shift` [3].

    What is at x in the sample's own coordinates is at R x + shift in those of
    `poses`; sources and detectors are given in the sample's own.
    """
    back = _rotation(np.array([0.0, 0.0, -np.deg2rad(turned_deg)]))
    moved = np.array(poses, dtype=np.float64)
    moved[..., 3] -= shift
    return back @ moved


def _rotation(axis: np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] about vectors [..., 3], by their length in radians (Rodrigues)."""
    angle = np.linalg.norm(axis, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(axis / np.maximum(angle[..., 0], 1e-300), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], -2)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)

"""The size of a pixel in the box."""

from __future__ import annotations

from xct4d.geometry.views import Views


def pixel_size(views: Views, view: int) -> float:
    """Width of a pixel where the optical axis passes the middle of the box, world units."""
    pose = views.camera_to_world[view]
    return float(pose[:, 3] @ pose[:, 2] / views.focal[view].max())


def smallest_pixel(views: Views) -> float:
    """The least of all `pixel_size`."""
    return min(pixel_size(views, view) for view in range(len(views)))

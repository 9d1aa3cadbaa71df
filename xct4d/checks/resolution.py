"""What downscaling leaves of the detector's resolution."""

from __future__ import annotations

from xct4d.geometry.pixel_size import smallest_pixel
from xct4d.geometry.views import Views


def note_downscaling(views: Views, factor: int, voxels: int | None = None) -> list[str]:
    """A line on pixels that are averaged, factor x factor of them into one; none where factor is 1.

    views: the cameras of the full images. voxels: along each axis of the box,
    in whose width the line gives that of a pixel; None: in world units.
    """
    if factor == 1:
        return []
    width, height = (int(side) for side in views.size[0])
    full = smallest_pixel(views)
    if voxels is None:
        size = f"a pixel in the box is {factor * full:.3g} world units wide, {full:.3g} in the files"
    else:
        size = f"a pixel is {factor * full * voxels / 2:.2g} voxels of canonical.bake ({voxels}) wide, {full * voxels / 2:.2g} in the files"
    shown = f"{width} x {height} pixels become {width // factor} x {height // factor}"
    return [f"downscaled by {factor}: {shown}; {size}; prepare.downscale: 1 keeps all"]

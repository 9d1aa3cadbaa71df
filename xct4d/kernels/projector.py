"""Line integrals of a volume of voxels along the rays of whole projections, and their transpose.

Joseph (IEEE Trans. Med. Imaging 1, 1982): a ray is followed slice by slice along
the axis that it is nearest to; in each slice the volume is interpolated between
the four voxels around the ray. Beyond the outermost voxel centres the volume
falls to zero within one voxel.

Volumes are [n, n, n] (y, x, z) over the box [-1, 1]^3: the columns along the
rotation axis are contiguous, because neighbouring rows of an upright detector
read one column after the other. Projections are [V, w, h], columns first, for
the same reason.
"""

from __future__ import annotations

from torch import Tensor

from xct4d.geometry.views import Views
from xct4d.kernels.cpu import projector as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["back_project", "project"]


def _cuda():
    from xct4d.kernels.cuda import projector

    return projector


PROJECT = Twins(cpu.project, lambda: _cuda().project)
BACK_PROJECT = Twins(cpu.back_project, lambda: _cuda().back_project)


def project(
    volume: Tensor,  # [n, n, n] (y, x, z) float32
    span: Tensor,  # [2, n, n] int32: first z and past the last z of each column that may hold material
    views: Views,  # V views of one size
) -> Tensor:  # [V, w, h] float32
    """Line integrals of the volume, which is zero outside the span."""
    return PROJECT(volume, span, views)


def back_project(
    images: Tensor,  # [V, w, h] float32
    span: Tensor,  # [2, n, n] int32
    views: Views,
) -> Tensor:  # [n, n, n] (y, x, z) float32
    """The transpose of `project`: each pixel's value, spread over the voxels in proportion to its ray's weights. Zero outside the span."""
    return BACK_PROJECT(images, span, views)

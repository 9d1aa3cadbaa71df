"""Line integrals through voxels, on CUDA devices: by torch's own kernels. Right, but not measured on a GPU."""

from __future__ import annotations

from torch import Tensor

from xct4d.geometry.views import Views
from xct4d.kernels.shared import joseph


def project(volume: Tensor, span: Tensor, views: Views) -> Tensor:
    """As cpu.projector.project."""
    return joseph.project(volume, span, views)


def back_project(images: Tensor, span: Tensor, views: Views) -> Tensor:
    """As cpu.projector.back_project."""
    return joseph.back_project(images, span, views)

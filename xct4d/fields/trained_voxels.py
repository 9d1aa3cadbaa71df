"""A scan as voxels that are trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xct4d.fields import material
from xct4d.fields.baked import BakedField
from xct4d.kernels.trilinear import sample


class TrainedVoxels(nn.Module):
    """Attenuation per world unit, never negative, from parameters [n, n, n] (z, y, x) at voxel centres.

    The parameters are parts of the densest material's attenuation, so that a
    learning rate means the same for every sample.
    """

    def __init__(self, scan: BakedField):
        """scan: as it begins."""
        super().__init__()
        volume = scan.volume.float()
        densest = float(material.densest(volume))
        self._unit = densest if densest > 0 else 1.0
        self.values = nn.Parameter(volume / self._unit)

    def forward(self, points: Tensor) -> Tensor:  # [N, 3] -> [N]
        return self._unit * sample(self.values, points)

    @property
    def volume(self) -> Tensor:
        """Attenuation [n, n, n] as it is now."""
        return self._unit * self.values.detach()

    @torch.no_grad()
    def without_negatives(self) -> None:
        """Set what a step has made negative to zero."""
        self.values.clamp_(min=0)

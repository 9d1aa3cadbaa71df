"""The simultaneous iterative reconstruction technique (SIRT): a classical reconstruction to compare a canonical with.

x <- max(x + C A^T R (b - A x), 0), with R and C one over the sums of the rows
and the columns of the projector A (Gilbert, J. Theor. Biol. 36, 1972). Nothing
is reconstructed from it; the canonicals start from volume.py.
"""

from __future__ import annotations

import numpy as np
import torch

from xct4d.device import HOST
from xct4d.io.prepared import Frames
from xct4d.reconstruction.volume import Scan

ITERATIONS = 100


def simultaneous_iterations(frames: Frames, resolution: int, iterations: int = ITERATIONS) -> np.ndarray:
    """The volume (z, y, x) float32, attenuation per world unit, from the frames that are not held out."""
    n, scan = resolution, Scan.of(frames, HOST)
    span = torch.stack([torch.zeros(n, n, dtype=torch.int32), torch.full((n, n), n, dtype=torch.int32)])
    rows = scan.counted(scan.projected(torch.ones(n, n, n), span))
    columns = scan.back_projected(scan.counted(torch.ones_like(scan.images)), span)
    # where no ray meets a voxel, or no voxel a ray, nothing is to be changed
    of_ray, of_voxel = (torch.where(sums > 0, 1 / sums.clamp_min(1e-30), torch.zeros(())) for sums in (rows, columns))
    volume = torch.zeros(n, n, n)
    for _ in range(iterations):
        residual = scan.images - scan.projected(volume, span)
        volume = (volume + of_voxel * scan.back_projected(of_ray * residual, span)).clamp_min(0)
    return volume.permute(2, 0, 1).numpy()

"""The simultaneous iterative reconstruction technique on the same views, to compare a canonical with.

    python -m benchmarks.sirt results/nikon_balls/prepared/forward --resolution 192 --iterations 100

x <- max(x + C A^T R (b - A x), 0), with R and C one over the sums of the rows
and the columns of the projector A (Gilbert, J. Theor. Biol. 36, 1972; A is
that of the library, kernels.projector). The frames that are trained on are
fitted, the held-out ones predicted. Prints one JSON object. Not part of the
library.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.fdk import parser, report
from xct4d.device import HOST
from xct4d.io import prepared
from xct4d.kernels.projector import back_project, project
from xct4d.reconstruction.volume import Scan


def reconstruct(frames: prepared.Frames, resolution: int, iterations: int) -> np.ndarray:
    """The volume (z, y, x) float32, attenuation per world unit, from the frames that are not held out."""
    n, scan = resolution, Scan.of(frames, HOST)
    span = torch.stack([torch.zeros(n, n, dtype=torch.int32), torch.full((n, n), n, dtype=torch.int32)])
    rows = project(torch.ones(n, n, n), span, scan.views)
    columns = back_project(torch.ones_like(scan.images), span, scan.views)
    # where no ray meets a voxel, or no voxel a ray, nothing is to be changed
    of_ray, of_voxel = (torch.where(sums > 0, 1 / sums.clamp_min(1e-30), torch.zeros(())) for sums in (rows, columns))
    volume = torch.zeros(n, n, n)
    for _ in range(iterations):
        residual = scan.images - project(volume, span, scan.views)
        volume = (volume + of_voxel * back_project(of_ray * residual, span, scan.views)).clamp_min(0)
    return volume.permute(2, 0, 1).numpy()


def main() -> None:
    own = parser(__doc__)
    own.add_argument("--iterations", type=int, default=100)
    arguments = own.parse_args()
    frames = prepared.load(arguments.prepared)
    reconstruct(frames, 4, 1)  # compiles
    start = time.perf_counter()
    volume = reconstruct(frames, arguments.resolution, arguments.iterations)
    report(arguments, frames, volume, time.perf_counter() - start, "SIRT")


if __name__ == "__main__":
    main()

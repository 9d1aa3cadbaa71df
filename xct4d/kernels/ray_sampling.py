"""Stratified samples along rays through the box [-1, 1]^3, without those in empty cells."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from xct4d.kernels.cpu import ray_sampling as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["Samples", "stratified_samples"]

Samples = tuple[
    Tensor,  # points [N, 3] float32 (x, y, z), those of one ray side by side, from near to far
    Tensor,  # start [R + 1] int64: the points of ray r are points[start[r] : start[r + 1]]
    Tensor,  # spacing [R] float32, world units: length of the parts of each ray; 0 where a ray misses the box
]


def _cuda():
    from xct4d.kernels.cuda import ray_sampling

    return ray_sampling


STRATIFIED_SAMPLES = Twins(cpu.stratified_samples, lambda: _cuda().stratified_samples)


def stratified_samples(
    cells: Tensor,  # [n, n, n] bool (z, y, x): occupied cells; samples in other cells are left out
    rays: Tensor,  # [R, 8] float as geometry.rays.cast gives them: origin, unit direction, distances at which a ray enters and leaves the box
    jitter: Tensor,  # [R, S] float32 in [0, 1): position of each sample within its part
) -> Callable[[], Samples]:
    """Divide each ray's way through the box into S equal parts and place one sample in each; returns a function that returns the samples.

    On a GPU the samples are counted before memory for them can be reserved, and
    the host has to learn their number. The count starts at once; call the
    returned function after launching other work, and the host does not wait for
    that work.
    """
    return STRATIFIED_SAMPLES(cells, rays, jitter)

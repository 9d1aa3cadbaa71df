"""A low-resolution reconstruction, scored by how well it predicts views that were left out.

Slower than pairwise consistency and less sharp, but it holds for samples wider
than the image, tilted axes, parallel and dense scans. Ordered subsets of SART
(Andersen and Kak, Ultrasonic Imaging 6, 1984) with positivity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from xct4d.doctor.evidence import Evidence
from xct4d.doctor.hypothesis import Hypothesis
from xct4d.geometry.views import Views
from xct4d.kernels.projector import back_project, project
from xct4d.selection import evenly_spaced

VIEWS = 36  # at most
VOXELS = 48  # per axis
ACROSS = 72  # pixels along the longer side, at most
SWEEPS, SUBSET = 3, 4  # over all views; views in a subset
LEFT_OUT = 5  # of so many views one is predicted
RELAXED = 0.7
WIDEST, SHIFTS = 0.08, 13  # largest shift of the axis, of the image's width, and how many are tried
NEXT = 0.2  # pixels of the evidence: shifts that are as near are one
FOCAL = (0.5, 0.75, 1.33, 2.0)  # factors that are tried
LEAST = 0.05  # smallest sum of a ray's or a voxel's weights, as a part of the greatest


def predicted(evidence: Evidence, voxels: int = VOXELS) -> float:
    """Root mean square error of the views left out, over the root mean square of these."""
    evidence = evidence.binned(-(-evidence.images.shape[2] // ACROSS))
    every = np.arange(len(evidence))
    left = every[LEFT_OUT // 2 :: LEFT_OUT]
    fitted = np.setdiff1d(every, left)
    wide = widened(evidence)
    volume = reconstruct(wide.some(fitted), voxels)
    target = wide.some(left)
    made = project(volume, everywhere(voxels), target.views).permute(0, 2, 1).numpy()
    return float(np.sqrt(((made - target.images) ** 2).mean() / max((target.images**2).mean(), 1e-12)))


def widened(evidence: Evidence) -> Evidence:
    """The evidence in a world whose unit is half the width of what all rays of the views cover."""
    views = evidence.views
    distance = np.linalg.norm(views.camera_to_world[:, :, 3], axis=1)
    half = np.abs(evidence.columns - views.centre[:, :1]).max(1) / views.focal[:, 0]
    tall = np.maximum(views.centre[:, 1], views.size[:, 1] - views.centre[:, 1]) / views.focal[:, 1]
    seen = float((distance * np.sin(np.arctan(np.maximum(half, tall)))).max())
    poses = views.camera_to_world.copy()
    poses[:, :, 3] /= min(1.05 * seen, 0.55 * float(distance.min()))
    return replace(evidence, views=replace(views, camera_to_world=poses))


def reconstruct(evidence: Evidence, voxels: int, sweeps: int = SWEEPS) -> torch.Tensor:
    """Attenuation [n, n, n] (y, x, z) per world unit of the evidence's cameras, over the box [-1, 1]^3."""
    span = everywhere(voxels)
    images = torch.from_numpy(np.ascontiguousarray(evidence.images.transpose(0, 2, 1)))
    volume = torch.zeros(voxels, voxels, voxels)
    ones = torch.ones_like(volume)
    order = np.random.default_rng(0).permutation(len(evidence))
    subsets = [np.sort(order[first :: max(1, len(order) // SUBSET)]) for first in range(max(1, len(order) // SUBSET))]
    weights = [_weights(ones, span, evidence.views[own], images[own].shape) for own in subsets]
    for _ in range(sweeps):
        for own, (rays, inverse) in zip(subsets, weights, strict=True):
            residual = (images[own] - project(volume, span, evidence.views[own])) / rays
            volume = (volume + RELAXED * inverse * back_project(residual, span, evidence.views[own])).clamp_min(0)
    return volume


def _weights(ones: torch.Tensor, span: torch.Tensor, views: Views, shape: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Lengths of the rays in the box, and 1 over the weights of each voxel; 0 where no ray comes near."""
    rays = project(ones, span, views)
    rays = rays.clamp_min(LEAST * float(rays.max()))
    sums = back_project(torch.ones(shape), span, views)
    least = LEAST * float(sums.max())
    return rays, torch.where(sums > least, 1 / sums.clamp_min(least), 0.0)


def everywhere(n: int) -> torch.Tensor:
    """The span of a volume of n^3 voxels that is computed whole, as the projector takes it."""
    span = torch.zeros(2, n, n, dtype=torch.int32)
    span[1] = n
    return span


def chosen(count: int) -> list[int]:
    """Indices of the views that are looked at, of so many."""
    return evenly_spaced(count, VIEWS)


def search(evidence: Evidence, arrangements: list[Hypothesis]) -> list[tuple[Hypothesis, float]]:
    """The best hypothesis of each arrangement and the error of its prediction: shifts of the axis for all, then focal factors for the best one."""
    width = evidence.images.shape[2] * evidence.factor[0]
    best = []
    for base in arrangements:
        tried = [replace(base, axis_shift_px=float(part * width)) for part in np.linspace(-WIDEST, WIDEST, SHIFTS)]
        scored = [(predicted(one.applied(evidence)), one) for one in tried]
        best.append(_between(evidence, scored))
    leader = min(range(len(best)), key=lambda i: best[i][1])
    if not evidence.is_parallel:
        for factor in FOCAL:
            one = replace(best[leader][0], focal_factor=factor)
            if (error := predicted(one.applied(evidence))) < best[leader][1]:
                best[leader] = one, error
    return best


def _between(evidence: Evidence, scored: list[tuple[float, Hypothesis]]) -> tuple[Hypothesis, float]:
    """The shift between those of the grid: the vertex of a parabola through the best three, twice."""
    scored = sorted(scored, key=lambda one: one[1].axis_shift_px)
    for _ in range(2):
        i = min(max(int(np.argmin([error for error, _ in scored])), 1), len(scored) - 2)
        near = scored[i - 1 : i + 2]
        curve = np.polyfit([one.axis_shift_px for _, one in near], [error for error, _ in near], 2)
        if curve[0] <= 0:
            break
        vertex = float(np.clip(-curve[1] / (2 * curve[0]), near[0][1].axis_shift_px, near[2][1].axis_shift_px))
        if any(abs(vertex - one.axis_shift_px) < NEXT * evidence.factor[0] for _, one in scored):
            break
        one = replace(near[1][1], axis_shift_px=vertex)
        scored = sorted([*scored, (predicted(one.applied(evidence)), one)], key=lambda one: one[1].axis_shift_px)
    least = min(scored, key=lambda one: one[0])
    return least[1], least[0]

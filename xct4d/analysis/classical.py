"""Classical reconstructions of the scans beside their canonicals, scored alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from xct4d import metrics
from xct4d.analysis.projection_scores import score_projections
from xct4d.config.evaluate import Classical
from xct4d.fields import occupancy
from xct4d.fields.baked import BakedField
from xct4d.fields.evolution import Evolution
from xct4d.fields.flatfield import FlatField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.prepared import Frames
from xct4d.phantom.known import KnownTruth
from xct4d.progress import say
from xct4d.reconstruction.fdk import DoesNotApply, filtered_back_projection
from xct4d.reconstruction.sirt import simultaneous_iterations

METHODS: dict[Classical, Callable[[Frames, int], np.ndarray]] = {"fdk": filtered_back_projection, "sirt": simultaneous_iterations}


class _Voxels(BakedField):
    """A volume as a canonical field."""

    cells = occupancy.full()
    evaluate = BakedField.__call__


def score_classical(
    methods: Sequence[Classical], evolution: Evolution, states: Mapping[str, Frames], truth: KnownTruth | None, n: int
) -> dict[str, dict[str, dict[str, float | None]]]:
    """{scan: {method, and "xct4d" for the canonical: scores}}: PSNR and SSIM of the scan's held-out projections, correlation with the truth.

    n: voxels per axis of the classical volumes, and grid points per axis of the
    correlation. A method that a scan is not made for is left out, and that is said.
    """
    found: dict[str, dict[str, Any]] = {}
    for scan, time in evolution.scans.items():
        frames = states[scan]
        models = {"xct4d": evolution}
        for method in methods:
            try:
                volume = METHODS[method](frames, n)
            except DoesNotApply as reason:
                say(f"evaluate: {method.upper()} does not apply to the {scan} scan: {reason}")
                continue
            models[method] = Evolution(_Voxels(torch.from_numpy(volume)), None, None, None, FlatField.constant(frames.flat_field))
        known = truth if truth is not None and truth.knows(time) else None
        found[scan] = {name: _scores(model, scan, frames, time, known, n) for name, model in models.items()}
    return found


def _scores(model: Evolution, scan: str, frames: Frames, time: float, known: KnownTruth | None, n: int) -> dict[str, float | None]:
    mean = score_projections(model, {scan: frames}, 0)[0]["mean"]
    correlation = None if known is None else _correlation(model, time, known, n)
    return {"psnr": mean["psnr"], "ssim": mean["ssim"], "correlation": correlation}


def _correlation(model: Evolution, time: float, known: KnownTruth, n: int) -> float | None:
    centres, found = voxel_centres(n), metrics.Correlation()
    for z in centres:
        points = grid_points(np.array([z]), centres, centres)
        found.add(model.result(torch.from_numpy(points).float(), time).numpy(), known.density(points, time))
    return found.value

"""Slices of a trained model over time, beside the truth where it is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xct4d.phantom.known import KnownTruth
from xct4d.progress import track
from xct4d.quantities import ATTENUATION
from xct4d.report import planes
from xct4d.report.films import ColourScale, Film, largest, painted, panel, plane_view
from xct4d.report.model_figures import PIXELS, ShownModel
from xct4d.report.plots import DIVERGING

CAPTION = (
    "Attenuation on three perpendicular planes, chosen nearest the centre among those with the most contrast. "
    "{truth}{agreement}Red on one side of an object and blue on the other mean that it lies elsewhere."
)
TRUTH = "Error: the result minus the truth. "
AGREEMENT = (
    "Backward - forward: what the second scan, carried here by the motion, shows more than the first. "
    "Where it differs from zero the motion does not explain both scans. "
)


def slice_film(model: ShownModel, times: Sequence[float], truth: KnownTruth | None) -> Film:
    """The result, and where there is something to compare it with the differences; a time without a truth is grey in its panels."""
    if truth is not None and not any(map(truth.knows, times)):
        truth = None
    shown = planes.perpendicular(model.evolution, PIXELS)
    cuts = _cuts(model, shown, times, truth)
    names = list(cuts)
    top = largest([image for name in names[: 1 + (truth is not None)] for images in cuts[name] for image in images], 99.9)
    unit = ATTENUATION.unit(model.scale)
    scales = {name: ColourScale(f"attenuation ({unit})", 0.0, top) for name in names}
    if differences := names[1 + (truth is not None) :]:
        limit = largest([image for name in differences for images in cuts[name] for image in images], 99.9)
        scales |= {name: ColourScale(f"difference of attenuation ({unit})", -limit, limit, DIVERGING) for name in differences}
    panels = []
    for k, plane in enumerate(shown):
        view = plane_view(plane, model.scale)
        panels += [panel(name, view, painted(cuts[name][k], scales[name])) for name in names]
    caption = CAPTION.format(truth=TRUTH if truth is not None else "", agreement=AGREEMENT if model.evolution.mixes else "")
    return Film(
        "slices", "Slices", caption if differences else CAPTION.split("{")[0], len(names), list(dict.fromkeys(scales.values())), panels
    )


def _cuts(
    model: ShownModel, shown: Sequence[planes.Planes], times: Sequence[float], truth: KnownTruth | None
) -> dict[str, list[list[np.ndarray]]]:
    """Images [v, u] of each kind, plane by plane and time by time, in the figures' unit."""
    evolution = model.evolution
    kinds = evolution.kinds
    cuts: dict[str, list[list[np.ndarray]]] = {}
    with track("report: slices", len(times) * len(shown)) as progress:
        for k, plane in enumerate(shown):
            (points,) = plane.points()
            for t in times:
                found = {kind: own.numpy() for kind, own in evolution.attenuation(torch.from_numpy(points).float(), t, kinds).items()}
                images = {"result": found[kinds[0]]}
                if truth is not None:
                    true = truth.density(points, t) if truth.knows(t) else np.full(len(points), np.nan)
                    images |= {"truth": true, "error": images["result"] - true}
                if evolution.mixes:
                    images["backward - forward"] = found["backward"] - found["forward"]
                for name, image in images.items():
                    films = cuts.setdefault(name, [[] for _ in shown])
                    films[k].append(image.reshape(PIXELS, PIXELS) / model.world_unit)
                progress.advance()
    return cuts

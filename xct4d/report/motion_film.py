"""Displacement and strain over time, each beside its standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from xct4d.analysis.motion import displacement
from xct4d.analysis.strain import Deformation
from xct4d.analysis.uncertainty import GRID, SMOOTHED, Motions, attenuation_on_grid, interpolated
from xct4d.directions import SCAN_TIME
from xct4d.fields.material import DENSEST, SOLID
from xct4d.progress import track
from xct4d.report import planes
from xct4d.report.films import ColourScale, Film, largest, painted, panel, plane_view
from xct4d.report.model_figures import PIXELS, ShownModel, masked
from xct4d.report.plots import DIVERGING

CAPTION = (
    "Motion of the material since t = 0, drawn where it is at each time; grey: no material. Displacement: how far it has moved. Volume change: "
    "det F - 1. Equivalent strain: sqrt(2/3 e':e') of the logarithmic strain e = ln U, from the gradient F = R U of the motion. "
)
DEVIATIONS = (
    "Beside each its standard deviation among {count} sampled motions that explain the projections and both scans. A deviation is no bound: "
    "the samples share the model's smoothness, so inside material of even attenuation, which no projection shows, they agree on what smoothness "
    "makes of it, and the true motion may differ by more. A strain that is not well above its deviation is not measured."
)

FlowWithGradient = Callable[[Tensor, float, float], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Maps:
    """Images [v, u] of one plane at one time; NaN where there is no material."""

    values: dict[str, np.ndarray]  # by quantity
    deviations: dict[str, np.ndarray]  # of the same quantities; none where no motions were sampled


def motion_film(model: ShownModel, motions: Motions | None, times: Sequence[float]) -> Film:
    """Maps on the planes and at the times that `slice_film` shows. motions: of the stage trust."""
    shown = planes.perpendicular(model.evolution, PIXELS)
    maps: list[list[Maps]] = [[] for _ in shown]
    with track("report: motion", len(times)) as progress:
        for t in times:
            attenuation = attenuation_on_grid(model.evolution, t)
            deviation = None if motions is None else motions.deviation(t, attenuation)
            for k, plane in enumerate(shown):
                maps[k].append(maps_of(model, motions, deviation, plane, t, SOLID * float(np.quantile(attenuation, DENSEST))))
            progress.advance()
    films, scales = _films(maps, model.scale.length_unit)
    panels = []
    for k, plane in enumerate(shown):
        view = plane_view(plane, model.scale)
        panels += [panel(name, view, painted(images[k], scales[name])) for name, images in films.items()]
    caption = CAPTION + ("" if motions is None else DEVIATIONS.format(count=len(motions.samples)))
    return Film("motion", "Displacement and strain", caption, len(films), list(scales.values()), panels, light=True)


def maps_of(
    model: ShownModel, motions: Motions | None, deviation: np.ndarray | None, plane: planes.Planes, t: float, solid_from: float
) -> Maps:
    """Maps of a plane at time t. deviation: of the displacement, on uncertainty's grid. solid_from: attenuation of solid material."""
    (points,) = plane.points()
    places = torch.from_numpy(points).float()
    solid = model.evolution.result(places, t).numpy() > solid_from
    inside = places[torch.from_numpy(solid)]
    moved = np.linalg.norm(displacement(model.evolution, inside, t).numpy(), axis=1) * model.world_unit
    values = {"displacement": moved} | strains(model.evolution.flow_with_gradient, inside, t)
    images = {name: masked(own, solid) for name, own in values.items()}
    if motions is None or deviation is None:
        return Maps(images, {})
    spread = np.linalg.norm(interpolated(deviation, inside).numpy(), axis=1) * model.world_unit
    fitted = strains(motions.fitted.flow_with_gradient, inside, t)
    sampled = [strains(sample.flow_with_gradient, inside, t) for sample in motions.samples]
    deviations = {"displacement": masked(spread, solid)}
    for name, own in fitted.items():
        variance = sum((sample[name] - own) ** 2 for sample in sampled) / len(sampled)
        deviations[name] = np.sqrt(_smoothed(masked(variance, solid)))
    return Maps(images, deviations)


@torch.no_grad()
def strains(flow: FlowWithGradient, points: Tensor, t: float) -> dict[str, np.ndarray]:
    """Volume change and equivalent strain since t = 0 [N] of the material that is at points [N, 3] at time t; NaN where it is folded."""
    deformation = Deformation.of_inverse(flow(points, t, SCAN_TIME["forward"])[1])
    return {"volume change": deformation.jacobian.numpy() - 1, "equivalent strain": deformation.equivalent.numpy()}


def _films(maps: Sequence[Sequence[Maps]], length_unit: str) -> tuple[dict[str, list[list[np.ndarray]]], dict[str, ColourScale]]:
    """Images of each column, plane by plane and time by time, and what their colours mean: a quantity, then its deviation."""
    films: dict[str, list[list[np.ndarray]]] = {}
    scales = {}
    for name in maps[0][0].values:
        films[name] = [[own.values[name] for own in plane] for plane in maps]
        limit = largest([image for plane in films[name] for image in plane])
        unit = f" ({length_unit})" if name == "displacement" else ""
        low, colours = (-limit, DIVERGING) if name == "volume change" else (0.0, "viridis")
        scales[name] = ColourScale(name + unit, low, limit, colours)
        if maps[0][0].deviations:
            deviation = f"deviation of {name}"
            films[deviation] = [[own.deviations[name] for own in plane] for plane in maps]
            scales[deviation] = ColourScale(
                deviation + unit, 0.0, largest([image for plane in films[deviation] for image in plane]), "magma"
            )
    return films, scales


def _smoothed(image: np.ndarray) -> np.ndarray:
    """Means over a Gaussian within the material, as wide as that over which `Motions` averages variances."""
    known = np.isfinite(image)
    width = SMOOTHED * PIXELS / GRID
    weight = np.maximum(gaussian_filter(known.astype(float), width), 1e-12)
    return np.where(known, gaussian_filter(np.where(known, image, 0.0), width) / weight, np.nan)

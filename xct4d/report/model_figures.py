"""Figures of a trained model: its scans, exported volumes, motion and mixing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from xct4d.analysis.strain import Deformation
from xct4d.directions import RECONSTRUCTIONS, Reconstruction
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_solid
from xct4d.io.ome_zarr import open_volume
from xct4d.progress import track
from xct4d.quantities import ATTENUATION, MIXING_COEFFICIENT
from xct4d.report import planes, plots
from xct4d.report.planes import Planes
from xct4d.selection import evenly_spaced
from xct4d.units import LENGTH, Scale

PIXELS = 200  # per side of a figure's plane
SHOWN_PLANES = 6
SHOWN_TIMES = 5
MOVED_TIMES = 4
ARROWS = 20  # per side of a plane
IN_PLANE = ((0, 1), (0, 2), (1, 2))  # components (x, y, z) that run right and up in a plane across z, y, x


@dataclass(frozen=True)
class ShownModel:
    """A trained model on the planes that the figures show, in mm where the dataset says what a world unit is."""

    evolution: Evolution
    scale: Scale

    @property
    def world_unit(self) -> float:
        """A world unit in the figures' unit of length."""
        return self.scale.factor(LENGTH)

    def attenuation(self, points: np.ndarray, t: float, kind: Reconstruction) -> np.ndarray:
        """Attenuation at the points [N, 3] of a plane as its image [v, u], per unit of length."""
        values = self.evolution.attenuation(torch.from_numpy(points).float(), t, [kind])[kind]
        return values.numpy().reshape(PIXELS, PIXELS) / self.world_unit

    def carried(self, t: float, points: np.ndarray) -> np.ndarray:
        """Points [N, 3] carried from time 0 to t."""
        return self.evolution.flow(torch.from_numpy(points).float(), 0.0, t).double().numpy()

    def row(self, label: str, plane: Planes, images: Sequence[np.ndarray], scale: str, limits: tuple[float, float], **look) -> plots.Row:
        """A row of images of one plane."""
        return plots.Row(label, plane.axis, plane.positions()[0] * self.world_unit, images, scale, limits, **look)

    def draw(self, path: Path, rows: Sequence[plots.Row], titles: Sequence[str]) -> None:
        plots.maps(path, rows, titles, half_width=self.world_unit, length_unit=self.scale.length_unit)


def draw_model(folder: Path, model: ShownModel, volumes: Mapping[tuple[Reconstruction, float], Path]) -> None:
    """Write canonical.png and volumes.png, and where there is a motion motion.png, where its mixer is trained mixing.png.

    volumes: the exported volume of each kind and time.
    """
    times = sorted({t for _, t in volumes})
    between = [t for t in times if 0 < t < 1]
    drawings: list[Callable[[], None]] = [
        partial(draw_canonicals, folder / "canonical.png", model),
        partial(draw_volumes, folder / "volumes.png", model, volumes),
    ]
    if not model.evolution.static:
        drawings.append(partial(draw_motion, folder / "motion.png", model, _chosen([t for t in times if t > 0] or [1.0], MOVED_TIMES)))
        if model.evolution.mixing_is_trained and between:
            drawings.append(partial(draw_mixing, folder / "mixing.png", model, _chosen(between, MOVED_TIMES)))
    with track("report figures", len(drawings)) as progress:
        for draw in drawings:
            draw()
            progress.advance()


def draw_canonicals(path: Path, model: ShownModel) -> None:
    """The scans, plane by plane."""
    shown = planes.choose(model.evolution, PIXELS, SHOWN_PLANES)
    plots.slices(
        path,
        {
            f"{kind}, t = {t:g}": [model.attenuation(points, t, kind) for points in shown.points()]
            for kind, t in model.evolution.scans.items()
        },
        titles=None,
        axis=shown.axis,
        positions=[position * model.world_unit for position in shown.positions()],
        half_width=model.world_unit,
        length_unit=model.scale.length_unit,
        attenuation_unit=ATTENUATION.unit(model.scale),
    )


def draw_volumes(path: Path, model: ShownModel, volumes: Mapping[tuple[Reconstruction, float], Path]) -> None:
    """The exported volume on three perpendicular planes through the box, at several times; outside an exported region nothing."""
    exported = {kind for kind, _ in volumes}
    kind = next(kind for kind in RECONSTRUCTIONS if kind in exported)
    times = _chosen(sorted({t for _, t in volumes}), SHOWN_TIMES)
    opened = [open_volume(volumes[kind, t]) for t in times]
    rows = []
    z, y, x = opened[0].in_world_units().coordinates
    n = round(2 / (z[1] - z[0]))
    block = [slice(start := round((axis[0] + 1) * n / 2 - 0.5), start + len(axis)) for axis in (z, y, x)]
    for plane in planes.perpendicular(model.evolution, n):
        across = block[plane.axis]
        index = min(max(plane.indices[0], across.start), across.stop - 1)
        where = plane.axis * (slice(None),) + (index - across.start,)
        within = tuple(block[: plane.axis] + block[plane.axis + 1 :])
        rows.append((Planes(plane.axis, (index,), n), [_framed(volume[where], within, n) for volume in opened]))
    top = float(np.nanpercentile(np.concatenate([image.ravel() for _, images in rows for image in images]), 99.9)) or 1.0
    scale = f"attenuation ({ATTENUATION.unit(model.scale)})"
    model.draw(path, [model.row(kind, plane, images, scale, (0.0, top)) for plane, images in rows], [f"t = {t:g}" for t in times])


def _framed(image: np.ndarray, within: tuple[slice, slice], n: int) -> np.ndarray:
    """An image as the part `within` of one of the whole box [n, n], else NaN."""
    whole = np.full((n, n), np.nan, np.float32)
    whole[within] = image
    return whole


def draw_motion(path: Path, model: ShownModel, times: Sequence[float]) -> None:
    """Displacement and strain of the solid material of the first scan, drawn where it was at t = 0."""
    plane = planes.choose(model.evolution, PIXELS, 1)
    (points,) = plane.points()
    solid = is_solid(model.attenuation(points, 0.0, "forward").ravel())
    moved, arrows, grown, strained = [], [], [], []
    for t in times:
        deformation = Deformation(model.evolution.flow_with_gradient(torch.from_numpy(points[solid]).float(), 0.0, t)[1])
        displacement = np.zeros_like(points)
        displacement[solid] = (model.carried(t, points[solid]) - points[solid]) * model.world_unit
        moved.append(masked(np.linalg.norm(displacement[solid], axis=1), solid))
        arrows.append(_arrows(points * model.world_unit, displacement, solid, plane.axis))
        grown.append(masked(deformation.jacobian.numpy() - 1, solid))
        strained.append(masked(deformation.equivalent.numpy(), solid))
    farthest, growth, strain = _largest(moved), _largest(grown), _largest(strained)
    model.draw(
        path,
        [
            model.row(
                "displacement", plane, moved, f"displacement ({model.scale.length_unit})", (0.0, farthest), colours="viridis", arrows=arrows
            ),
            model.row("volume change", plane, grown, "det F - 1", (-growth, growth), colours=plots.DIVERGING),
            model.row("equivalent strain", plane, strained, "equivalent strain", (0.0, strain), colours="viridis"),
        ],
        [f"from t = 0 to {t:g}" for t in times],
    )


def draw_mixing(path: Path, model: ShownModel, times: Sequence[float]) -> None:
    """The weight of the backward scan, in solid material."""
    plane = planes.choose(model.evolution, PIXELS, 1)
    (points,) = plane.points()
    images = []
    for t in times:
        solid = is_solid(model.attenuation(points, t, "mixed").ravel())
        images.append(masked(model.evolution.alpha(torch.from_numpy(points[solid]).float(), t).numpy(), solid))
    shown = MIXING_COEFFICIENT.display
    row = model.row("mixing", plane, images, "weight of the backward field", shown.window(0.0, 1.0), colours=shown.colour_map)
    model.draw(path, [row], [f"t = {t:g}" for t in times])


def _arrows(places: np.ndarray, displacement: np.ndarray, solid: np.ndarray, axis: int) -> np.ndarray:
    """Places and displacements [A, 4] (right, up of each) on a coarse raster of a plane across an axis, where it is solid."""
    spacing, right_up = PIXELS // ARROWS, list(IN_PLANE[axis])
    raster = np.arange(PIXELS**2).reshape(PIXELS, PIXELS)[spacing // 2 :: spacing, spacing // 2 :: spacing].ravel()
    pointed = raster[solid[raster]]
    return np.concatenate([places[pointed][:, right_up], displacement[pointed][:, right_up]], axis=1)


def _largest(images: Sequence[np.ndarray]) -> float:
    """Limit of a colour scale: few pixels are beyond it."""
    return max(float(np.nanpercentile(np.abs(images), 99.5)), 1e-6)


def masked(values: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """An image of a plane with values where it is solid, NaN elsewhere."""
    image = np.full(len(solid), np.nan)
    image[solid] = values
    return image.reshape(PIXELS, PIXELS)


def _chosen(times: Sequence[float], at_most: int) -> list[float]:
    return [times[i] for i in evenly_spaced(len(times), at_most)]

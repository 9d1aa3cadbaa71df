"""Do projections and cameras fit each other? What no format can say, but the numbers show."""

from __future__ import annotations

import itertools

import numpy as np

from xct4d.errors import InputError
from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views
from xct4d.io.prepared import Frames

GRID = 48  # detector points per axis that are looked at
BLACK = 0.05  # a transmission below this is darkness
MARGIN = 0.02  # by how much rays through the box must outshine air before it is suspicious
VIEWS, STEPS = 4, 64  # projections, and samples of a ray, for comparing a volume's axes


def spread_rays(views: Views, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays through a grid of at most GRID x GRID pixels: (column, row, rays [N, 8] as geometry.cast)."""
    width, height = (int(n) for n in views.size[view])
    columns = np.unique(np.linspace(0, width - 1, GRID).astype(int))
    rows = np.unique(np.linspace(0, height - 1, GRID).astype(int))
    row, column = (index.ravel() for index in np.meshgrid(rows, columns, indexing="ij"))
    return column, row, cast(views, np.full(len(column), view), column + 0.5, row + 0.5)


def check_view(views: Views, view: int, where: str) -> float:
    """Part of the detector's rays that hit the box. Raises InputError where the source is in it or no ray hits it."""
    source = views.camera_to_world[view, :, 3]
    if np.abs(source).max() <= 1:
        raise InputError(
            f"the source ({', '.join(f'{v:g}' for v in source)}) is inside the box [-1, 1]^3", where=f"{where}.transform_matrix",
            fix="give positions in units of half the reconstructed volume",
        )  # fmt: skip
    rays = spread_rays(views, view)[2]
    hit = float((rays[:, 7] > rays[:, 6]).mean())
    if hit == 0:
        raise InputError(
            "no ray of this camera hits the box [-1, 1]^3", where=f"{where}.transform_matrix",
            fix="check the pose (the camera looks along its -z), the focal length and the unit of length",
        )  # fmt: skip
    return hit


class Brightness:
    """Transmission of rays beside the box, along its rim and through it, over all projections of a state."""

    def __init__(self):
        self._beside: list[np.ndarray] = []  # rays that miss the box
        self._rim: list[np.ndarray] = []  # of the others, the tenth with the shortest way through it
        self._inside: list[np.ndarray] = []  # the rest
        self.low, self.high = 1.0, 0.0

    def add(self, image: np.ndarray, views: Views, view: int, where: str) -> None:
        """Look at one projection. Raises InputError where it is black everywhere."""
        self.low, self.high = min(self.low, float(image.min())), max(self.high, float(image.max()))
        if image.max() <= 0:
            raise InputError("the image is black everywhere", where=where, fix="remove it from the frames")
        column, row, rays = spread_rays(views, view)
        value, length = image[row, column], rays[:, 7] - rays[:, 6]
        through = value[length > 0][np.argsort(length[length > 0], kind="stable")]
        tenth = max(1, len(through) // 10)
        self._beside.append(value[length <= 0])
        self._rim.append(through[:tenth])
        self._inside.append(through[tenth:])

    def check(self, where: object) -> dict[str, float | None]:
        """Levels of the three groups. Raises InputError where the projections look inverted or logarithmic.

        A ray that misses the box passes air, so none through it may be brighter.
        Where the detector sees nothing but the box, its rim may be darker than
        the inside (a tube), but not black.
        """
        beside, rim, inside = (np.concatenate(group) for group in (self._beside, self._rim, self._inside))
        air = float(np.median(beside)) if len(beside) >= 0.01 * len(inside) and len(beside) else None
        # the mean, as sparse material leaves the median at air
        levels = {"beside the box": air, "at its rim": float(np.median(rim)), "inside": float(np.mean(inside)) if len(inside) else None}
        edge, place = (levels["at its rim"], "at its rim") if air is None else (air, "beside the box")
        brighter = levels["inside"] is not None and levels["inside"] > edge + MARGIN
        if (air is None and edge < BLACK and brighter) or (air is not None and (edge < BLACK or brighter)):
            raise InputError(
                f"the projections look inverted or logarithmic: the mean transmission of rays through the box is {levels['inside'] or 0:.3g}, "
                f"of those {place} only {edge:.3g}",
                where=where,
                fix="store the transmission I/I0, in which air is near 1",
            )
        return levels


def check_axes(volume: np.ndarray, frames: Frames, where: object) -> float:
    """Does a known volume lie in the box as the projections show it? Returns their correlation.

    volume: attenuation [z, y, x]. Compares -ln(projection) with line integrals
    of the volume, with its axes as they are and in the five other orders.
    Raises InputError where another order fits clearly better.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, VIEWS).astype(int))
    measured, points, lengths = [], [], []
    for f in chosen:
        column, row, rays = spread_rays(frames.views, int(frames.first_view[f]))
        hit = rays[:, 7] > rays[:, 6]
        transmission = frames.image(f)[row[hit], column[hit]] / frames.flat_field
        measured.append(-np.log(np.maximum(transmission, 1e-4)))
        along = rays[hit, 6:7] + (np.arange(STEPS) + 0.5) / STEPS * (rays[hit, 7:8] - rays[hit, 6:7])
        points.append(rays[hit, None, :3] + along[..., None] * rays[hit, None, 3:6])
        lengths.append(rays[hit, 7] - rays[hit, 6])
    data, place, length = np.concatenate(measured), np.concatenate(points)[..., ::-1], np.concatenate(lengths)  # place: z, y, x
    fits = {}
    for order in itertools.permutations(range(3)):
        candidate = volume.transpose(order)
        size = np.array(candidate.shape)
        index = np.clip(((place + 1) / 2 * size).astype(int), 0, size - 1)
        fits[order] = _correlation(candidate[index[..., 0], index[..., 1], index[..., 2]].mean(1) * length, data)
    own, best = fits[0, 1, 2], max(fits, key=fits.get)
    if fits[best] > 0.5 and fits[best] > own + 0.2:
        names = ", ".join("zyx"[best.index(axis)] for axis in range(3))
        raise InputError(
            f"its axes look exchanged: taken as (z, y, x) it correlates {own:.2f} with the projections, taken as ({names}) {fits[best]:.2f}",
            where=where,
            fix="store .npy and .npz as (x, y, z), .raw as (z, y, x)",
        )
    return own


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 0 else 0.0

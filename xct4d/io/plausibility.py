"""Do projections and cameras fit each other? What no format can say, but the numbers show."""

from __future__ import annotations

import itertools

import numpy as np

from xct4d.errors import InputError
from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views
from xct4d.io.prepared import Frames

GRID = 48  # detector points per axis that are looked at
BLACK = 0.05  # a transmission below this part of air is darkness
MARGIN = 0.02  # by how much rays through the box must outshine air before it is suspicious
EVEN = 0.99  # darkest over brightest pixel from which images show nothing
ODD = 0.6  # a projection whose air is darker than this part of the others', or brighter by as much, is not of the same scan
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
    """Transmission of rays beside the box, along its rim and through it, over all projections of a state.

    Beside and rim are meant as seen along z: what stands above and below the box
    (platens, a holder) may be dark. flat_field: the transmission that air should
    have. strict: whether what looks wrong raises InputError; else it is kept in notes.
    """

    def __init__(self, flat_field: float, *, strict: bool = True):
        self.notes: list[str] = []
        self.low, self.high = 1.0, 0.0
        self._flat_field, self._strict = flat_field, strict
        self._air: dict[str, float] = {}  # of each projection that shows enough of it
        self._beside: list[np.ndarray] = []  # rays that miss the column above, in and below the box
        self._rim: list[np.ndarray] = []  # of those through the box, the tenth with the shortest way through the column
        self._inside: list[np.ndarray] = []  # the rest

    def add(self, image: np.ndarray, views: Views, view: int, where: str) -> None:
        """Look at one projection. Raises InputError where it is black everywhere."""
        self.low, self.high = min(self.low, float(image.min())), max(self.high, float(image.max()))
        if image.max() <= 0:
            self._complain("the image is black everywhere", where, "remove it from the frames")
        column, row, rays = spread_rays(views, view)
        value, hit, way = image[row, column], rays[:, 7] > rays[:, 6], _way_through_column(rays)
        through = value[hit][np.argsort(way[hit], kind="stable")]
        tenth, beside = max(1, len(through) // 10), value[way == 0]
        self._beside.append(beside)
        self._rim.append(through[:tenth])
        self._inside.append(through[tenth:])
        if _enough(beside, through):
            self._air[where] = float(np.median(beside))

    def check(self, where: object) -> dict[str, float | None]:
        """Levels of the three groups.

        Raises InputError where nothing attenuates, the projections look inverted
        or logarithmic, one is much brighter or darker than the others, or air is
        far from the flat field.

        A ray beside the box passes air, so none through it may be brighter on
        average. Where the detector sees nothing but the box, its rim may be
        darker than the inside (a tube), but not all of it black.
        """
        beside, rim, inside = (np.concatenate(group) for group in (self._beside, self._rim, self._inside))
        air = float(np.median(beside)) if self._air else None
        # the mean, as sparse material leaves the median at air
        levels = {"beside the box": air, "at its rim": float(np.median(rim)), "inside": float(np.mean(inside)) if len(inside) else None}
        if self.low >= EVEN * self.high:
            what = f"nothing attenuates: every pixel of every image has a transmission from {self.low:.3g} to {self.high:.3g}"
            self._complain(what, where, "check the images")
        self._check_direction(rim, levels, where)
        if air is not None:
            self._check_air(air, where)
        return levels

    def _check_direction(self, rim: np.ndarray, levels: dict[str, float | None], where: object) -> None:
        place = "at its rim" if levels["beside the box"] is None else "beside the box"
        edge, inside = levels[place], levels["inside"] or 0.0
        dark = place == "beside the box" or np.quantile(rim, 0.9) < BLACK * self._flat_field
        if dark and inside > edge + MARGIN * self._flat_field:
            what = (
                f"the projections look inverted or logarithmic: the mean transmission of rays through the box is {inside:.3g}, "
                f"of those {place} only {edge:.3g}"
            )
            self._complain(what, where, "store the transmission I/I0, in which air is near 1")

    def _check_air(self, air: float, where: object) -> None:
        usual = float(np.median(list(self._air.values())))
        for frame, level in self._air.items():
            if not ODD * usual <= level <= usual / ODD:
                what = f"air has transmission {level:.3g}, in the other projections {usual:.3g}"
                self._complain(what, frame, "divide each image by its own flat field, or remove the frame")
        if air < self._flat_field / 2:
            what = f"is {self._flat_field:g}, but air has transmission {air:.3g}"
            self._complain(what, f"{where}: flat_field", "divide the images by the counts of air, or give flat_field the transmission of air")

    def _complain(self, what: str, where: object, fix: str) -> None:
        if self._strict:
            raise InputError(what, where=where, fix=f"{fix} (if it is right: prepare.check_intensities: false)")
        self.notes.append(f"{where}: {what}")


def _enough(beside: np.ndarray, through: np.ndarray) -> bool:
    """Whether rays beside the box are enough to tell what air is."""
    return len(beside) > 0 and len(beside) >= 0.01 * len(through)


def _way_through_column(rays: np.ndarray) -> np.ndarray:
    """Length, as seen along z, of the way of each ray through the column |x| <= 1, |y| <= 1: [N], 0 beside it."""
    origin, direction = rays[:, :2], np.where(np.abs(rays[:, 3:5]) < 1e-12, 1e-12, rays[:, 3:5])
    faces = np.sort([(-1 - origin) / direction, (1 - origin) / direction], axis=0)
    near, far = faces[0].max(1), faces[1].min(1)
    return np.maximum(far - np.maximum(near, 0), 0) * np.hypot(*direction.T)


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

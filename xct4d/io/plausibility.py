"""Do projections and cameras fit each other? What no format can say, but the numbers show."""

from __future__ import annotations

import numpy as np

from xct4d.errors import InputError
from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views

GRID = 48  # detector points per axis that are looked at
BLACK = 0.05  # a transmission below this is darkness
MARGIN = 0.02  # by how much the middle must outshine the air before it is suspicious


def chords(views: Views, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths inside the box of rays through a grid of pixels: (column, row, length), each [GRID * GRID] at most."""
    width, height = (int(n) for n in views.size[view])
    columns = np.unique(np.linspace(0, width - 1, GRID).astype(int))
    rows = np.unique(np.linspace(0, height - 1, GRID).astype(int))
    row, column = (index.ravel() for index in np.meshgrid(rows, columns, indexing="ij"))
    rays = cast(views, np.full(len(column), view), column + 0.5, row + 0.5)
    return column, row, rays[:, 7] - rays[:, 6]


def check_view(views: Views, view: int, where: str) -> float:
    """Part of the detector's rays that hit the box. Raises InputError where the source is in it or no ray hits it."""
    source = views.camera_to_world[view, :, 3]
    if np.abs(source).max() <= 1:
        raise InputError(
            f"the source ({', '.join(f'{v:g}' for v in source)}) is inside the box [-1, 1]^3", where=f"{where}.transform_matrix",
            fix="give positions in units of half the reconstructed volume",
        )  # fmt: skip
    hit = float((chords(views, view)[2] > 0).mean())
    if hit == 0:
        raise InputError(
            "no ray of this camera hits the box [-1, 1]^3", where=f"{where}.transform_matrix",
            fix="check the pose (the camera looks along its -z), the focal length and the unit of length",
        )  # fmt: skip
    return hit


class Brightness:
    """Transmission of the rays that pass the least and the most of the box, over all projections of a state."""

    def __init__(self):
        self._outside: list[np.ndarray] = []  # rays that miss the box
        self._rim: list[np.ndarray] = []  # the tenth with the shortest way through it
        self._middle: list[np.ndarray] = []  # the tenth with the longest
        self.low, self.high = 1.0, 0.0

    def add(self, image: np.ndarray, views: Views, view: int, where: str) -> None:
        """Look at one projection. Raises InputError where it is black everywhere."""
        self.low, self.high = min(self.low, float(image.min())), max(self.high, float(image.max()))
        if image.max() <= 0:
            raise InputError("the image is black everywhere", where=where, fix="remove it from the frames")
        column, row, length = chords(views, view)
        value = image[row, column]
        inside = length > 0
        self._outside.append(value[~inside])
        order = value[inside][np.argsort(length[inside], kind="stable")]
        tenth = max(1, len(order) // 10)
        self._rim.append(order[:tenth])
        self._middle.append(order[-tenth:])

    def check(self, where: object) -> dict[str, float | None]:
        """Levels of the three groups: two medians, and the mean in the middle. Raises InputError where the projections look inverted or logarithmic.

        A ray that misses the box passes air, so it must be bright. Where the
        detector sees nothing beside the box the rim may be darker than the
        middle (a tube), but not black while the middle is bright.
        """
        outside, rim, middle = (np.concatenate(group) for group in (self._outside, self._rim, self._middle))
        air = float(np.median(outside)) if len(outside) >= 0.01 * len(rim) and len(outside) else None
        # the mean, as sparse material leaves the middle's median at air
        levels = {"beside the box": air, "rim": float(np.median(rim)), "middle": float(np.mean(middle))}
        edge = levels["rim"] if air is None else air
        if levels["middle"] > edge + MARGIN and (air is not None or edge < BLACK):
            place = "at the rim" if air is None else "beside the box"
            raise InputError(
                f"the projections are dark {place} ({edge:.3g}) and brighter in the middle ({levels['middle']:.3g}): they look inverted or logarithmic",
                where=where,
                fix="store the transmission I/I0, in which air is bright",
            )
        if edge < BLACK:
            raise InputError(
                f"the projections are dark where there is air ({edge:.3g})", where=where, fix="divide them by the flat field, so that air is near 1"
            )
        return levels

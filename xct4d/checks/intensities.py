"""Are the projections transmissions of one scan? Air, the box's rim and its inside tell.

Rays beside the box pass air alone, so nothing that passes through the box may
be brighter. That shows images that are inverted, logarithmic, not divided by
their flat field, or not of this scan.
"""

from __future__ import annotations

import numpy as np

from xct4d.checks.air import plateau
from xct4d.checks.extent import Extent
from xct4d.checks.rays import sample_rays, way_through_column
from xct4d.errors import InputError
from xct4d.geometry.views import Views

BLACK = 0.05  # a transmission below this part of air is darkness
MARGIN = 0.02  # by how much rays through the box must outshine air before it is suspicious
EVEN = 0.99  # darkest over brightest pixel from which images show nothing
PLATEAU = 0.05  # part of all rays within 3 % of the brightest from which these are air, and not the thinnest parts of a sample
DIM, BRIGHT = 0.9, 1.5  # times the flat field: air is between, or the images were not divided by it
ODD = 0.6  # a projection whose air is darker than this part of the others', or brighter by as much, is not of the same scan
ALIKE, MOST = 0.05, 0.8  # where the brightest of so large a part of the projections differ by no more than this, they are air
LOST = 0.1  # transmission above 1, on average, from which it is no noise that would be clipped
DEPTHS = (10, 12, 14)  # of detectors whose numbers programs write into 16 bits


FIX = "divide the images by the counts of air, or give flat_field its transmission; of a scanner's counts give input.intensities.air"


class Brightness:
    """Transmission of rays in three groups, over all projections of a state: beside the box, at its rim, inside it.

    Groups are told apart by the way of a ray as seen along z, so that what
    stands above and below the box (platens, a holder) may be dark. flat_field:
    the transmission that air should have. strict: whether what looks wrong
    raises InputError; otherwise it becomes a note.
    """

    def __init__(self, flat_field: float, *, strict: bool = True):
        self.notes: list[str] = []
        self.low, self.high = 1.0, 0.0
        self._flat_field, self._strict = flat_field, strict
        self._air: dict[str, float] = {}  # of each projection that shows enough of it
        self._beside: list[np.ndarray] = []  # rays that miss the column above, in and below the box
        self._rim: list[np.ndarray] = []  # of those through the box, the tenth with the shortest way through the column
        self._inside: list[np.ndarray] = []  # the rest
        self._outshone: set[str] = set()  # projections in which what passes through the box is brighter than that
        self._brightest: dict[str, float] = {}  # of each projection
        self._black: dict[str, int] = {}  # rows at the end of each projection that are black
        self._extent = Extent()

    def add(self, image: np.ndarray, views: Views, view: int, where: str, mask: np.ndarray | None = None) -> None:
        """Look at one projection. mask: which pixels count, [h, w] bool; None where all do.

        Raises InputError where it is black everywhere, or where no pixel that counts sees the box.
        """
        self.low, self.high = min(self.low, float(image.min())), max(self.high, float(image.max()))
        if image.max() <= 0:
            self._complain("the image is black everywhere", where, "remove it from the frames")
        column, row, rays = sample_rays(views, view, mask)
        value, hit, way = image[row, column], rays[:, 7] > rays[:, 6], way_through_column(rays)
        if not hit.any() and mask is not None:
            raise InputError("no pixel that the mask leaves sees the box", where=where, fix="what counts is white in a mask")
        through = value[hit][np.argsort(way[hit], kind="stable")]
        tenth, beside = max(1, len(through) // 10), value[way == 0]
        self._beside.append(beside)
        self._rim.append(through[:tenth])
        self._inside.append(through[tenth:])
        self._extent.add(image, views, view, mask)
        self._brightest[where] = float(np.quantile(value, 0.99))
        self._black[where] = len(image) - 1 - int(np.flatnonzero(image.any(axis=1)).max(initial=-1))
        if _enough(beside, through):
            self._air[where] = float(np.median(beside))
            if through.mean() > self._air[where] + MARGIN * self._flat_field:
                self._outshone.add(where)

    def check(self, where: object) -> dict[str, float | None]:
        """Levels of the three groups, and `plateau`: the brightest that many rays share.

        Raises InputError where nothing attenuates, the projections look inverted
        or logarithmic, one is much brighter or darker than the others, air is
        far from the flat field, or what attenuates lies outside the box.

        A ray beside the box passes air, so none through it may be brighter on
        average. Where the detector sees nothing but the box, its rim may be
        darker than the inside (a tube), but not all of it black.
        """
        beside, rim, inside = (np.concatenate(group) for group in (self._beside, self._rim, self._inside))
        air = float(np.median(beside)) if self._air else None
        # the mean, as sparse material leaves the median at air
        levels = {"beside the box": air, "at its rim": float(np.median(rim)), "inside": float(np.mean(inside)) if len(inside) else None}
        levels["plateau"] = plateau(np.concatenate([beside, rim, inside]))
        if self.low >= EVEN * self.high:
            what = f"nothing attenuates: every pixel of every image has a transmission from {self.low:.3g} to {self.high:.3g}"
            self._complain(what, where, "check the images")
        self._check_direction(rim, levels, where)
        everything = np.concatenate([beside, rim, inside])
        brightest = float(np.quantile(everything, 0.999))
        self._check_odd()
        self._check_ends()
        plausible = DIM * self._flat_field <= brightest <= BRIGHT * self._flat_field
        self._check_extent(brightest if plausible else air or min(brightest, 1.0) or 1.0, where)
        if air is not None:
            self._check_air(air, where)
        else:
            self._check_brightest(np.concatenate([rim, inside]), where)
        self._check_lost(everything, where)
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

    def _check_extent(self, air: float, where: object) -> None:
        if (what := self._extent.complaint(air)) is not None:
            fix = "give positions in units of half the reconstructed volume: mm, or another volume's units, are wrong by such a factor"
            self._complain(what, where, fix)

    def _check_air(self, air: float, where: object) -> None:
        if air < self._flat_field / 2 or air > BRIGHT * self._flat_field:
            what = f"is {self._flat_field:g}, but air has transmission {air:.3g}{_as_of_depth(air)}"
            self._complain(what, f"{where}: flat_field", FIX)

    def _check_ends(self) -> None:
        """Are the last rows of some projections black, and those of others not? So are files that were not copied to their end."""
        if min(self._black.values()) > 0:
            return
        for frame, rows in self._black.items():
            if rows > 0:
                what = f"the last {rows} rows are black, those of other projections are not"
                self._complain(what, frame, "copy or export it again")

    def _check_odd(self) -> None:
        """Is a projection much darker or brighter than the others: its air, or its brightest where nearly all are alike there?"""
        air, usual = (float(np.median(list(levels.values()))) if levels else 0.0 for levels in (self._air, self._brightest))
        for frame, level in self._air.items():
            as_bright = frame not in self._outshone and abs(self._brightest[frame] / usual - 1) <= ALIKE  # something stands beside the box
            if not as_bright and not ODD * air <= level <= air / ODD:
                what = f"air has transmission {level:.3g}, in the other projections {air:.3g}"
                self._complain(what, frame, "divide each image by its own flat field, or remove the frame")
        alike = np.mean([abs(level - usual) <= ALIKE * usual for level in self._brightest.values()])
        for frame, level in self._brightest.items():
            if alike >= MOST and not ODD * usual <= level <= usual / ODD:
                what = f"the brightest has transmission {level:.3g}, in the other projections {usual:.3g}"
                self._complain(what, frame, "divide each image by its own flat field, or remove the frame")

    def _check_lost(self, values: np.ndarray, where: object) -> None:
        """Noise above 1 can be clipped, a level above 1 cannot."""
        lost = float(np.clip(values - 1, 0, 0.5).mean())
        if lost > LOST:
            what = f"transmissions lie above 1 by {lost:.2g} on average, which would be clipped"
            self._complain(what, where, "divide the images by the counts of air")

    def _check_brightest(self, values: np.ndarray, where: object) -> None:
        """Without air beside the box: is the brightest that is seen anywhere as bright as air must be?"""
        brightest = float(np.quantile(values, 0.999))
        if DIM * self._flat_field <= brightest <= BRIGHT * self._flat_field:
            return
        what = f"is {self._flat_field:g}, but the brightest of all projections has transmission {brightest:.3g}{_as_of_depth(brightest)}"
        if brightest > self._flat_field or (values >= 0.97 * brightest).mean() > PLATEAU:
            self._complain(what, f"{where}: flat_field", FIX)
        else:
            self.notes.append(
                f"{where}: flat_field: {what}; right where the sample fills every view, wrong where counts were not divided by those of air"
            )

    def _complain(self, what: str, where: object, fix: str) -> None:
        if self._strict:
            raise InputError(what, where=where, fix=f"{fix} (if it is right: prepare.check_intensities: false)")
        self.notes.append(f"{where}: {what}")


def _as_of_depth(air: float) -> str:
    """Words for air that is as bright as numbers of a detector's depth can be, written into 16 bits; empty where it is not."""
    for bits in DEPTHS:
        if 0.9 <= air * 65535 / (2**bits - 1) <= 1.001:
            return f", as if numbers of {bits} bits had been written into 16"
    return ""


def _enough(beside: np.ndarray, through: np.ndarray) -> bool:
    """Whether rays beside the box are enough to tell what air is."""
    return len(beside) > 0 and len(beside) >= 0.01 * len(through)

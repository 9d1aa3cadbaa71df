"""The quantities that a reconstruction gives: what a volume holds and a viewer is told of it.

Which canonical fields attenuation is made of (forward, backward, mixed) is not a
quantity: that is xct4d.directions.Reconstruction. How a quantity is added:
docs/extending.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from xct4d.units import LENGTH, NUMBER, PER_LENGTH, SPEED, Dimension, Scale

_COLOURS_OF_AXES = ("FF0000", "00FF00", "0000FF")  # added by viewers: the direction of a vector is a hue


@dataclass(frozen=True, kw_only=True)
class Display:
    """How a quantity is shown."""

    colour_map: str  # name in matplotlib
    centre: float | None = None  # the value in the middle of the colour map, where values lie on both sides of one
    limits: tuple[float, float] | None = None  # ends of the colour map, where they are the same for all data

    def window(self, lowest: float, highest: float) -> tuple[float, float]:
        """The values at the two ends of the colour map for data from lowest to highest."""
        if self.limits is not None:
            return self.limits
        if self.centre is not None:
            half = max(abs(lowest - self.centre), abs(highest - self.centre)) or 1.0
            return self.centre - half, self.centre + half
        low = min(lowest, 0.0)
        return low, highest if highest > low else low + 1.0


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A scalar, vector or tensor that has a value at every place and time."""

    name: str  # in names of files and functions
    label: str  # the field's term; volumes carry it, so it never changes
    description: str  # what exactly is meant, for whoever opens a volume
    dimension: Dimension
    components: tuple[str, ...] = ()  # in the order of a volume's channel axis; none for a scalar
    may_be_nan: bool = False  # whether NaN stands for "not known here"
    display: Display

    @property
    def channels(self) -> list[tuple[str, str]]:
        """(label, colour as RRGGBB) of each channel that a viewer shows: one of a scalar, else one per component."""
        title = self.name.replace("_", " ")
        if not self.components:
            return [(title, "FFFFFF")]
        colours = _COLOURS_OF_AXES if len(self.components) == 3 else ("FFFFFF",) * len(self.components)
        return [(f"{title} {component}", colour) for component, colour in zip(self.components, colours, strict=True)]

    def unit(self, scale: Scale) -> str:
        """The unit's name, such as "1/mm"."""
        return scale.unit(self.dimension)

    def factor(self, scale: Scale) -> float:
        """By which a value in world units and normalised time is multiplied to be in `unit(scale)`."""
        return scale.factor(self.dimension)


ATTENUATION = Quantity(
    name="attenuation",
    label="linear attenuation coefficient",
    description="How strongly the material at a place attenuates X-rays.",
    dimension=PER_LENGTH,
    display=Display(colour_map="gray"),
)
DISPLACEMENT = Quantity(
    name="displacement",
    label="displacement",
    description="x - flow(x, t -> 0): how far the material that is at place x at time t has moved since t = 0 (Eulerian). "
    "Where there is no material it continues the motion of what is near, and means nothing.",
    dimension=LENGTH,
    components=("x", "y", "z"),
    display=Display(colour_map="RdBu_r", centre=0.0),
)
VELOCITY = Quantity(
    name="velocity",
    label="velocity",
    description="v(x, t): the velocity of the material that is at place x at time t. "
    "Where there is no material it continues the motion of what is near, and means nothing.",
    dimension=SPEED,
    components=("x", "y", "z"),
    display=Display(colour_map="RdBu_r", centre=0.0),
)
MIXING_COEFFICIENT = Quantity(
    name="mixing_coefficient",
    label="mixing coefficient",
    description="alpha(x, t): the weight of the backward canonical field in the mixed attenuation.",
    dimension=NUMBER,
    display=Display(colour_map="PuOr", limits=(0.0, 1.0)),
)

QUANTITIES = (ATTENUATION, DISPLACEMENT, VELOCITY, MIXING_COEFFICIENT)


def labelled(label: str) -> Quantity:
    """The quantity with this label. Raises KeyError for an unknown one."""
    return {quantity.label: quantity for quantity in QUANTITIES}[label]

"""The quantities that a reconstruction gives: what a volume holds and a viewer is told of it.

Which canonical fields attenuation is made of (forward, backward, mixed) is not a
quantity: that is xct4d.directions.Reconstruction. How a quantity is added:
docs/extending.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

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
    def shape(self) -> tuple[int, ...]:
        """Shape of the value at one place: () of a scalar, else the number of components."""
        return (len(self.components),) if self.components else ()

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
DISPLACEMENT_UNCERTAINTY = Quantity(
    name="displacement_uncertainty",
    label="standard deviation of the displacement",
    description="How far the data leave the displacement open, in each direction: the standard deviation among motions that explain "
    "the projections and both scans. Where there is no material it means nothing.",
    dimension=LENGTH,
    components=("x", "y", "z"),
    display=Display(colour_map="viridis"),
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
TENSOR = ("xx", "xy", "xz", "yx", "yy", "yz", "zx", "zy", "zz")  # row first: the component, then the axis of the derivative
SYMMETRIC = ("xx", "yy", "zz", "yz", "xz", "xy")
PRINCIPAL = ("1", "2", "3")  # the largest first
INVARIANTS = ("I1", "I2", "I3")
_SINCE = "Of the material that is at place x at time t, since t = 0. NaN where the motion folds it (J <= 0)."

LAGRANGIAN_DISPLACEMENT = Quantity(
    name="lagrangian_displacement",
    label="Lagrangian displacement",
    description="flow(x, 0 -> t) - x: how far the material that was at place x at t = 0 has moved by the time t (Lagrangian).",
    dimension=LENGTH,
    components=("x", "y", "z"),
    display=Display(colour_map="RdBu_r", centre=0.0),
)
DEFORMATION_GRADIENT = Quantity(
    name="deformation_gradient",
    label="deformation gradient",
    description=f"F = dx / dX, X where the material was at t = 0. {_SINCE}",
    dimension=NUMBER,
    components=TENSOR,
    may_be_nan=True,
    display=Display(colour_map="RdBu_r", centre=0.0),
)
JACOBIAN = Quantity(
    name="jacobian",
    label="Jacobian of the deformation",
    description="J = det F: the volume of the material that is at place x at time t, over its volume at t = 0. "
    "Below zero the motion folds it, which no material can be.",
    dimension=NUMBER,
    display=Display(colour_map="RdBu_r", centre=1.0),
)
EQUIVALENT_STRAIN = Quantity(
    name="equivalent_strain",
    label="equivalent logarithmic strain",
    description=f"sqrt(2/3 e:e), e the deviator of the logarithmic strain. {_SINCE}",
    dimension=NUMBER,
    may_be_nan=True,
    display=Display(colour_map="viridis"),
)


def _strain(name: str, what: str, formula: str, components: tuple[str, ...]) -> Quantity:
    return Quantity(
        name=name, label=what, description=f"{formula}. {_SINCE}", dimension=NUMBER, components=components, may_be_nan=True,
        display=Display(colour_map="RdBu_r", centre=0.0),
    )  # fmt: skip


_E, _LN_U = "Green-Lagrange strain", "logarithmic strain"
STRAINS = (
    _strain("green_lagrange_strain", _E, "E = (F'F - 1) / 2", SYMMETRIC),
    _strain("green_lagrange_principal", f"principal values of the {_E}", "Principal values of E = (F'F - 1) / 2, largest first", PRINCIPAL),
    _strain(
        "green_lagrange_invariants",
        f"invariants of the {_E}",
        "I1 = tr E, I2 = (tr(E)^2 - tr(E^2)) / 2 and I3 = det E of E = (F'F - 1) / 2",
        INVARIANTS,
    ),
    _strain("logarithmic_strain", _LN_U, "ln U of F = R U, with a rotation R (Hencky)", SYMMETRIC),
    _strain("logarithmic_principal", f"principal values of the {_LN_U}", "Principal values of ln U of F = R U, largest first", PRINCIPAL),
    _strain(
        "logarithmic_invariants",
        f"invariants of the {_LN_U}",
        "I1 = tr e, I2 = (tr(e)^2 - tr(e^2)) / 2 and I3 = det e of e = ln U",
        INVARIANTS,
    ),
)

# What `analyse` can write for each time.
Analysed = Literal[
    "displacement", "displacement_uncertainty", "lagrangian_displacement", "velocity", "mixing_coefficient", "deformation_gradient",
    "jacobian", "equivalent_strain", "green_lagrange_strain", "green_lagrange_principal", "green_lagrange_invariants",
    "logarithmic_strain", "logarithmic_principal", "logarithmic_invariants",
]  # fmt: skip
ANALYSED: tuple[Analysed, ...] = get_args(Analysed)
OF_TWO_SCANS = {DISPLACEMENT_UNCERTAINTY.name, MIXING_COEFFICIENT.name}  # that a dataset without a second scan does not have

QUANTITIES = (
    ATTENUATION, DISPLACEMENT, DISPLACEMENT_UNCERTAINTY, VELOCITY, MIXING_COEFFICIENT, LAGRANGIAN_DISPLACEMENT, DEFORMATION_GRADIENT,
    JACOBIAN, EQUIVALENT_STRAIN, *STRAINS,
)  # fmt: skip
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}


def labelled(label: str) -> Quantity:
    """The quantity with this label. Raises KeyError for an unknown one."""
    return {quantity.label: quantity for quantity in QUANTITIES}[label]

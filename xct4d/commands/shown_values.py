"""What a film or slices show of a result: a reconstruction, or a quantity of the motion."""

from __future__ import annotations

from torch import Tensor

from xct4d.analysis.kinematics import Kinematics
from xct4d.directions import RECONSTRUCTIONS, Reconstruction
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.pictures.views import Values
from xct4d.quantities import ANALYSED, ATTENUATION, BY_NAME, DISPLACEMENT_UNCERTAINTY, OF_TWO_SCANS, Quantity
from xct4d.result import Result

SHOWN = [*RECONSTRUCTIONS, *(name for name in ANALYSED if name != DISPLACEMENT_UNCERTAINTY.name)]


def shown_values(result: Result, name: str, component: str) -> tuple[Quantity, Values]:
    """(the quantity, what is shown of it: [N] at points [N, 3], of a vector its length).

    Raises InputError where the result has nothing of the name, or no such component.
    """
    quantity, values = _values(name, component)
    if not result.mixes and name in ("mixed", "backward", *OF_TWO_SCANS):
        raise InputError(f"a dataset without a second scan has no {name}", where=result.folder, fix="take forward")
    return quantity, values


def _values(name: str, component: str) -> tuple[Quantity, Values]:
    """(the quantity, what is shown of it). Raises InputError where there is none of the name, or no such component."""
    if name in RECONSTRUCTIONS and not component:
        kind: Reconstruction = next(own for own in RECONSTRUCTIONS if own == name)
        return ATTENUATION, lambda evolution, points, t: evolution.attenuation(points, t, [kind])[kind]
    if name not in SHOWN or name in RECONSTRUCTIONS:
        raise InputError(f"{name}{component and '.' + component} cannot be shown", where="WHAT", fix=f"take one of {', '.join(SHOWN)}")
    quantity = BY_NAME[name]
    if component and component not in quantity.components:
        known = f"its components are {', '.join(quantity.components)}" if quantity.components else "it has no components"
        raise InputError(f"{name} has no {component}", where="WHAT", fix=known)
    is_vector = quantity.components == ("x", "y", "z")
    if quantity.components and not is_vector and not component:
        raise InputError(f"{name} has components", where="WHAT", fix=f"take one, such as {name}.{quantity.components[0]}")

    def values(evolution: Evolution, points: Tensor, t: float) -> Tensor:
        found = Kinematics(evolution, t).at(points).value(name)
        if component:
            return found[:, quantity.components.index(component)]
        return found.norm(dim=1) if is_vector else found

    return quantity, values

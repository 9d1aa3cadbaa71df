"""The functions that compute the quantities that the stage `analyse` writes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from xct4d.analysis.motion import displacement
from xct4d.fields.evolution import Evolution
from xct4d.quantities import DISPLACEMENT

# By the name of a quantity of quantities.DERIVED: its values [N], or [N, components], in world units and normalised time,
# at points [N, 3] and a time.
FUNCTIONS: dict[str, Callable[[Evolution, Tensor, float], Tensor]] = {
    DISPLACEMENT.name: displacement,
}

"""A penalty that keeps the flat field f near zero: otherwise f could stand for attenuation of the object."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xct4d.fields.flatfield import FlatField
from xct4d.training.sampling.draws import RayDraw


class FlatFieldPenalty:
    """Mean of f^2 over the exposures of a draw."""

    def __init__(self, levels: Callable[[RayDraw], Tensor]):
        """levels: f of a draw, a tensor of any shape."""
        self._levels = levels

    def __call__(self, drawn: RayDraw) -> Tensor:
        return self._levels(drawn).square().mean()


def constant_level(drawn: RayDraw) -> Tensor:
    """f of a flat field that does not change in time: a scalar."""
    return drawn.flat_field[0]


def drawn_levels(drawn: RayDraw) -> Tensor:
    """f at the time of each exposure, as the projection error used it: [exposures]."""
    return torch.stack(list(drawn.flat_field))


class LevelsAnew:
    """f at the time of each exposure, evaluated once more: [exposures].

    The same as `drawn_levels`, but for rounding: the gradients of f are added up
    in another order. The velocity stage keeps this one, so that its results stay
    equal bit for bit from version to version.
    """

    def __init__(self, flat_field: FlatField):
        self._flat_field = flat_field

    def __call__(self, drawn: RayDraw) -> Tensor:
        return torch.stack([self._flat_field(exposure.time) for exposure in drawn.batch.exposures])

"""The error of predicted projections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xct4d.training.sampling.draws import RayDraw
from xct4d.training.sampling.rays import Batch


class ProjectionError:
    """Mean squared error of the transmission along the drawn rays."""

    def __init__(self, densities: Callable[[RayDraw], Sequence[Tensor]]):
        """densities: attenuation at the samples of each exposure of a draw."""
        self._densities = densities

    def __call__(self, drawn: RayDraw) -> Tensor:
        return projection_loss(drawn.batch, self._densities(drawn), drawn.flat_field)


def projection_loss(batch: Batch, densities: Sequence[Tensor], flat_fields: Sequence[Tensor]) -> Tensor:
    """Mean squared error of transmission: I = sum over views of weight exp(-f) exp(-integral of mu ds).

    densities: attenuation at the samples of each exposure. flat_fields: f at
    the time of each exposure, scalars.
    """
    predicted = torch.zeros_like(batch.measured)
    for exposure, density, f in zip(batch.exposures, densities, flat_fields, strict=True):
        predicted = predicted + exposure.weight * torch.exp(-f - exposure.samples.integral(density))
    return (predicted - batch.measured).square().mean()

"""Points of the material followed through time: paths, strain along them, and how far the data leave both open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xct4d.analysis import strain
from xct4d.analysis.strain import Deformation
from xct4d.analysis.uncertainty import Motions
from xct4d.directions import SCAN_TIME
from xct4d.fields.velocity import VelocityField
from xct4d.quantities import SYMMETRIC


@dataclass(frozen=True)
class Paths:
    """Where points of the material are at some times, and how it is deformed there since t = 0."""

    places: Tensor  # [T, N, 3]
    gradients: Tensor  # F [T, N, 3, 3]

    @classmethod
    def of(cls, field: VelocityField, points: Tensor, times: Sequence[float]) -> Paths:
        """Of the material that is at points [N, 3] at t = 0."""
        found = [field.flow_with_gradient(points, SCAN_TIME["forward"], t) for t in times]
        return cls(torch.stack([places for places, _ in found]), torch.stack([gradient for _, gradient in found]))

    def strained(self) -> dict[str, Tensor]:
        """Measures of the deformation, each [T, N]; NaN where the material is folded, but for the Jacobian."""
        shape = self.gradients.shape[:2]
        its = Deformation(self.gradients.flatten(0, 1))
        logarithmic = strain.components(its.logarithmic)
        measures = {"jacobian": its.jacobian, "equivalent_strain": its.equivalent}
        measures |= {f"logarithmic_strain_{name}": logarithmic[:, i] for i, name in enumerate(SYMMETRIC)}
        return {name: values.reshape(shape) for name, values in measures.items()}


@dataclass(frozen=True)
class Followed:
    """Paths in the trained motion, and in the samples of its posterior distribution about the fitted one."""

    paths: Paths
    fitted: Paths
    samples: list[Paths]

    @classmethod
    def of(cls, field: VelocityField, motions: Motions, points: Tensor, times: Sequence[float]) -> Followed:
        """Of the material that is at points [N, 3] at t = 0."""
        samples = [Paths.of(sample, points, times) for sample in motions.samples]
        return cls(Paths.of(field, points, times), Paths.of(motions.fitted, points, times), samples)

    def deviation(self, measure: Callable[[Paths], Tensor]) -> Tensor:
        """Standard deviation of a function of paths among the samples, about the fitted motion."""
        middle = measure(self.fitted)
        square = torch.stack([(measure(sample) - middle) ** 2 for sample in self.samples])
        return square.mean(0).sqrt()


def gauge_strain(paths: Paths) -> tuple[Tensor, Tensor]:
    """(lengths [T, G], logarithmic strain ln(length / length at t = 0) [T, G]) of gauges whose ends are the first and the second half of the points."""
    first, second = paths.places.chunk(2, dim=1)
    lengths = (second - first).norm(dim=-1)
    return lengths, (lengths / lengths[:1]).log()

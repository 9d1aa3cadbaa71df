"""What a motion does to the material it carries: finite strain (Holzapfel, Nonlinear Solid Mechanics, 2000, chapter 2)."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

SYMMETRIC = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # row and column of the components xx, yy, zz, yz, xz, xy


class Deformation:
    """Measures of the deformation of material elements, each computed when first asked for.

    gradient: F = dx / dX [N, 3, 3], x where the element is, X where it was. An
    element with det F <= 0 is folded, which no material can be: everything but
    the gradient and the Jacobian is NaN there.
    """

    def __init__(self, gradient: Tensor):
        self.gradient = gradient

    @classmethod
    def of_inverse(cls, inverse: Tensor) -> Deformation:
        """From dX / dx [N, 3, 3], as the flow back to the first state gives it."""
        a, b, c = inverse.unbind(-2)
        minors = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -1)
        determinant = (a * minors[..., 0]).sum(-1)
        smallest = torch.finfo(inverse.dtype).eps  # an element that has grown more is folded by rounding alone
        return cls(minors / torch.where(determinant.abs() < smallest, -smallest, determinant)[..., None, None])

    @cached_property
    def jacobian(self) -> Tensor:
        """J = det F: volume of an element over its volume at first: [N]."""
        a, b, c = self.gradient.unbind(-2)
        return (a * torch.linalg.cross(b, c)).sum(-1)

    @property
    def folded(self) -> Tensor:
        """J <= 0: [N] bool."""
        return self.jacobian <= 0

    @property
    def green_lagrange(self) -> Tensor:
        """E = (F'F - 1) / 2: [N, 3, 3]."""
        return (self._stretched - torch.eye(3)) / 2

    @property
    def green_lagrange_principal(self) -> Tensor:
        """Principal values of E, the largest first: [N, 3]."""
        return (self._principal[0] - 1) / 2

    @property
    def logarithmic(self) -> Tensor:
        """ln U, U the right stretch tensor: F = R U with a rotation R (Hencky's strain): [N, 3, 3]."""
        directions = self._principal[1]
        return (directions * self.logarithmic_principal[:, None, :]) @ directions.mT

    @property
    def logarithmic_principal(self) -> Tensor:
        """Principal values of ln U, the largest first: logarithms of the principal stretches: [N, 3]."""
        return self._principal[0].log() / 2

    @property
    def equivalent(self) -> Tensor:
        """sqrt(2/3 e:e), e the deviator of ln U: [N]. Zero for rigid motions and pure changes of volume."""
        values = self.logarithmic_principal
        return ((values - values.mean(-1, keepdim=True)).square().sum(-1) * (2 / 3)).sqrt()

    @cached_property
    def _stretched(self) -> Tensor:
        """C = F'F: [N, 3, 3]; NaN where the element is folded."""
        product = self.gradient.mT @ self.gradient
        return product.masked_fill(self.folded[:, None, None], torch.nan)

    @cached_property
    def _principal(self) -> tuple[Tensor, Tensor]:
        """Principal values of C [N, 3], the largest first, and their directions, the columns of [N, 3, 3]."""
        folded = self.folded
        product = torch.where(folded[:, None, None], torch.eye(3), self._stretched)  # of NaN there are no principal values
        values, directions = torch.linalg.eigh(product)
        values = values.clamp(min=torch.finfo(values.dtype).tiny).flip(-1)
        return values.masked_fill(folded[:, None], torch.nan), directions.flip(-1)


def components(tensor: Tensor) -> Tensor:
    """The six components xx, yy, zz, yz, xz, xy of symmetric tensors [N, 3, 3]: [N, 6]."""
    return torch.stack([tensor[:, row, column] for row, column in SYMMETRIC], -1)


def invariants(principal: Tensor) -> Tensor:
    """I1 = a + b + c, I2 = ab + bc + ca, I3 = abc of principal values [N, 3]: [N, 3]."""
    a, b, c = principal.unbind(-1)
    return torch.stack([a + b + c, a * b + b * c + c * a, a * b * c], -1)

"""Fitting control points by L-BFGS (Liu and Nocedal 1989) with all the data at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import OptimizeResult, minimize

from xct4d.kernels import bspline

MEMORY = 20  # pairs of steps and gradients that L-BFGS keeps
TOLERANCE = 1e-6  # relative change of the cost at which it stops

Cost = Callable[[np.ndarray], tuple[float, np.ndarray]]  # control points -> cost and its gradient
Seen = Callable[[np.ndarray, float], None]  # control points and their cost


@dataclass(frozen=True)
class StiffBasis:
    """Control points c [modes, n, n, n, 3] as c = S (U x U x U) y, in which the bending energy is nearly diagonal.

    Made by `of`: the columns of U solve the generalised eigenproblem of the Gram matrices of
    the spline's second derivatives and its values (kernels.bspline), so that
    u_i . B0 u_j = delta_ij and u_i . B2 u_j = delta_ij nu_i^2: the energy of y
    is about the sum of (nu_x + nu_y + nu_z)^2 y^2. S makes the modes of time
    orthonormal.
    """

    space: np.ndarray  # U [n, n]
    stiffness: np.ndarray  # nu [n]
    time: np.ndarray  # S [modes, modes]

    @classmethod
    def of(cls, n: int, modes: int) -> StiffBasis:
        value, _, second = bspline.bending_matrices(n)
        squared, space = eigh(second, value)
        basis = bspline.basis(modes, np.linspace(-1, 1, 400))
        size, vectors = np.linalg.eigh(basis.T @ basis / 400)
        return cls(space, np.sqrt(np.maximum(squared, 0)), vectors @ np.diag(size**-0.5) @ vectors.T)

    @classmethod
    def steady(cls, n: int, modes: int) -> StiffBasis:
        """The control points themselves, the same in all modes of time: the basis of a motion that is steady."""
        return cls(np.eye(n), np.zeros(n), np.full((modes, modes), 1 / modes))

    def control(self, y: np.ndarray) -> np.ndarray:
        return np.einsum("st,zc,yb,xa,tcbad->szyxd", self.time, self.space, self.space, self.space, y, optimize=True)

    def transposed(self, gradient: np.ndarray) -> np.ndarray:
        return np.einsum("st,zc,yb,xa,szyxd->tcbad", self.time, self.space, self.space, self.space, gradient, optimize=True)

    def coefficients(self, control: np.ndarray) -> np.ndarray:
        """y of the control points c."""
        space = np.linalg.inv(self.space)
        return np.einsum("st,zc,yb,xa,tcbad->szyxd", np.linalg.inv(self.time), space, space, space, control, optimize=True)

    @property
    def total_stiffness(self) -> np.ndarray:
        """nu_x + nu_y + nu_z, the square root of a variable's bending energy: [1, n, n, n, 1]."""
        nu = self.stiffness
        return (nu[:, None, None] + nu[None, :, None] + nu[None, None, :])[None, ..., None]

    def scale(self, curvature: float, bending_weight: float) -> np.ndarray:
        """[1, n, n, n, 1] by which variables are multiplied so that the cost is about equally curved along each."""
        return 1 / np.sqrt(curvature + 2 * bending_weight * self.total_stiffness**2)


def curvature(cost: Cost, control: np.ndarray, basis: StiffBasis, *, length: float = 0.003) -> float:
    """Mean second derivative of a cost without its bending energy, along two random directions of the basis: the data's stiffness.

    length: the largest change of a control point with which it is measured.
    """
    rng, found = np.random.default_rng(0), []
    here = cost(control)[1]
    for _ in range(2):
        y = rng.normal(size=control.shape)
        direction = basis.control(y)
        step = length / np.abs(direction).max()
        slope = (cost(control + step * direction)[1] - here) / step
        found.append(abs((slope * direction).sum()) / (y * y).sum())
    return float(np.mean(found))


def minimised(
    cost: Cost, control: np.ndarray, basis: StiffBasis, scale: np.ndarray, iterations: int, seen: Seen | None = None
) -> np.ndarray:
    """The control points after so many iterations of L-BFGS, in the variables y of control + basis(scale y).

    seen: is called after each iteration with its control points and cost.
    """

    def scaled(y: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = cost(control + basis.control(y.reshape(control.shape) * scale))
        return value, (basis.transposed(gradient) * scale).ravel()

    def tell(intermediate_result: OptimizeResult) -> None:  # scipy asks for this name
        if seen is not None:
            seen(control + basis.control(intermediate_result.x.reshape(control.shape) * scale), float(intermediate_result.fun))

    options = {"maxiter": iterations, "maxcor": MEMORY, "ftol": TOLERANCE, "gtol": 1e-12}
    found = minimize(scaled, np.zeros(control.size), jac=True, method="L-BFGS-B", options=options, callback=tell)
    return control + basis.control(found.x.reshape(control.shape) * scale)

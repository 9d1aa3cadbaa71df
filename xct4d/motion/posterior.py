"""Samples of the motion's posterior distribution: how far the data determine it.

Perturb and solve (Papandreou and Yuille 2010, Gaussian sampling by local
perturbations): where the cost F(c) = sum of the terms + w bending(c) is
quadratic about its least place, the minimiser of

    F'(c) - <g, c>,  F' with noise on all data,  g of covariance 2 w K / N,

is a sample of the Gaussian whose precision is the curvature of F: K is the matrix of
the bending energy, N the number of independent data behind a term. The noise is as
large as what the data leave, so model errors count as noise.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from xct4d.motion.quasi_newton import MEMORY, StiffBasis, curvature
from xct4d.motion.sequence import Fineness, SequenceFit

FINENESS = Fineness(grid=24, voxels=64, blur=0.03, pixel=0.04, scan_blur=0.03)
# Of the bending energy. The fit's own weight is larger: it is to keep out what the data do not ask
# for, this one is to allow for what they do not forbid. One number does not suit all objects: the
# deviation is too large on lattices and too small on tissue (benchmarks/results/README.md).
BENDING_WEIGHT = 0.01
INDEPENDENT = 2000.0  # data behind a term: neighbouring pixels share their errors, so far fewer than there are pixels
STEPS = 8  # of L-BFGS a sample


class Posterior:
    """The distribution of differences [modes, n, n, n, 3] of control points from a fitted motion."""

    def __init__(self, fit: SequenceFit, shape: tuple[int, ...]):
        """fit: the cost, with the fitted motion as its base and BENDING_WEIGHT as its bending weight. shape: of the control points."""
        self._fit, self._fitted = fit, np.zeros(shape)
        self._left = fit.residuals(self._fitted)
        fit.weigh(self._fitted)
        self._basis = StiffBasis.of(shape[1], shape[0])
        self._scale = self._basis.scale(curvature(fit.data_cost, self._fitted, self._basis), BENDING_WEIGHT)
        # the fit stopped early: what is left of its gradient moves no sample
        self._rest = self._basis.transposed(fit(self._fitted)[1])

    def sample(self, random: np.random.Generator) -> np.ndarray:
        """One difference from the fitted motion."""
        shape, basis, scale = self._fitted.shape, self._basis, self._scale
        noisy = self._fit.disturbed(self._left, random)
        nu = basis.stiffness
        root = (nu[:, None, None] + nu[None, :, None] + nu[None, None, :])[None, ..., None]  # of K's diagonal in this basis
        pull = np.sqrt(2 * BENDING_WEIGHT / INDEPENDENT) * root * random.standard_normal(shape) + self._rest

        def cost(z: np.ndarray) -> tuple[float, np.ndarray]:
            y = z.reshape(shape) * scale
            value, gradient = noisy(basis.control(y))
            return value - float((pull * y).sum()), ((basis.transposed(gradient) - pull) * scale).ravel()

        options = {"maxiter": STEPS, "maxcor": MEMORY, "ftol": 1e-9, "gtol": 1e-12}
        found = minimize(cost, self._fitted.ravel(), jac=True, method="L-BFGS-B", options=options)
        return basis.control(found.x.reshape(shape) * scale)

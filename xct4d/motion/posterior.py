"""Samples of the motion's posterior distribution: how far the data determine it.

A draw from the prior is conditioned on data that are perturbed (randomise, then optimise: Bardsley,
Solonen, Haario and Laine 2014, SIAM J. Sci. Comput. 36). Of a difference c from the fitted motion, with
the coefficients y of c in the basis in which bending is diagonal (quasi_newton.StiffBasis), a sample is

    argmin over c of N F*(c) + 1/2 sum of ((y - y0) / sigma)^2,  y0 normal with standard deviation sigma.

F is the sum of the terms of the data, each divided by what the fitted motion leaves of it: N F is minus
the logarithm of a likelihood whose noise is as large as what is left, N the number of independent data
behind a term. F* is F of data that were changed by what is left of them, times smooth random numbers (the
dependent wild bootstrap: Shao 2010, J. Am. Stat. Assoc. 105): the noise is as large as the residual of that
place, errors of the model included. sigma is learned from the fitted motion (empirical Bayes): by stiffness,
`ROUGHER` times the root mean square of its own coefficients.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from xct4d.motion.quasi_newton import MEMORY, StiffBasis, curvature
from xct4d.motion.sequence import Fineness, SequenceFit

FINENESS = Fineness(grid=20, voxels=48, blur=0.04, pixel=0.05, scan_blur=0.03)
MOST_TIMES = 8  # of the sequence
# Data behind a term: neighbours share their errors, so far fewer than there are voxels. With 500 to 8000 the
# rank correlation of the deviation with the true error differed by 0.07 at most.
INDEPENDENT = 2000.0
ALIKE = 0.12  # world units over which errors of the data are alike
ROUGHER = 2.0  # than the fitted motion: a fit is smoother than what it fits
STIFFNESS_BANDS = np.array([5, 12, 25, 50, 100, 200, 400, 800, np.inf])  # below are rigid and affine motions, of stiffness 0
LEAST_ROUGHNESS = 0.001  # of a coefficient, times its stiffness: where the fitted motion is smoother than any that was measured
STEPS = 16  # of L-BFGS a sample


class Posterior:
    """The distribution of differences [modes, n, n, n, 3] of control points from a fitted motion."""

    def __init__(self, fit: SequenceFit, fitted: np.ndarray):
        """fit: the cost, with the fitted motion as its base and without bending. fitted: its control points."""
        self._fit, self._basis = fit, StiffBasis.of(fitted.shape[1], len(fitted))
        nothing = np.zeros_like(fitted)
        self._left = fit.left(nothing)
        fit.weigh(nothing)
        self._deviation = prior_deviation(fitted, self._basis)
        self._precision = 1 / (INDEPENDENT * self._deviation**2)
        self._scale = 1 / np.sqrt(curvature(fit.data_cost, nothing, self._basis) + self._precision)

    def sample(self, random: np.random.Generator) -> np.ndarray:
        """One difference from the fitted motion."""
        fit, basis, shape = self._fit.disturbed(self._left, ALIKE, random), self._basis, self._deviation.shape
        prior = basis.control(self._deviation * random.standard_normal(shape))

        def cost(z: np.ndarray) -> tuple[float, np.ndarray]:
            y = z.reshape(shape) * self._scale  # from the draw
            value, gradient = fit(prior + basis.control(y))
            pull = self._precision * y
            return value + 0.5 * float((pull * y).sum()), ((basis.transposed(gradient) + pull) * self._scale).ravel()

        options = {"maxiter": STEPS, "maxcor": MEMORY, "ftol": 1e-9, "gtol": 1e-12}
        found = minimize(cost, np.zeros(prior.size), jac=True, method="L-BFGS-B", options=options)
        return prior + basis.control(found.x.reshape(shape) * self._scale)


def prior_deviation(fitted: np.ndarray, basis: StiffBasis) -> np.ndarray:
    """Standard deviation [modes, n, n, n, 3] of the coefficients y, interpolated between bands of equal stiffness in their logarithms."""
    coefficients = basis.coefficients(fitted)
    stiffness = np.broadcast_to(basis.total_stiffness, fitted.shape)
    band = np.digitize(stiffness, STIFFNESS_BANDS)
    centres, found = [], []
    for k in range(1, len(STIFFNESS_BANDS)):
        if (here := band == k).any():
            centres.append(np.log(stiffness[here]).mean())
            found.append(np.log(np.hypot(np.sqrt((coefficients[here] ** 2).mean()), LEAST_ROUGHNESS / np.exp(centres[-1]))))
    return ROUGHER * np.exp(np.interp(np.log(np.maximum(stiffness, STIFFNESS_BANDS[0])), centres, found))

"""The path between the scans, fitted to all pixels of the sequence at once.

Material of both scans rides along the flow: the voxels of scan 0 from t = 0 to
all later times, those of scan 1 from t = 1 to all earlier ones. At each time
the line integrals of the two, blended with weight t, are compared with the
projections; both are blurred alike, and a Gaussian of the transmission's
noise weighs the pixels. The scans, each carried to the other, hold the ends
(motion.registration). Fitted is what the velocity differs from where it
starts, the registration at its pace: bending of that difference costs, so the
path stays as registered where no pixel speaks against it.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import binary_dilation, correlate1d, gaussian_filter
from scipy.optimize import minimize
from torch import Tensor

from xct4d.compilation import numba
from xct4d.fields.baked import BakedField
from xct4d.fields.conservation import Law
from xct4d.fields.material import is_occupied
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.cpu.splatting import Particles, particle_spread, splat, splat_adjoint
from xct4d.motion.projections import Projections
from xct4d.motion.quasi_newton import Seen, StiffBasis, curvature, minimised
from xct4d.motion.registration import LEAST, Comparison, determinant, grid_nodes, smooth_noise
from xct4d.motion.solidity import Solidity

SMEARED = np.array([1 / 24, 11 / 12, 1 / 24], np.float32)  # what a bilinear splat blurs more than the mean over a pixel
SEEN = 0.02  # part of a blurred pixel that may come from pixels that do not count


@dataclass(frozen=True)
class Fineness:
    """Resolution and blur at which the sequence is compared."""

    grid: int  # nodes per axis that are followed; particles move between them
    voxels: int  # per axis, of the particles
    blur: float  # standard deviation of the images, world units on the axis
    pixel: float  # images are binned to pixels of about this size, world units on the axis
    scan_blur: float  # standard deviation of the volumes where the scans are compared


@dataclass(frozen=True)
class Left:
    """What a motion leaves of the data: predicted - measured."""

    images: list[np.ndarray]  # [V, height, width] of each time
    scans: dict[str, list[np.ndarray]]  # at the voxels of each scan's body, of each term of their comparison


class SequenceFit:
    """Cost of a velocity field: control points [modes, n, n, n, 3] of its difference from `base` -> cost, gradient."""

    def __init__(
        self,
        scans: tuple[np.ndarray, np.ndarray],
        projections: list[Projections],
        base: np.ndarray,
        law: Law,
        fineness: Fineness,
        *,
        bending_weight: float,
        solidity_weight: float = 0.0,
    ):
        """scans: attenuation [n, n, n] at t = 0 and 1. base: control points of the velocity that it starts from.

        solidity_weight: of the prior that solid material keeps its volume, which counts where attenuation is kept.
        """
        self._base, self._law = base, law
        self._bending = bending_weight
        self._solidity_weight = solidity_weight if law == "attenuation" else 0.0
        self._solidity = Solidity(scans, base.shape[1], len(base)) if self._solidity_weight else None
        self._field = VelocityField(base.shape[1], len(base), longest_step=0.1, solver="midpoint")
        self._grid, self._nodes = fineness.grid, grid_nodes(fineness.grid)
        self._times = [0.0, *(p.time for p in projections), 1.0]
        sharp = [BakedField(torch.from_numpy(np.ascontiguousarray(scan, np.float32))) for scan in scans]
        coarse = [field.coarser(min(fineness.voxels, len(field.volume))).volume.numpy() for field in sharp]
        occupied = [is_occupied(v) for v in coarse]
        self._particles = [Particles.of(v, held, fineness.grid) for v, held in zip(coarse, occupied, strict=True)]
        faint = [Particles.of(v, ~held & (v > 0), fineness.grid) for v, held in zip(coarse, occupied, strict=True)]
        self._moving = [self._around(particles) for particles in self._particles]
        self._blur, self._images = fineness.blur, []
        spread = math.hypot(fineness.blur, particle_spread(len(coarse[0])))
        for given in projections:
            binned = given.binned(max(int(fineness.pixel / given.pixel + 0.3), 1))
            smeared = correlate1d(correlate1d(binned.image, SMEARED, axis=1), SMEARED, axis=2)
            image = _blurred(smeared, spread / binned.pixel)
            weight = np.exp(-np.maximum(image, 0) / 2)
            if binned.counts is not None:
                weight *= _seen_alone(binned.counts, spread / binned.pixel)
            self._images.append((Projections(given.time, image - self._at_rest(faint, binned), binned.views), binned.pixel, weight))
        squares = [((p.image * weight) ** 2).sum() / _count(weight) for p, _, weight in self._images]
        self._scale = 1 / max(np.mean(squares), LEAST) if squares else 0.0
        self._comparison = Comparison(scans, fineness.voxels, fineness.scan_blur, law == "mass")
        self._weight: dict[str, float] = {}
        self.data_weight = 1.0  # of all terms of the data beside the priors

    def _at_rest(self, faint: list[Particles], projections: Projections) -> np.ndarray:
        """Line integrals [V, height, width] of voxels of each scan that are too faint to be followed: noise and blurred rims, which stay in place."""
        at = np.concatenate([self._nodes.numpy(), np.ones((len(self._nodes), 1), np.float32)], axis=1)
        image = np.zeros_like(projections.image)
        for v in range(len(image)):
            for particles, blended in zip(faint, _blend(projections.time), strict=True):
                splat(particles, at, projections.views, v, blended, image[v])
        return _blurred(image, self._blur / projections.pixel)

    def _around(self, particles: Particles) -> Tensor:
        """Indices of the nodes between which particles lie, and of those that their Jacobians need."""
        near = np.zeros(particles.grid**3, bool)
        near[particles.node] = True
        near = near.reshape(3 * [particles.grid])
        for axis in range(3):
            near = near | np.roll(near, 1, axis)  # particles name the lowest of their eight nodes
        return torch.from_numpy(np.flatnonzero(binary_dilation(near, np.ones((3, 3, 3), bool))))

    def set(self, control: np.ndarray) -> None:
        with torch.no_grad():
            self._field.control.copy_(torch.from_numpy(control + self._base))

    def _followed(self, direction: int) -> list[Tensor]:
        """The nodes [g^3, 4] of a scan at each time of the sequence, ends included: place and growth. The others stay."""
        order = range(len(self._times)) if direction == 0 else range(len(self._times) - 1, -1, -1)
        moving = self._moving[direction]
        points, last, out = self._nodes[moving], None, {}
        for k in order:
            if last is not None:
                points = self._field.flow(points, self._times[last], self._times[k])
            last = k
            shift = torch.zeros_like(self._nodes).index_copy(0, moving, points - self._nodes[moving])
            out[k] = shift
        return [out[k] for k in range(len(self._times))]

    def _cast_nodes(self, shift: Tensor) -> Tensor:
        g = self._grid
        growth = torch.ones(g, g, g) if self._law == "mass" else determinant(shift.reshape(g, g, g, 3))
        return torch.cat([self._nodes + shift, growth.reshape(-1, 1)], 1)

    def _predicted(self, k: int, nodes: list[np.ndarray]) -> np.ndarray:
        """Line integrals [V, height, width] of both scans, carried to time k and blended there, behind the blur."""
        measured, pixel, _ = self._images[k]
        image = np.zeros_like(measured.image)
        for v in range(len(image)):
            for particles, at, blended in zip(self._particles, nodes, _blend(measured.time), strict=True):
                splat(particles, at, measured.views, v, blended, image[v])
        return _blurred(image, self._blur / pixel)

    def _difference(self, k: int, nodes: list[np.ndarray], wanted: float | None) -> tuple[float, list[np.ndarray]]:
        """Half the mean square of what time k's images leave, over the pixels that count, and its gradient by the nodes times `wanted`."""
        measured, pixel, weight = self._images[k]
        left, count = (self._predicted(k, nodes) - measured.image) * weight, _count(weight)
        value = 0.5 * float((left * left).sum(dtype=np.float64)) / count
        pulls = [np.zeros_like(at) for at in nodes]
        if wanted is not None:
            back = _blurred(np.float32(wanted / count) * left * weight, self._blur / pixel)
            for v in range(len(back)):
                for particles, at, blended, pull in zip(self._particles, nodes, _blend(measured.time), pulls, strict=True):
                    splat_adjoint(particles, at, measured.views, v, blended, back[v], pull)
        return value, pulls

    def residuals(self, control: np.ndarray) -> dict[str, float]:
        """Of the projections and of the scans: half the mean squared difference, of the mean square or variance."""
        return self._evaluated(control, gradient=False)[0]

    def residual_by_time(self, control: np.ndarray) -> np.ndarray:
        """Root mean square [T] of what is left of each time's images, weighted as they are fitted."""
        return np.sqrt([2 * self._difference(k, nodes, None)[0] for k, nodes in enumerate(self._nodes_of_images(control)[0])])

    def left(self, control: np.ndarray) -> Left:
        """What a motion leaves of all data, without weights."""
        of_images, maps = self._nodes_of_images(control)
        images = [self._predicted(k, nodes) - self._images[k][0].image for k, nodes in enumerate(of_images)]
        return Left(images, self._comparison.left(maps))

    def disturbed(self, left: Left, length: float, random: np.random.Generator) -> SequenceFit:
        """The same cost with all data changed by what was left of them times smooth random numbers of variance 1.

        length: over which the random numbers are alike, world units.
        """
        other = copy(self)
        other._images = [
            (
                replace(p, image=p.image + np.stack([smooth_noise(one.shape, length / pixel, random) for one in of_image]) * of_image),
                pixel,
                weight,
            )
            for (p, pixel, weight), of_image in zip(self._images, left.images, strict=True)
        ]
        other._comparison = self._comparison.disturbed(left.scans, length, random)
        return other

    @torch.no_grad()
    def _nodes_of_images(self, control: np.ndarray) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
        """(nodes of both scans at the time of each image, maps of the scans onto each other)."""
        self.set(control)
        shifts = [self._followed(direction) for direction in (0, 1)]
        nodes = [[self._cast_nodes(shifts[d][k + 1]).numpy() for d in (0, 1)] for k in range(len(self._images))]
        return nodes, [m.numpy() for m in self._maps(shifts)]

    def weigh(self, control: np.ndarray) -> None:
        """Divide each term by what it is now."""
        self._weight = {name: self.data_weight / max(value, LEAST) for name, value in self.residuals(control).items()}

    def _evaluated(self, control: np.ndarray, *, gradient: bool) -> tuple[dict[str, float], Tensor | None]:
        """Terms, and the sum of the weighted terms' linear parts, to be differentiated."""
        self.set(control)
        self._field.control.grad = None
        values: dict[str, float] = {}
        with torch.set_grad_enabled(gradient):
            shifts = [self._followed(direction) for direction in (0, 1)]
            linear = self._projected(shifts, values, gradient=gradient) + self._compared(shifts, values, gradient=gradient)
        return values, linear if gradient else None

    def _projected(self, shifts: list[list[Tensor]], values: dict[str, float], *, gradient: bool) -> Tensor:
        count = len(self._images)
        if not count:
            return torch.zeros(())
        nodes = [[self._cast_nodes(shifts[d][k + 1]) for d in (0, 1)] for k in range(count)]
        wanted = self._weight["projection"] * self._scale / count if gradient else None
        arrays = [[n.detach().numpy() for n in pair] for pair in nodes]
        with ThreadPoolExecutor(numba.get_num_threads()) as pool:
            differences = list(pool.map(lambda k: self._difference(k, arrays[k], wanted), range(count)))
        values["projection"] = float(self._scale * np.mean([value for value, _ in differences]))
        pairs = ((node, pull) for pair, (_, pulls) in zip(nodes, differences, strict=True) for node, pull in zip(pair, pulls, strict=True))
        return sum((node * torch.from_numpy(pull)).sum() for node, pull in pairs)

    def _compared(self, shifts: list[list[Tensor]], values: dict[str, float], *, gradient: bool) -> Tensor:
        maps = self._maps(shifts)
        terms, gradients = self._comparison.terms([m.detach().numpy() for m in maps])
        values |= terms
        if not gradient:
            return torch.zeros(())
        pull = [sum(np.float32(self._weight[name]) * gradients[name][d] for name in terms) for d in (0, 1)]
        return sum((m * torch.from_numpy(p)).sum() for m, p in zip(maps, pull, strict=True))

    def _maps(self, shifts: list[list[Tensor]]) -> list[Tensor]:
        """[g, g, g, 4] of scan 0's grid carried to scan 1, and of scan 1's to scan 0: displacement and growth."""
        g, maps = self._grid, []
        for shift in (shifts[0][-1], shifts[1][0]):
            shift = shift.reshape(g, g, g, 3)
            growth = determinant(shift) if self._law == "mass" else torch.ones(g, g, g)
            maps.append(torch.cat([shift, growth[..., None]], -1))
        return maps

    def data_cost(self, control: np.ndarray) -> tuple[float, np.ndarray]:
        values, linear = self._evaluated(control, gradient=True)
        linear.backward()
        return sum(self._weight[name] * value for name, value in values.items()), self._field.control.grad.double().numpy()

    def __call__(self, control: np.ndarray) -> tuple[float, np.ndarray]:
        cost, gradient = self.data_cost(control)
        if self._solidity is not None:
            penalty, slope = self._solidity(control + self._base)
            cost, gradient = cost + self._solidity_weight * penalty, gradient + self._solidity_weight * slope
        if self._bending == 0:
            return cost, gradient
        field = self._field
        with torch.no_grad():
            field.control.copy_(torch.from_numpy(control))
        field.control.grad = None
        energy = field.bending_energy(np.linspace(0, 1, 2 * field.modes + 1))
        (self._bending * energy).backward()
        return cost + self._bending * float(energy.detach()), gradient + field.control.grad.double().numpy()

    def fitted(self, control: np.ndarray, iterations: int, rounds: int = 2, seen: Seen | None = None) -> np.ndarray:
        """The difference from the base after so many iterations, weights and curvature taken anew in each round.

        seen: is called after each iteration with the difference and its cost.
        """
        basis = StiffBasis.of(control.shape[1], len(control))
        for _ in range(rounds):
            self.weigh(control)
            scale = basis.scale(curvature(self.data_cost, control, basis), self._bending)
            control = minimised(self, control, basis, scale, max(iterations // rounds, 1), seen)
        return control


def _blend(time: float) -> tuple[float, float]:
    """Weights of the scans."""
    return 1 - time, time


def _blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Images [V, height, width] behind a Gaussian of that standard deviation (pixels)."""
    return images if sigma == 0 else np.stack([gaussian_filter(image, sigma, mode="constant") for image in images])


def _seen_alone(counts: np.ndarray, sigma: float) -> np.ndarray:
    """[V, height, width] bool: pixels that count, and into which a Gaussian of that standard deviation (pixels) brings next to nothing of others."""
    return counts & (_blurred((~counts).astype(np.float32), sigma) < SEEN)


def _count(weight: np.ndarray) -> int:
    """Number of the pixels that count."""
    return max(int(np.count_nonzero(weight)), 1)


# a pace is a few numbers: coarse images decide it
PACE = Fineness(grid=20, voxels=48, blur=0.04, pixel=0.05, scan_blur=0.04)


def fitted_pace(
    scans: tuple[np.ndarray, np.ndarray],
    projections: list[Projections],
    steady: np.ndarray,
    law: Law,
    modes: int,
    iterations: int = 8,
    fineness: Fineness = PACE,
) -> np.ndarray:
    """Rates r [modes] with which the steady velocity v [n, n, n, 3] passes the projections best: v(x, t) = r(t) v(x).

    They are the control points of a cubic B-spline in time.
    """
    cost = SequenceFit(scans, projections, np.zeros((modes, *steady.shape)), law, fineness, bending_weight=0.0)

    def at(rates: np.ndarray) -> np.ndarray:
        return rates[:, None, None, None, None] * steady

    def of_rates(rates: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = cost(at(rates))
        return value, (gradient * steady).sum((1, 2, 3, 4))

    rates = np.ones(modes)
    for _ in range(2):
        cost.weigh(at(rates))
        rates = minimize(of_rates, rates, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "ftol": 1e-9, "gtol": 1e-12}).x
    return rates

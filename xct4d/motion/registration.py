"""Registration of the two scans: the steady velocity whose flow carries each scan into the other.

A stationary velocity field v(x) (Arsigny et al. 2006; Vercauteren et al. 2009)
is integrated from t = 0 to 1 and back: the two directions are inverse to each
other, and nothing folds. Compared are, at the voxels of either scan's body,

- the locally normalised volumes (v - local mean) / local deviation, so that
  faint texture counts as much as strong edges, and
- the volumes themselves: attenuation kept, mu0(x) = mu1(y), or mass kept,
  mu0(x) = mu1(y) det(dy/dx), y the place to which x is carried.

Every term is divided by its own value before the level began. That is the
likelihood with the variance of each term estimated (up to a constant, the
logarithm of the term), and it lets one weight of the bending energy serve
lattices and tissue alike. Coarse to fine: the first levels see the volumes
blurred so much that even a block squeezed by a fifth overlaps with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation, gaussian_filter
from torch import Tensor

from xct4d.fields.baked import BakedField
from xct4d.fields.conservation import LAWS, Law
from xct4d.fields.material import is_occupied
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.kernels.cpu.matching import carried, difference
from xct4d.motion.quasi_newton import StiffBasis, minimised

MODES = 4  # of a field that is the same at all times
STEPS = 4  # of the flow from scan to scan
WINDOW = 0.06  # standard deviation of the local normalisation, world units, at the finest levels
FLOOR = 0.03  # of the largest attenuation: least deviation that is divided by
MASS_IS_KEPT = 0.5  # of the residual of kept attenuation: where kept mass leaves less, mass is kept,
VISIBLE = 1e-4  # unless either explains the volumes, but for this part of their variance
UNIT = 0.05  # world units a unit of time: of a variable of L-BFGS
LEAST = 1e-12


@dataclass(frozen=True)
class Scale:
    """One step from coarse to fine."""

    resolution: int  # control points per axis
    grid: int  # nodes per axis between which the displacement is interpolated
    voxels: int  # per axis at which the scans are compared
    blur: float  # standard deviation, world units
    iterations: int


COARSE = (
    Scale(4, 12, 32, 0.15, 24),
    Scale(6, 16, 32, 0.10, 16),
    Scale(6, 16, 48, 0.06, 16),
    Scale(9, 24, 64, 0.04, 16),
    Scale(15, 32, 64, 0.02, 16),
)
FINE = (Scale(15, 32, 128, 0.007, 14),)


@dataclass(frozen=True)
class Registered:
    """What was found."""

    control: np.ndarray  # [n, n, n, 3] of the steady velocity
    law: Law
    texture: float  # 1 - what the carried scan explains of the other one's normalised volume, of its variance
    attenuation: dict[Law, float]  # the same of the volumes themselves under each law, at the finest level that tried both


def locally_normalised(volume: np.ndarray, window: float) -> np.ndarray:
    """(v - mean) / deviation [n, n, n], both over a Gaussian of standard deviation `window` (world units)."""
    sigma = window * len(volume) / 2
    mean = gaussian_filter(volume, sigma)
    square = gaussian_filter(volume * volume, sigma) - mean * mean
    return ((volume - mean) / np.sqrt(np.maximum(square, 0) + (FLOOR * volume.max()) ** 2)).astype(np.float32)


def smooth_noise(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise of variance 1, correlated like white noise behind a Gaussian filter of standard deviation sigma (voxels)."""
    noise = gaussian_filter(random.standard_normal(shape, np.float32), sigma, mode="wrap")
    return noise / noise.std()


def determinant(displacement: Tensor) -> Tensor:
    """det(1 + grad u) of a displacement [g, g, g, 3] given at voxel centres: [g, g, g]."""
    by_z, by_y, by_x = torch.gradient(displacement, spacing=2 / len(displacement), dim=(0, 1, 2))
    a, b, c = 1 + by_x[..., 0], by_y[..., 0], by_z[..., 0]
    d, e, f = by_x[..., 1], 1 + by_y[..., 1], by_z[..., 1]
    g, h, i = by_x[..., 2], by_y[..., 2], 1 + by_z[..., 2]
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def grid_nodes(g: int) -> Tensor:
    """Centres [g^3, 3] float32 of the voxels of a g^3 grid."""
    axis = voxel_centres(g)
    return torch.from_numpy(grid_points(axis, axis, axis).astype(np.float32))


class Comparison:
    """Both scans at one blur and resolution, each compared with the other one carried to it, at its body's voxels."""

    def __init__(self, scans: tuple[np.ndarray, np.ndarray], voxels: int, blur: float, conserved: bool):
        self.conserved, self._blur = conserved, blur
        sharp = [BakedField(torch.from_numpy(np.ascontiguousarray(scan, np.float32))) for scan in scans]
        fields = [field.coarser(min(voxels, len(field.volume))).blurred(blur) for field in sharp]
        self._volumes = [field.volume.numpy() for field in fields]
        window = max(WINDOW, 2.5 * blur)
        self._normalised = [locally_normalised(volume, window) for volume in self._volumes]
        self._bodies = [self._body(volume) for volume in self._volumes]
        self._points = [points for points, _ in self._bodies]
        self._texture = [values[body] for values, (_, body) in zip(self._normalised, self._bodies, strict=True)]
        self._plain = [values[body] for values, (_, body) in zip(self._volumes, self._bodies, strict=True)]
        size = {"texture": np.mean([(v**2).mean() for v in self._texture]), "plain": np.mean([v.var() for v in self._plain])}
        self._scale = {name: 1 / max(float(value), LEAST) for name, value in size.items()}

    def left(self, maps: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
        """What the maps, as `terms` has them, leave of each term: carried - there, at the voxels [N] of each scan's body."""
        found = {}
        for name, targets, others, conserved in self._compared():
            found[name] = [carried(self._points[d], maps[d], others[1 - d], conserved) - targets[d] for d in (0, 1)]
        return found

    def disturbed(self, left: Mapping[str, list[np.ndarray]], length: float, random: np.random.Generator) -> Comparison:
        """The same with what is compared with changed by what was left of it times smooth random numbers, the same for both terms.

        length: over which the random numbers are alike, world units.
        """
        other = copy(self)
        factors = [smooth_noise(body.shape, length * len(body) / 2, random)[body] for _, body in self._bodies]
        other._texture, other._plain = (
            [values + factor * of_scan for values, factor, of_scan in zip(targets, factors, left[name], strict=True)]
            for name, targets, _, _ in self._compared()
        )
        return other

    def _compared(self) -> tuple[tuple[str, list[np.ndarray], list[np.ndarray], bool], ...]:
        """(name, values at the body's voxels, volumes that are carried there, whether mass is kept) of each term."""
        return ("texture", self._texture, self._normalised, False), ("plain", self._plain, self._volumes, self.conserved)

    @staticmethod
    def _body(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        body = binary_dilation(is_occupied(volume))
        axis = voxel_centres(len(volume))
        return grid_points(axis, axis, axis)[body.ravel()].astype(np.float32), body

    def terms(self, maps: list[np.ndarray]) -> tuple[dict[str, float], dict[str, list[np.ndarray]]]:
        """Half the mean squared differences, of the variance, and their gradients by the maps.

        maps: [g, g, g, 4] of scan 0's grid carried to scan 1, and of scan 1's to scan 0.
        """
        values, gradients = {}, {}
        for name, targets, others, conserved in self._compared():
            found = [difference(self._points[d], targets[d], maps[d], others[1 - d], conserved) for d in (0, 1)]
            values[name] = float(self._scale[name] * sum(value for value, _ in found))
            gradients[name] = [np.float32(self._scale[name]) * gradient for _, gradient in found]
        return values, gradients


class _Match:
    """Cost of a steady velocity at one scale."""

    def __init__(self, scans: tuple[np.ndarray, np.ndarray], scale: Scale, law: Law, bending_weight: float):
        self._comparison = Comparison(scans, scale.voxels, scale.blur, law == "mass")
        self._field = VelocityField(scale.resolution, MODES, longest_step=1 / STEPS, solver="midpoint")
        self._nodes, self._grid, self._bending = grid_nodes(scale.grid), scale.grid, bending_weight
        self._weight: dict[str, float] = {}

    def _maps(self, control: np.ndarray) -> list[Tensor]:
        with torch.no_grad():
            self._field.control.copy_(torch.from_numpy(control))
        g = self._grid
        carried = self._field.flow_together([self._nodes] * 2, [(0.0, 1.0), (1.0, 0.0)])
        shifts = [(points - self._nodes).reshape(g, g, g, 3) for points in carried]
        return [torch.cat([shift, self._growth(shift)[..., None]], -1) for shift in shifts]

    def _growth(self, shift: Tensor) -> Tensor:
        return determinant(shift) if self._comparison.conserved else torch.ones(shift.shape[:-1])

    @torch.no_grad()
    def residuals(self, control: np.ndarray) -> dict[str, float]:
        return self._comparison.terms([m.numpy() for m in self._maps(control)])[0]

    def weigh(self, control: np.ndarray) -> None:
        """Divide each term by what it is now."""
        self._weight = {name: 1 / max(value, LEAST) for name, value in self.residuals(control).items()}

    def __call__(self, control: np.ndarray) -> tuple[float, np.ndarray]:
        self._field.control.grad = None
        maps = self._maps(control)
        values, gradients = self._comparison.terms([m.detach().numpy() for m in maps])
        cost = sum(self._weight[name] * value for name, value in values.items())
        pull = [sum(np.float32(self._weight[name]) * gradients[name][d] for name in values) for d in (0, 1)]
        bending = self._field.bending_energy(np.array([0.5]))
        (sum((m * torch.from_numpy(p)).sum() for m, p in zip(maps, pull, strict=True)) + self._bending * bending).backward()
        return cost + self._bending * float(bending.detach()), self._field.control.grad.double().numpy()


def _refined(control: np.ndarray, resolution: int) -> np.ndarray:
    """Control points [MODES, n, n, n, 3] on a finer grid."""
    field = VelocityField(control.shape[1], MODES, longest_step=1.0, solver="midpoint")
    with torch.no_grad():
        field.control.copy_(torch.from_numpy(control))
    return field.refined(resolution).control.detach().double().numpy()


def _descend(
    scans: tuple[np.ndarray, np.ndarray], scales: tuple[Scale, ...], law: Law, bending_weight: float, control: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Control points [MODES, n, n, n, 3] after the scales, from coarse to fine, and what is left of each term."""
    match = None
    for scale in scales:
        match = _Match(scans, scale, law, bending_weight)
        control = _refined(control, scale.resolution) if control.shape[1] != scale.resolution else control
        basis = StiffBasis.steady(scale.resolution, MODES)
        for _ in range(2):
            match.weigh(control)
            control = minimised(match, control, basis, np.full((1, 1, 1, 1, 1), UNIT), scale.iterations // 2)
    return control, match.residuals(control)


def register_scans(
    scans: tuple[np.ndarray, np.ndarray],  # attenuation [n, n, n] (z, y, x) at t = 0 and at t = 1
    *,
    bending_weight: float,
    law: Law | None = None,
    coarse: tuple[Scale, ...] = COARSE,
    fine: tuple[Scale, ...] = FINE,
) -> Registered:
    """The steady velocity that carries each scan into the other.

    law: what moving material keeps; None: what the scans say. Both are tried on
    the coarse scales, and mass is kept where that leaves less than half of the
    difference between the volumes.
    """
    start = np.zeros((MODES, coarse[0].resolution, coarse[0].resolution, coarse[0].resolution, 3))
    found = {each: _descend(scans, coarse, each, bending_weight, start) for each in (LAWS if law is None else (law,))}
    left = {each: residuals["plain"] for each, (_, residuals) in found.items()}
    if law is None:
        law = "mass" if left["mass"] < MASS_IS_KEPT * left["attenuation"] and left["attenuation"] > VISIBLE else "attenuation"
    control, residuals = found[law]
    if fine:
        control, residuals = _descend(scans, fine, law, bending_weight, control)
    return Registered(control[0].astype(np.float32), law, residuals["texture"], left)

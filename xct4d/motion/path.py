"""The velocity fitted to all pixels of the sequence, from the registration of the scans: no random numbers, few costly steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch

from xct4d.fields.velocity import VelocityField
from xct4d.io.checkpoint import Checkpoint
from xct4d.io.history import History
from xct4d.kernels import bspline
from xct4d.motion.projections import Projections
from xct4d.motion.sequence import Fineness, SequenceFit

COARSEST = 15  # control points per axis: a registration has this many, and a coarser level is fitted to nothing
BENDING_WEIGHT = 1.0  # every term of the data is divided by its own residual, so that one weight serves all objects
# Of what the right motion leaves of the sequence (expected_residual). The discrepancy principle (Morozov
# 1966): where the registered motion leaves no more, what a fit would find is noise and the scans' own
# errors; where a fit leaves more, some motion was not fitted, and the data count more in the next round.
# A fit that leaves less is no sign of fitted noise: of scans from few views the blend leaves down to 0.66.
EXPLAINED, UNDERFITTED = 1.0, 1.05
PART_OF_TIMES = 90  # percentile: parts of the path may be fitted where others are not, and single bad projections do not count
FACTOR = 3.0  # of the weight of all data, from round to round
SOLIDITY_WEIGHT = 5000.0  # in a box full of solid material a divergence of 0.014 a unit of time costs as much as one term of the data
PIXEL = 0.036  # world units on the axis
LEAST_ROUNDS, ROUNDS = 2, 3  # in each, weights and curvature are taken anew
STEPS = 12  # of L-BFGS in a round

Show = Callable[[int, np.ndarray, Mapping[str, float]], None]  # step, control points, terms


def fineness(resolution: int) -> Fineness:
    """How finely the sequence is compared at a level of the velocity field."""
    if resolution <= COARSEST:
        return Fineness(grid=24, voxels=96, blur=0.02, pixel=PIXEL, scan_blur=0.02)
    return Fineness(grid=32, voxels=112, blur=0.008, pixel=PIXEL, scan_blur=0.02)


@dataclass(frozen=True)
class PathFit:
    """One level: a difference from the registered motion, whose bending costs, so that the pixels explain the sequence."""

    title: str
    scans: tuple[np.ndarray, np.ndarray]
    sequence: list[Projections]
    registered: VelocityField  # with the level's control points
    start: VelocityField  # the coarser level's, refined; or the registered one
    expected: np.ndarray  # [T] root mean square that the right motion leaves of each time's projections

    def run(self, checkpoint: Checkpoint, say: Callable[[str], None], show: Show) -> tuple[VelocityField, History]:
        """The fitted field and its curves. A killed run goes on after the last whole round.

        show: is called with a step, its control points and the terms known of it, for every step of L-BFGS that is computed.
        """
        base = self.registered.control.detach().double().numpy()
        difference, history, done = self.start.control.detach().double().numpy() - base, History(), 0
        if (stored := checkpoint.load()) is not None:
            done, tensors, record = stored
            difference, history = tensors["difference"].numpy(), History.from_json(record)
            say(f"{self.title}: goes on after round {done}")
        fit = SequenceFit(
            self.scans,
            self.sequence,
            base,
            self.registered.law,
            fineness(self.registered.resolution),
            bending_weight=BENDING_WEIGHT,
            solidity_weight=SOLIDITY_WEIGHT,
        )
        if not history.step:
            show(0, base + difference, self._record(fit, difference, 0, history))
        while (weight := _weight_of_next_round(done, history, registered=not difference.any())) is not None:
            fit.data_weight = weight
            steps = count(done * STEPS + 1)
            difference = fit.fitted(
                difference, STEPS, rounds=1, seen=lambda c, cost, steps=steps: show(next(steps), base + c, {"cost": cost})
            )
            done += 1
            terms = self._record(fit, difference, done * STEPS, history)
            show(done * STEPS, base + difference, terms)
            say(
                f"{self.title}: {done * STEPS} steps, weight of the data {weight:.3g}, "
                f"up to {terms['normalised_residual']:.2f} of the residual that the right motion leaves"
            )
            checkpoint.save(done, {"difference": torch.from_numpy(difference)}, history.to_json())
        if not difference.any():
            say(f"{self.title}: the registered motion explains the sequence and stays as it is")
        field = VelocityField(
            self.registered.resolution, self.registered.modes,
            longest_step=self.registered.longest_step, solver=self.registered.solver, law=self.registered.law,
        )  # fmt: skip
        with torch.no_grad():
            field.control.copy_(torch.from_numpy(base + difference))
        return field, history

    def _record(self, fit: SequenceFit, difference: np.ndarray, step: int, history: History) -> dict[str, float]:
        terms = fit.residuals(difference)
        left = np.percentile(fit.residual_by_time(difference) / self.expected, PART_OF_TIMES)
        terms = {"loss": sum(terms.values())} | terms | {"normalised_residual": float(left), "data_weight": fit.data_weight}
        history.step.append(step)
        for name, value in terms.items():
            history.terms.setdefault(name, []).append(value)
        return terms


def _weight_of_next_round(done: int, history: History, *, registered: bool) -> float | None:
    """That of the data, by what is left of them after the rounds that are done; None where no round is needed.

    registered: whether the motion is still the registered one.
    """
    weight, left = (history.terms[name][-1] for name in ("data_weight", "normalised_residual"))
    if registered and left <= EXPLAINED:
        return None
    if done < LEAST_ROUNDS:
        return weight
    return weight * FACTOR if left > UNDERFITTED and done < ROUNDS else None


def with_settings(field: VelocityField, *, modes: int, longest_step: float, solver: str) -> VelocityField:
    """The same motion with other numbers of control points in time (least squares) and another integration."""
    out = VelocityField(field.resolution, modes, longest_step=longest_step, solver=solver, law=field.law)
    times = np.linspace(-1, 1, 8 * max(modes, field.modes))
    matrix = (
        np.eye(modes)
        if modes == field.modes
        else np.linalg.lstsq(bspline.basis(modes, times), bspline.basis(field.modes, times), rcond=None)[0]
    )
    with torch.no_grad():
        out.control.copy_(torch.einsum("ab,b...->a...", torch.from_numpy(matrix.astype(np.float32)), field.control))
    return out

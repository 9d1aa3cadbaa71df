"""Cost of a training step of the velocity on random rays beside that of its kernels alone, on the same samples, in one run.

    python -m benchmarks.velocity_step [--resolution 15] [--radius 0.6] [--rounds 200] [--weights]

The step is the whole one: drawing rays, finding the cells that hold material,
placing samples, loss, gradient, Adam. The kernels are those that a sample
needs, called on the step's samples without anything around them: the control
points at the solver's times, flow, sampling the scan, sums along rays, the
adjoints of all these, Adam. Both take turns, so a change of the machine's speed
meets both. CPU time of the one thread that computes, median and fastest tenth.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from xct4d.allocator import keep_freed_memory
from xct4d.compilation import numba
from xct4d.config import Level, Velocity
from xct4d.device import HOST
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.views import Views, orbit
from xct4d.io.prepared import Frames
from xct4d.kernels.adam import adam_step
from xct4d.kernels.cpu import flow, segments, trilinear
from xct4d.kernels.flow import FlowTable, TimeSteps
from xct4d.training.loop.accumulation import AccumulatedGradients
from xct4d.training.loop.optimizer import Adam
from xct4d.training.loop.run import DrawnLosses
from xct4d.training.sampling.draws import DirectedDraw
from xct4d.training.tasks.velocity import VelocityTask

PIXELS, VIEWS, VOXELS = 96, 24, 128
TIME = 0.5  # of all projections: each step then carries its samples through the same time
MODES, LONGEST_STEP, SOLVER = 6, 0.1, "midpoint"  # the configuration's defaults


def projections() -> Frames:
    """Noise, as the values do not change the cost, on views around the box."""
    poses = np.stack([orbit(360 / VIEWS * i, 90.0, 4.0) for i in range(VIEWS)])
    views = Views(poses, np.full((VIEWS, 2), 150.0), np.full((VIEWS, 2), PIXELS / 2), np.full((VIEWS, 2), PIXELS))
    offset = np.arange(VIEWS + 1) * PIXELS**2
    return Frames(
        [str(i) for i in range(VIEWS)], np.zeros(VIEWS, bool), offset, np.arange(VIEWS + 1), views, np.ones(VIEWS),
        np.full(VIEWS, TIME), np.random.default_rng(0).integers(20000, 60000, offset[-1]).astype(np.uint16), 1.0, None, None,
    )  # fmt: skip


def textured_ball(radius: float) -> BakedField:
    axis = voxel_centres(VOXELS)
    points = grid_points(axis, axis, axis)
    inside = np.linalg.norm(points, axis=1) < radius
    attenuation = inside * (1 + 0.5 * np.sin(12 * points).prod(1))
    return BakedField(torch.from_numpy(attenuation.astype(np.float32).reshape(VOXELS, VOXELS, VOXELS)))


class Sides:
    """A training and, for the samples that its last step drew, the kernels alone."""

    def __init__(self, resolution: int, radius: float, weights: bool):
        """weights: whether strain and bending count too, with points of their own, as by default."""
        own = {} if weights else {"strain_weight": 0.0, "smoothness_weight": 0.0}
        level = Level(resolution=resolution, steps=10**6, learning_rate=1e-4, **own)
        self.field = VelocityField(resolution, MODES, longest_step=LONGEST_STEP, solver=SOLVER)
        torch.nn.init.normal_(self.field.control, std=0.05, generator=torch.Generator().manual_seed(0))
        scan = textured_ball(radius)
        self.volume = scan.volume
        settings = Velocity(levels=[level], modes=MODES, ode_step=LONGEST_STEP, solver=SOLVER)
        flat_field = FlatField.between(0.0, 0.0, 6)
        self.task = VelocityTask(
            settings, level, [projections()], {"forward": scan, "backward": scan}, self.field, flat_field,
            early_times_first=False, seed=0, device=HOST,
        )  # fmt: skip
        self.optimizer = Adam({group.name: group.parameters for group in self.task.groups})
        self._keep_draws()
        self.gradients = AccumulatedGradients("step", DrawnLosses(self.task), self.optimizer, 1)
        self.count = 0
        self.spare = [torch.zeros(self.field.control.numel()) for _ in range(3)]

    def _keep_draws(self) -> None:
        """Have the task's draws remembered, of which the kernels take the samples."""
        draw = self.task.draw

        def kept(micro_batch):
            finish = draw(micro_batch)

            def finished() -> DirectedDraw:
                self.drawn = finish()
                return self.drawn

            return finished

        self.task.draw = kept

    def step(self) -> None:
        self.gradients.of(self.count)
        self.optimizer.step(self.count + 1, {group.name: group.rate(self.count) for group in self.task.groups})
        self.count += 1

    def kernels(self) -> None:
        samples = self.drawn.batch.exposures[0].samples
        start = (0, len(samples.points))
        table = FlowTable((TimeSteps(TIME, 0.0 if self.drawn.direction == "forward" else 1.0, LONGEST_STEP, SOLVER),))
        with torch.no_grad():
            control = self.field.at(table.times)
            carried, stages = flow.flow(control, samples.points, start, table, True)
            density, slope = trilinear.sample(self.volume, carried, True)
            integral = segments.segment_sum(density, samples.start)
            grad = segments.segment_sum_adjoint(integral, samples.start, len(density))
            of_control, _ = flow.flow_adjoint(grad[:, None] * slope, control, stages, start, table)
            whole = torch.zeros(MODES, of_control[0].numel())
            whole[:4] = of_control.reshape(len(control), -1)[:1]  # the adjoint of `at`: written once, as cheap as it can be
            adam_step(self.spare[0], whole.reshape(-1), *self.spare[1:], rate=1e-4, step=1)

    def samples(self) -> int:
        return len(self.drawn.batch.exposures[0].samples.points)


def milliseconds(call) -> float:
    start = time.thread_time()
    call()
    return 1e3 * (time.thread_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", type=int, default=15, help="control points per axis")
    parser.add_argument("--radius", type=float, default=0.6, help="of the ball, world units: how many samples a step has")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--weights", action="store_true", help="with the weights on strain and bending that are the defaults")
    given = parser.parse_args()
    keep_freed_memory()  # as the workflow's jobs do
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    sides = Sides(given.resolution, given.radius, given.weights)
    for _ in range(4):
        sides.step()
        sides.kernels()
    taken, samples = [], []
    for _ in range(given.rounds):
        taken.append([milliseconds(sides.step), milliseconds(sides.kernels)])
        samples.append(sides.samples())
    print(f"n = {given.resolution}, {np.mean(samples):.0f} samples a step, one thread, CPU ms")
    print(f"{'':16}{'step':>8}{'kernels':>9}{'overhead / kernels':>20}")
    for name, (step, kernels) in (("median", np.median(taken, 0)), ("fastest tenth", np.quantile(taken, 0.1, axis=0))):
        print(f"{name:16}{step:8.2f}{kernels:9.2f}{step / kernels - 1:20.2f}")


if __name__ == "__main__":
    main()

"""Cost of a training step per sample: our kernels beside plain torch, in one run.

    python -m benchmarks.kernels [--samples 65536] [--device cuda] [--json results.json]

Each step is forward, backward and optimizer. The two sides take turns, so a
change of the machine's speed meets both; the median of each is printed, and the
ratio. The last column is the reference program's torch path as measured on two
CPU cores (another machine, another day: for orientation).
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import nn

from xct4d.allocator import keep_freed_memory
from xct4d.config import HashGrid
from xct4d.device import HOST
from xct4d.fields.density import SHIFT, DensityField
from xct4d.fields.velocity import VelocityField
from xct4d.kernels import bspline, trilinear
from xct4d.kernels.flow import FlowTable, TimeSteps
from xct4d.kernels.reference import bspline as spline_reference
from xct4d.kernels.reference import hashgrid as hash_reference
from xct4d.kernels.reference import mlp as mlp_reference
from xct4d.kernels.reference import trilinear as trilinear_reference
from xct4d.training.loop.optimizer import Adam

RAY = 64  # samples of a ray lie in a row, as in training
SOLVER, LONGEST_STEP, MODES = "midpoint", 0.1, 6  # the configuration's defaults
REFERENCE_PROGRAM = {"canonical 16 levels": 18.0, "velocity 6": 14.0, "velocity 15": 125.0, "velocity 27": 46.0, "velocity 51": 46.0}


def ray_points(count: int, device: torch.device = HOST) -> torch.Tensor:
    """Samples along random rays through the box: [count, 3]."""
    ends = torch.rand(2, count // RAY, 1, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.lerp(*ends, torch.linspace(0, 1, RAY)[None, :, None]).reshape(-1, 3).to(device)


def canonical(points: torch.Tensor, levels: int, *, tinycudann: bool = False) -> tuple[Callable, Callable]:
    """A step of the canonical field: encoding, perceptron, exp, their adjoints, Adam; by our kernels, or by tinycudann."""
    target = torch.rand(len(points), generator=torch.Generator().manual_seed(1)).to(points.device)

    def fast_step(field, optimizer, count):
        (field(points) - target).square().mean().backward()
        optimizer.step(count, {"field": 1e-3})

    def torch_step(field, optimizer):
        optimizer.zero_grad()
        encoded = hash_reference.encode(field.table, points, field.layout)
        density = torch.exp(mlp_reference.perceptron(encoded, field.inner, field.outer) - SHIFT)
        (density - target).square().mean().backward()
        optimizer.step()

    fast = _density(levels).on(points.device) if tinycudann else _density(levels).to(points.device)
    return _pair(fast, _density(levels).to(points.device), fast_step, torch_step)


def velocity(points: torch.Tensor, n: int) -> tuple[Callable, Callable]:
    """A step of the velocity field: flow from t = 0.5 to 0, its adjoint, the time basis, Adam."""
    table = FlowTable((TimeSteps(0.5, 0.0, LONGEST_STEP, SOLVER),))

    def fast_step(field, optimizer, count):
        field.flow(points, 0.5, 0.0).square().mean().backward()
        optimizer.step(count, {"field": 1e-3})

    def torch_step(field, optimizer):
        optimizer.zero_grad()
        spline_reference.flow(field.at(table.times), [points], table)[0].square().mean().backward()
        optimizer.step()

    return _pair(_velocity(n).to(points.device), _velocity(n).to(points.device), fast_step, torch_step)


def sampling(points: torch.Tensor, n: int) -> tuple[Callable, Callable]:
    """A baked volume at points, with the points' gradient."""
    volume = torch.rand(n, n, n, generator=torch.Generator().manual_seed(0)).to(points.device)

    def step(sample):
        x = points.clone().requires_grad_()
        sample(volume, x).sum().backward()

    return lambda: step(trilinear.sample), lambda: step(trilinear_reference.sample)


def mixing(points: torch.Tensor, n: int) -> tuple[Callable, Callable]:
    """A scalar spline at points, with the control points' gradient."""
    control = torch.rand(n, n, n, generator=torch.Generator().manual_seed(0)).to(points.device).requires_grad_()

    def step(sample):
        control.grad = None
        sample().sum().backward()

    return lambda: step(lambda: bspline.sample(control, points)), lambda: step(lambda: spline_reference.sample(control[..., None], points))


def _density(levels: int) -> DensityField:
    field = DensityField(HashGrid(levels=levels))
    field.initialise(torch.Generator().manual_seed(0))
    return field


def _velocity(n: int) -> VelocityField:
    field = VelocityField(n, MODES, longest_step=LONGEST_STEP, solver=SOLVER)
    nn.init.normal_(field.control, std=0.1, generator=torch.Generator().manual_seed(0))
    return field


def _pair(fast_field: nn.Module, torch_field: nn.Module, fast_step: Callable, torch_step: Callable) -> tuple[Callable, Callable]:
    fast_adam = Adam({"field": dict(fast_field.named_parameters())})
    torch_adam = torch.optim.Adam(torch_field.parameters(), lr=1e-3)
    count = iter(range(1, 10**9))
    return lambda: fast_step(fast_field, fast_adam, next(count)), lambda: torch_step(torch_field, torch_adam)


def _has_tinycudann(device: torch.device) -> bool:
    return device.type == "cuda" and _density(16).on(device).backend == "tinycudann"


def seconds(step: Callable) -> float:
    _wait()
    start = time.perf_counter()
    step()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def compare(pair: tuple[Callable, Callable], rounds: int) -> tuple[float, float]:
    """Median seconds of each side over alternating runs, after one of each to warm up; of plain torch NaN where a GPU does not hold it."""
    fast, plain = pair
    seconds(fast)
    try:
        seconds(plain)
    except torch.OutOfMemoryError:
        plain = None
        torch.cuda.empty_cache()
    times = [[seconds(side) if side is not None else np.nan for side in (fast, plain)] for _ in range(rounds)]
    return tuple(np.median(times, axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=65536)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", help="write the figures to this file")
    given = parser.parse_args()
    keep_freed_memory()  # as the workflow's jobs do
    device = torch.device(given.device)
    points = ray_points(given.samples, device)
    cases = {
        "canonical 16 levels": lambda: canonical(points, 16),
        "canonical 12 levels": lambda: canonical(points, 12),
        **({"  by tinycudann, 16": lambda: canonical(points, 16, tinycudann=True)} if _has_tinycudann(device) else {}),
        **{f"velocity {n}": (lambda n=n: velocity(points, n)) for n in (6, 15, 27, 51)},
        "baked volume 192": lambda: sampling(points, 192),
        "mixing 9": lambda: mixing(points, 9),
    }
    where = f"{numba.get_num_threads()} threads" if device.type == "cpu" else torch.cuda.get_device_name()
    print(f"{given.samples} samples, {where}, {platform.machine()}, torch {torch.__version__}, numba {numba.__version__}")
    print(f"{'us per sample':24}{'xct4d':>9}{'torch':>9}{'ratio':>8}{'reference program':>20}")
    figures = {}
    for name, make in cases.items():
        fast, plain = (1e6 * t / given.samples for t in compare(make(), given.rounds))
        ratio = {"torch_us": None, "ratio": None} if np.isnan(plain) else {"torch_us": plain, "ratio": plain / fast}
        figures[name] = {"xct4d_us": fast} | ratio
        print(
            f"{name:24}{fast:9.4g}{plain:9.4g}{plain / fast:7.0f}x{REFERENCE_PROGRAM.get(name, float('nan')):>20}".replace("nan", "-"),
            flush=True,
        )
        if given.json:  # after every row: none is lost if the next one fails
            with open(given.json, "w") as file:
                json.dump({"samples": given.samples, "device": where, "figures": figures}, file, indent=1)


if __name__ == "__main__":
    main()

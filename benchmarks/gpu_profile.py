"""Where the time of a training step on a GPU goes, kernel by kernel, and how near it comes to the device's limits.

    python -m benchmarks.gpu_profile [--steps 20]

Prints JSON: for the canonical and the velocity step, every kernel's share of the
time; for ours also bytes and floating-point operations, counted from the
algorithm (each sample's reads and writes, caches ignored), and the part they
are of what the device can do. A hash grid that fits the second-level cache can
exceed the memory's bandwidth.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as profiled

from benchmarks.kernels import canonical, ray_points, velocity

SAMPLES = 2**20
LEVELS, WIDTH, RESOLUTION = 16, 64, 27
STAGES = 10  # visits of the velocity on half of the time range, steps of 0.1 by the midpoint rule
# Of one sample: (bytes, operations). Corners are read as two floats, control points as three.
WORK = {
    "_encode": (LEVELS * (8 * 8 + 8) + 12, LEVELS * 80),
    "_encode_adjoint": (LEVELS * (8 * 16 + 8) + 12, LEVELS * 80),
    "_flow": (STAGES * (64 * 12 + 12) + 24, STAGES * 64 * 8),
    "_flow_adjoint": (STAGES * (64 * 36 + 12) + 24, STAGES * 64 * 24),
}


def limits() -> dict[str, float]:
    """Bandwidth of the memory (copying) and arithmetic (a large product of matrices, float32) as measured: bytes/s, operations/s."""
    a = torch.empty(2**28, device="cuda")
    copied = _seconds(lambda: a.clone())
    n = 8192
    b = torch.rand(n, n, device="cuda")
    multiplied = _seconds(lambda: b @ b)
    return {"bytes_per_second": 2 * a.numel() * 4 / copied, "operations_per_second": 2 * n**3 / multiplied}


def _seconds(action: Callable[[], Any], rounds: int = 5) -> float:
    action()
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(rounds):
        action()
    stop.record()
    torch.cuda.synchronize()
    return start.elapsed_time(stop) / 1000 / rounds


def kernels_of(step: Callable[[], Any], steps: int, device: dict[str, float]) -> dict[str, Any]:
    """Time of each kernel in a step, most first."""
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    with profiled(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as record:
        for _ in range(steps):
            step()
        torch.cuda.synchronize()
    rows = []
    for event in record.key_averages():
        seconds = event.self_device_time_total / 1e6 / steps
        if seconds > 0 and event.self_cpu_time_total == 0:
            rows.append(
                {"kernel": event.key[:120], "launches": event.count / steps, "us": seconds * 1e6} | _reached(event.key, seconds, device)
            )
    rows.sort(key=lambda row: -row["us"])
    total = sum(row["us"] for row in rows)
    return {"us_on_the_device": total, "samples_per_second": SAMPLES / total * 1e6, "kernels": rows[:16]}


def _reached(kernel: str, seconds: float, device: dict[str, float]) -> dict[str, float]:
    """Work of one of our kernels."""
    name = known(kernel)
    if name is None:
        return {}
    moved, computed = (SAMPLES * amount for amount in WORK[name])
    return {
        "bytes": moved, "operations": computed, "of_bandwidth": moved / seconds / device["bytes_per_second"],
        "of_arithmetic": computed / seconds / device["operations_per_second"],
    }  # fmt: skip


def known(kernel: str) -> str | None:
    """Which of ours a kernel is: numba's names carry ABI tags behind the function's, mangled or not."""
    found = re.search(r"(?<![A-Za-z])(_[a-z_]+?)(?:\[abi:|B\d*v\d|$)", kernel)
    return found[1] if found is not None and found[1] in WORK else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    device, points = limits(), ray_points(SAMPLES, torch.device("cuda"))
    steps = {f"canonical {LEVELS} levels": canonical(points, LEVELS)[0], f"velocity {RESOLUTION}": velocity(points, RESOLUTION)[0]}
    print(
        json.dumps({"samples": SAMPLES, "limits": device} | {name: kernels_of(step, given.steps, device) for name, step in steps.items()})
    )


if __name__ == "__main__":
    main()

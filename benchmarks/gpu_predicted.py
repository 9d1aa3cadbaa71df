"""What whole runs should take of GPUs that are not at hand: memory by the program's planner, time from what the devices can do at most.

    python -m benchmarks.gpu_predicted

Estimates, not measurements. Memory is counted as a run on the device counts it
(xct4d.training.memory). A step is taken to last as long as the host takes to
start its kernels, or as its bytes at the full bandwidth of the memory: every
corner of a grid read anew (benchmarks.gpu_profile) and every ray full of
material. Caches and empty space make it shorter, scattered addresses and
atomic additions longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml
from snakemake.utils import update_config

from benchmarks.gpu_profile import LEVELS as PROFILED_LEVELS
from benchmarks.gpu_profile import STAGES, WORK
from xct4d.config import Config, Velocity, resolve
from xct4d.kernels.shared.time_steps import TABLEAUS
from xct4d.training.memory.canonical import canonical_need
from xct4d.training.memory.need import Need
from xct4d.training.memory.velocity import velocity_need
from xct4d.training.tasks.canonical import RayBudget

CONFIG = Path(__file__).parents[1] / "config"
GB = 2**30
# Milliseconds that the host spends on a step: what steps of the demo took beside an H100, which they do not fill.
HOST = {"canonical": 6.4, "velocity": 9.0}


@dataclass(frozen=True)
class Device:
    """Of NVIDIA's data sheets: memory (GB of 2^30 bytes, what the driver takes off) and its bandwidth (bytes/s)."""

    name: str
    preset: str
    free: float
    bandwidth: float


DEVICES = (
    Device("T4", "gpu-16gb", 14.5, 320e9),
    Device("A100 40 GB", "gpu-32gb", 39.0, 1555e9),
    Device("H100 80 GB", "gpu-32gb", 78.5, 3350e9),
)


@dataclass(frozen=True)
class Training:
    """One training stage."""

    stage: str
    key: str  # of HOST
    steps: int
    samples: int  # of a step, at most
    bytes: float  # of a sample
    need: Need

    def seconds(self, device: Device) -> float:
        return self.steps * max(1e-3 * HOST[self.key], self.samples * self.bytes / device.bandwidth)


def visits(motion: Velocity) -> float:
    """Control points' times that the flow of a sample visits, over half of the time range, as it does on average."""
    return 0.5 / motion.ode_step * len(TABLEAUS[motion.solver].b)


def trainings(config: Config) -> list[Training]:
    own, motion = config.canonical, config.velocity
    encoding = sum(WORK[name][0] for name in ("_encode", "_encode_adjoint")) * own.grid.levels / PROFILED_LEVELS
    perceptron = 6 * 4 * own.grid.width  # the hidden layer, its gradient, and both in passing
    flow = sum(WORK[name][0] for name in ("_flow", "_flow_adjoint")) / STAGES
    most = RayBudget(own).most_parts
    canonical = Training(
        "canonical, each end", "canonical", own.steps, own.rays * own.samples, encoding + perceptron, canonical_need(own, most)
    )
    return [canonical] + [
        Training(
            f"velocity {level.resolution}", "velocity", level.steps, at_level.rays * at_level.samples, flow * visits(at_level),
            velocity_need(at_level, level, own.bake),
        )
        for level in motion.levels
        for at_level in (motion.at(level),)
    ]  # fmt: skip


def configured(*names: str) -> Config:
    first, *others = (yaml.safe_load((CONFIG / name).read_text()) for name in names)
    for other in others:
        update_config(first, other)
    return next(iter(resolve(first).values()))


def main() -> None:
    print(
        "| run | device | stage | memory, GB | parts of a step | million samples/s, estimated | s, estimated |\n|---|---|---|---:|---:|---:|---:|"
    )
    for run, names in (("balls", ("config.yaml",)), ("kelvin", ("kelvin.yaml",)), ("experiment", ("experiment.yaml",))):
        for device in DEVICES:
            config = configured(*names, *([f"presets/{device.preset}.yaml"] if run == "experiment" else []))
            total = 0.0
            for training in trainings(config):
                need, free = training.need, int(device.free * GB)
                parts, seconds = need.micro_batches(free), training.seconds(device)
                total += seconds * (2 if training.key == "canonical" else 1)
                rate = training.steps * training.samples / seconds / 1e6
                print(
                    f"| {run} | {device.name} | {training.stage} | {(need.lasting + need.step / parts) / GB:.1f} | {parts} | {rate:.0f} | {seconds:.1f} |"
                )
            print(f"| {run} | {device.name} | **all training** | | | | **{total:.0f}** |")


if __name__ == "__main__":
    main()

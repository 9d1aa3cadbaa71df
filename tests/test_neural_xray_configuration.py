"""config/neural_xray.yaml: the reference program's experimental pipeline, and a small version of it through the stages."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
import yaml

from workflow import ROOT
from xct4d import config
from xct4d.fields.mixers.spline import SplineMixer
from xct4d.fields.velocity import VelocityField
from xct4d.stages.canonical import canonical
from xct4d.stages.mixing import mixing
from xct4d.stages.prepare import prepare
from xct4d.stages.velocity import velocity
from xct4d.training.memory.velocity import velocity_need
from xct4d.training.tasks import velocity as task

# control points: rays of a step and time step, as its scripts/submit.sh has them
LEVELS = {6: (2048, 0.1), 9: (1024, 0.09), 15: (512, 0.085), 27: (1024, 0.075), 51: (1024, 0.0499)}
SMALLER = 64  # times fewer rays of a step
GB = 2**30


def tree() -> dict:
    return yaml.safe_load((ROOT / "config" / "neural_xray.yaml").read_text())


def resolved(own: Mapping, folder: Path = Path("data")) -> config.Config:
    (only,) = config.resolve({**own, "datasets": {"kel": {"input": {"folder": str(folder)}}}}).values()
    return only


def test_its_levels_are_those_of_the_reference_program():
    own = resolved(tree()).velocity
    levels = {level.resolution: own.at(level) for level in own.levels}
    assert {n: (at.rays, at.ode_step) for n, at in levels.items()} == LEVELS
    assert {(at.samples, at.solver, at.start) for at in levels.values()} == {(1024, "euler", "rest")}
    assert all(level.steps == 3000 for level in own.levels)


def test_it_fits_a_gpu_of_32_gb_undivided():
    own = resolved(tree())
    needs = [velocity_need(own.velocity.at(level), level, own.canonical.bake) for level in own.velocity.levels]
    assert [need.micro_batches(30 * GB) for need in needs] == 5 * [1]


def small() -> dict:
    """The same with few steps, rays, samples and voxels."""
    own = copy.deepcopy(tree())
    for section in (own["canonical"], *own["velocity"]["levels"], own["mixing"]):
        section["steps"] = 2
        section["rays"] //= SMALLER
    for section in ("canonical", "velocity", "mixing"):
        own[section]["samples"] = 8
    own["canonical"] |= {"grid": {"levels": 2, "log2_size": 8, "coarsest": 4, "finest": 16, "width": 8}, "bake": 16}
    own["velocity"]["points"] = 64
    return own


@pytest.fixture(scope="module")
def drawn():
    """(rays, samples) of every batch that the levels of the velocity draw."""
    return []


@pytest.fixture(scope="module")
def trained(tmp_path_factory, drawn):
    """A folder with the outputs of every training stage on a small dataset."""
    folder = tmp_path_factory.mktemp("neural_xray")
    own = resolved(small(), tiny_dataset.make(folder / "dataset"))
    prepared = {state: folder / state for state in ("forward", "backward", "between")}
    known, begin = np.random.default_rng(0).random((16, 16, 16), np.float32), task.draw

    def places(name: str) -> tuple[Path, Path, Path]:
        return folder / name, folder / f"{name}.checkpoint", folder / "board" / name

    def counted(time_point, rng, rays, samples, cells):
        drawn.append((rays, samples))
        return begin(time_point, rng, rays, samples, cells)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xct4d.fields.occupancy.CELLS", 8)
        for raster in ("tasks.canonical.INSPECTED_VOXELS", "tasks.mixing.INSPECTED_VOXELS", "inspection.motion.VOXELS"):
            patch.setattr(f"xct4d.training.{raster}", 8)
        patch.setattr(task, "draw", counted)
        for state, output in prepared.items():
            prepare(folder / "dataset", own.input, own.prepare, state, output)
        ends = {end: folder / f"canonical_{end}" for end in ("forward", "backward")}
        for end, output in ends.items():
            canonical(own.canonical, prepared[end], *places(output.name), volume=known, seed=own.seed)
        previous = None
        for level in own.velocity.levels:
            velocity(own.velocity, level, prepared, ends, previous, *places(str(level.resolution)), seed=own.seed)
            previous = folder / str(level.resolution)
        mixing(own.mixing, prepared, ends, previous, *places("mixing"), seed=own.seed)
    return folder


@pytest.mark.parametrize("resolution", LEVELS)
def test_each_level_is_integrated_with_its_own_time_step(trained, resolution):
    field = VelocityField.load(trained / str(resolution) / "field.safetensors")
    assert (field.resolution, field.longest_step, field.solver) == (resolution, LEVELS[resolution][1], "euler")
    assert field.control.abs().max() > 0


def test_each_level_draws_its_own_rays(trained, drawn):
    assert drawn == [(rays // SMALLER, 8) for rays, _ in LEVELS.values() for _ in range(2)]


def test_the_mixer_is_trained(trained):
    mixer = SplineMixer.load(trained / "mixing" / "field.safetensors")
    assert mixer.control.shape[1:] == (9, 9, 9)
    assert mixer.control.abs().max() > 0

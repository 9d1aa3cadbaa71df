"""Predictions of a GPU's memory, against what autograd really keeps of a step."""

import pytest
import torch
import yaml
from snakemake.utils import update_config

from workflow import ROOT
from xct4d import config
from xct4d.errors import InputError
from xct4d.fields import density as density_field
from xct4d.fields import tiny
from xct4d.fields.density import DensityField
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.hashgrid import HashLayout
from xct4d.kernels.reference import mlp
from xct4d.training.memory.canonical import canonical_need
from xct4d.training.memory.need import fitting, micro_batches
from xct4d.training.memory.velocity import velocity_need

GB = 2**30


def kept(compute):
    """Bytes that autograd keeps of a computation, each storage once; those of the parameters not."""
    storages = {}

    def pack(tensor):
        if not isinstance(tensor, torch.nn.Parameter):
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(storages.values())


def test_a_canonical_step(monkeypatch):
    # as on a GPU, where the hidden layer is kept
    monkeypatch.setattr(density_field, "perceptron", mlp.perceptron)
    settings = config.Canonical(rays=64, samples=32)
    field = DensityField(settings.grid)
    field.initialise(torch.Generator().manual_seed(0))
    points = torch.rand(64 * 32, 3) * 2 - 1
    measured = kept(lambda: field(points).sum())
    assert measured < canonical_need(settings, 64 * 32).step < 4 * measured  # backward takes as much again


def test_a_velocity_step():
    settings = config.Velocity(rays=64, samples=32, points=1)
    level = config.Level(resolution=6, steps=1, learning_rate=1e-3)
    field = VelocityField(6, settings.modes, longest_step=settings.ode_step, solver=settings.solver)
    points = torch.rand(64 * 32, 3) * 2 - 1
    measured = kept(lambda: field.flow(points, 1.0, 0.0).sum())
    assert measured < velocity_need(settings, level, 32).step < 4 * measured


@pytest.mark.parametrize(("gigabytes", "rays", "parts"), [(14.5, 512, 1), (14.5, 2**16, 2), (31, 2**16, 1), (31, 2**18, 3)])
def test_what_does_not_fit_is_divided(gigabytes, rays, parts):
    settings = config.Canonical(rays=rays, samples=256, grid=config.HashGrid(levels=16, log2_size=19))
    need = canonical_need(settings, rays * 256)
    found = need.micro_batches(int(gigabytes * GB))
    assert found == parts
    assert need.lasting + need.step / found <= gigabytes * GB


@pytest.mark.parametrize(("preset", "free"), [("gpu-16gb", 14.5), ("gpu-32gb", 30)])
def test_a_preset_fits_its_gpu_undivided(preset, free):
    """Beside an experiment's dataset, as the command merges them."""
    trees = [yaml.safe_load((ROOT / "config" / name).read_text()) for name in ("experiment.yaml", f"presets/{preset}.yaml")]
    update_config(*trees)
    (settings,) = config.resolve(trees[0]).values()
    assert settings.device == "cuda"
    assert settings.export.times == [0, 0.25, 0.5, 0.75, 1]
    assert settings.export.resolution == 500
    own = settings.canonical
    needs = [canonical_need(own, 32 * own.rays * own.samples)]
    needs += [velocity_need(settings.velocity, level, own.bake) for level in settings.velocity.levels]
    assert [need.micro_batches(int(free * GB)) for need in needs] == 6 * [1]
    layout = HashLayout(own.grid.levels, own.grid.log2_size, own.grid.coarsest, own.grid.finest)
    assert tiny.unfit(layout, own.grid.width) is None


def test_what_never_fits_names_its_key():
    with pytest.raises(InputError, match=r"canonical.bake: some \d+\.\d GB of GPU memory are needed, 14\.5 GB are free"):
        velocity_need(config.Velocity(), level(blur=0.02), 1024).micro_batches(int(14.5 * GB))


def test_the_cpu_is_not_divided():
    need = canonical_need(config.Canonical(rays=10**6), 10**12)
    assert micro_batches("canonical", need, torch.device("cpu")) == 1
    assert fitting("velocity 6", lambda _voxels: need, 192, torch.device("cpu")) == (192, 1)


def level(**settings):
    return config.Level(resolution=51, steps=1, learning_rate=1e-3, **settings)


@pytest.mark.parametrize(("free", "voxels"), [(60, 1024), (14.5, 512), (6, 341)])
def test_volumes_that_do_not_fit_are_held_coarser(monkeypatch, capsys, free, voxels):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(free * GB), 80 * GB))
    assert fitting("velocity 51", lambda n: velocity_need(config.Velocity(), level(blur=0.02), n), 1024, torch.device("cuda")) == (
        voxels,
        1,
    )
    said = capsys.readouterr().err
    assert (said == "") == (voxels == 1024)
    assert voxels == 1024 or f"velocity 51: the scans are held with {voxels} voxels per axis, not 1024: {free:.1f} GB" in said


def test_rays_give_way_before_volumes_do(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8 * GB, 8 * GB))
    many = config.Velocity(rays=2**17, samples=128)
    voxels, count = fitting("velocity 51", lambda n: velocity_need(many, level(), n), 256, torch.device("cuda"))
    assert (voxels, count) == (256, 2)
    assert "velocity 51: 8.0 GB of GPU memory are free; a step goes in 2 parts" in capsys.readouterr().err

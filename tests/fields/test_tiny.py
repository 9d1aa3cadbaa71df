"""tinycudann in place of our kernels: the same field, whichever computes it."""

import sys
from importlib.util import find_spec

import fake_tinycudann
import numpy as np
import pytest
import torch
from pretended_gpu import CUDA, PretendedGpu

from xct4d.config import HashGrid
from xct4d.fields import storage, tiny
from xct4d.fields.density import DensityField
from xct4d.kernels.hashgrid import HashLayout
from xct4d.training.loop.optimizer import Adam

GRIDS = [
    HashGrid(levels=5, log2_size=10, coarsest=4, finest=64, width=32),  # dense, then hashed
    HashGrid(levels=3, log2_size=16, coarsest=4, finest=16, width=16),
    HashGrid(),
    HashGrid(levels=16, log2_size=14),
    HashGrid(levels=16, log2_size=19, coarsest=16, finest=1024),  # config/presets/gpu-16gb.yaml
]


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinycudann", fake_tinycudann)
    monkeypatch.setattr(tiny, "find_spec", lambda name: name == "tinycudann")


def some_field(grid, seed=0):
    """A field of some structure."""
    field = DensityField(grid)
    field.initialise(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        field.table.uniform_(-1, 1, generator=torch.Generator().manual_seed(seed + 1))
    return field


def points(count=500):
    return torch.cat([torch.rand(count, 3, generator=torch.Generator().manual_seed(5)) * 2 - 1, torch.tensor([[1.0, 1, 1], [-1, 1, -1]])])


def test_packing_puts_every_number_where_tinycudann_has_it():
    layout = HashLayout(3, 8, 4, 16)
    table, inner, outer = torch.randn(layout.entries, 2), torch.randn(6, 32), torch.randn(32)
    vector = tiny.pack(table, inner, outer)
    first, last = vector[: 32 * 16], vector[32 * 16 : 32 * 16 + 16 * 32]
    assert first[7 * 16 + 3] == inner[3, 7]  # row by row: weights of neuron 7
    assert first.reshape(32, 16)[:, 6:].abs().max() == 0
    assert torch.equal(last[:32], outer)
    assert last[32:].abs().max() == 0
    assert torch.equal(vector[-2 * layout.entries :].reshape(-1, 2), table)
    for part, back in zip((table, inner, outer), tiny.unpack(vector, layout, 32), strict=True):
        assert torch.equal(part, back)


@pytest.mark.parametrize("grid", GRIDS, ids=["mixed", "dense", "default", "16 levels", "preset"])
def test_both_render_the_same_field(grid, installed):
    ours = some_field(grid)
    wanted = ours(points()).detach()
    with PretendedGpu():
        theirs = some_field(grid).on(CUDA)
        assert theirs.backend == "tinycudann"
        got = theirs(points().to(CUDA)).detach().cpu()
    assert (got / wanted - 1).abs().max() < 0.02  # half precision
    assert (got / wanted - 1).abs().mean() < 0.002


def test_gradients_are_those_of_our_kernels(installed):
    """Also where they are so small that half precision alone would lose them: means over many rays are."""
    grid, tiny_factor = GRIDS[0], 1e-9
    ours = some_field(grid)
    (tiny_factor * ours(points()).sum()).backward()
    with PretendedGpu():
        theirs = some_field(grid).on(CUDA)
        assert [name for name, _ in theirs.named_parameters()] == ["tiny.module.params"]
        (tiny_factor * theirs(points().to(CUDA)).sum()).backward()
        grad = theirs.tiny.module.params.grad
    for mine, other in zip((ours.table.grad, ours.inner.grad, ours.outer.grad), tiny.unpack(grad, ours.layout, grid.width), strict=True):
        assert mine.abs().max() > 0
        assert (mine - other).norm() < 0.01 * mine.norm()


def test_a_step_may_call_the_field_for_several_things(installed):
    """Each call's derivatives have another size: what brings one into range must not be taken off the other's."""
    grid = GRIDS[0]

    def loss(field, here):
        return 1e-6 * field(here).sum() + field(here.flip(0) * 0.5).mean()

    ours = some_field(grid)
    loss(ours, points()).backward()
    with PretendedGpu():
        theirs = some_field(grid).on(CUDA)
        loss(theirs, points().to(CUDA)).backward()
        grad = theirs.tiny.module.params.grad
    for mine, other in zip((ours.table.grad, ours.inner.grad, ours.outer.grad), tiny.unpack(grad, ours.layout, grid.width), strict=True):
        assert (mine - other).norm() < 0.01 * mine.norm()


def test_a_derivative_beyond_half_precision_leaves_the_others(installed):
    grad = torch.tensor([1.0, torch.inf, torch.nan, -torch.inf])
    parameters = torch.zeros(4, requires_grad=True)
    tiny._Unscaled.apply(parameters, torch.tensor(2.0)).backward(grad)
    assert parameters.grad.tolist() == [0.5, 0, 0, 0]


def test_the_sum_of_all_derivatives_stays_within_half_precision():
    values, factor = torch.zeros(2**20, requires_grad=True), torch.ones(())
    tiny._Scaled.apply(values, factor).sum().backward()
    assert float(values.grad.sum()) == pytest.approx(tiny.LARGEST_SUM)
    assert float(factor) == pytest.approx(tiny.LARGEST_SUM / 2**20)


def test_a_field_trained_by_one_is_loaded_by_the_other(tmp_path, installed):
    grid = GRIDS[0]
    with PretendedGpu():
        field = some_field(grid).on(CUDA)
        adam = Adam({"field": dict(field.named_parameters())})
        for step in range(3):
            (field(points().to(CUDA)) - 1).square().mean().backward()
            adam.step(step + 1, {"field": 1e-2})
        field.save(tmp_path / "theirs")
        trained = field(points().to(CUDA)).detach().cpu()
    settings, _ = storage.read(tmp_path / "theirs", "density")
    assert settings["backend"] == "tinycudann"
    ours = DensityField.load(tmp_path / "theirs")
    assert ours.backend == "xct4d"
    assert (ours(points()) / trained - 1).abs().mean() < 0.002
    assert (trained - some_field(grid)(points())).abs().max() > 0.01  # it was trained
    ours.save(tmp_path / "ours")
    with PretendedGpu():
        again = DensityField.load(tmp_path / "ours").on(CUDA)
        assert again.backend == "tinycudann"
        assert (again(points().to(CUDA)).detach().cpu() - trained).abs().max() < 1e-6


def test_without_it_our_kernels_serve(monkeypatch, capsys):
    monkeypatch.setattr(tiny, "find_spec", lambda _: None)
    with PretendedGpu():
        assert some_field(GRIDS[0]).on(CUDA).backend == "xct4d"
    assert capsys.readouterr().err == ""


def test_on_the_cpu_our_kernels_serve(installed):
    before = fake_tinycudann.NetworkWithInputEncoding.made
    assert some_field(GRIDS[0]).on(torch.device("cpu")).backend == "xct4d"
    assert fake_tinycudann.NetworkWithInputEncoding.made == before


def test_a_width_that_it_does_not_have_is_said(installed, capsys):
    with PretendedGpu():
        assert some_field(HashGrid(levels=2, log2_size=8, coarsest=4, finest=8, width=24)).on(CUDA).backend == "xct4d"
    assert capsys.readouterr().err == (
        "the field is computed without tinycudann: its layers have 16, 32, 64, 128 neurons, not 24 (canonical.grid.width)\n"
    )


def test_an_installation_that_does_not_fit_the_gpu_is_said(installed, monkeypatch, capsys):
    def refuse(*_):
        raise OSError("Could not find compatible tinycudann extension for compute capability 70.")

    monkeypatch.setattr(fake_tinycudann, "NetworkWithInputEncoding", refuse)
    with PretendedGpu():
        assert some_field(GRIDS[0]).on(CUDA).backend == "xct4d"
    assert "without tinycudann: Could not find compatible tinycudann extension" in capsys.readouterr().err


def test_layouts_that_single_precision_could_round_apart_are_left_to_our_kernels():
    assert "its level 1 may have another number of nodes" in tiny.unfit(HashLayout(3, 19, 9, 36), 64)
    for grid in GRIDS:
        layout = HashLayout(grid.levels, grid.log2_size, grid.coarsest, grid.finest)
        assert tiny.unfit(layout, grid.width) is None


def test_no_points(installed):
    with PretendedGpu():
        field = some_field(GRIDS[1]).on(CUDA)
        nothing = field(torch.zeros(0, 3, device=CUDA))
        assert nothing.shape == (0,)
        nothing.sum().backward()
        assert np.count_nonzero(field.tiny.module.params.grad.cpu().numpy()) == 0


@pytest.mark.skipif(find_spec("tinycudann") is None or not torch.cuda.is_available(), reason="needs tinycudann and a GPU")
@pytest.mark.parametrize("grid", GRIDS, ids=["mixed", "dense", "default", "16 levels", "preset"])
def test_the_real_one_computes_the_same_field_and_gradients(grid):
    ours, small = some_field(grid), 1e-9
    wanted = ours(points())
    (small * wanted.sum()).backward()
    theirs = some_field(grid).on(torch.device("cuda"))
    assert theirs.backend == "tinycudann"
    got = theirs(points().to("cuda"))
    (small * got.sum()).backward()
    off = (got.detach().cpu() / wanted.detach() - 1).abs()
    assert off.max() < 0.02
    assert off.mean() < 0.002
    grad = theirs.tiny.module.params.grad.cpu()
    # half precision, by which a few neurons are on the other side of zero: off by as much as fake_tinycudann's (0.044 to 0.046 with these grids)
    for mine, other in zip((ours.table.grad, ours.inner.grad, ours.outer.grad), tiny.unpack(grad, ours.layout, grid.width), strict=True):
        assert (mine - other).norm() < 0.06 * mine.norm()

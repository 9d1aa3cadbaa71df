"""Every CUDA kernel against its torch reference: on the GPU where there is one, else in numba's simulator.

Collected by name only: test_cuda_kernels.py runs it, as the simulator must be chosen before numba loads.
"""

import math

import numpy as np
import pytest
import torch

from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views, orbit
from xct4d.kernels import adam, bspline, flow, hashgrid, mlp, occupancy, ray_sampling, segments, trilinear
from xct4d.kernels.reference import bspline as spline_reference
from xct4d.kernels.reference import hashgrid as hash_reference
from xct4d.kernels.reference import mlp as mlp_reference
from xct4d.kernels.reference import segments as segments_reference
from xct4d.kernels.reference import trilinear as trilinear_reference
from xct4d.kernels.shared.scalar import SIMULATED

DEVICE = torch.device("cpu" if SIMULATED else "cuda")
MANY = 24 if SIMULATED else 5000


def on_device(x):
    return x.detach().to(DEVICE).requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x


def assert_same(fast, reference, inputs, tolerance=2e-5):
    """Values and all gradients agree, relative to the largest entry."""
    moved = [on_device(x) for x in inputs]
    a, b = fast(*moved), reference(*inputs)
    assert a.device.type == DEVICE.type
    cotangent = torch.randn(b.shape, generator=torch.Generator().manual_seed(1))
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, torch.Tensor) and x.requires_grad]
    fast_gradients = torch.autograd.grad(a, [moved[i] for i in wanted], cotangent.to(DEVICE))
    pairs = [(a, b), *zip(fast_gradients, torch.autograd.grad(b, [inputs[i] for i in wanted], cotangent), strict=True)]
    for x, y in pairs:
        assert torch.isfinite(x).all()
        assert (x.cpu() - y).abs().max() <= tolerance * y.abs().max()


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def points(count=MANY, half_width=1.2, seed=0):
    """Random points, some of them outside the box."""
    return (torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * half_width


@pytest.mark.parametrize("layout", [(1, 12, 8, 8), (3, 19, 4, 32), (4, 10, 4, 128)])
def test_hash_encoding(layout):
    layout = hashgrid.HashLayout(*layout)
    x = torch.cat([points(), torch.tensor([[1.0, 1.0, 1.0], [-1.0, 1.0, -1.0]])])
    table = normal(layout.entries, 2).requires_grad_()
    assert_same(lambda t, x: hashgrid.encode(t, x, layout), lambda t, x: hash_reference.encode(t, x, layout), [table, x], tolerance=2e-4)


def test_perceptron():
    inputs = [normal(MANY, 24), normal(24, 64, seed=1), normal(64, seed=2)]
    assert_same(mlp.perceptron, mlp_reference.perceptron, [t.requires_grad_() for t in inputs], tolerance=1e-4)


def test_trilinear():
    assert_same(trilinear.sample, trilinear_reference.sample, [normal(17, 17, 17).requires_grad_(), points().requires_grad_()])


def test_trilinear_of_a_volume_alone():
    assert_same(trilinear.sample, trilinear_reference.sample, [normal(9, 9, 9).requires_grad_(), points()])


def test_trilinear_of_half_precision():
    """The voxels are rounded, nothing else is."""
    volume = normal(17, 17, 17).half()
    assert_same(
        lambda x: trilinear.sample(on_device(volume), x),
        lambda x: trilinear_reference.sample(volume.float(), x),
        [points().requires_grad_()],
    )


def test_trilinear_without_a_gradient():
    volume, x = normal(9, 9, 9), points()
    assert torch.allclose(trilinear.sample(on_device(volume), on_device(x)).cpu(), trilinear_reference.sample(volume, x), atol=1e-5)


def test_segment_sum_with_empty_segments():
    lengths = torch.tensor([0, 5, 0, 7, 80, 0])
    start = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    assert_same(segments.segment_sum, segments_reference.segment_sum, [normal(92).requires_grad_(), start])


@pytest.mark.parametrize("solver", list(flow.TABLEAUS))
@pytest.mark.parametrize(("n", "start", "stop"), [(4, 0.7, 0.0), (7, 0.2, 1.0)])
def test_flow(solver, n, start, stop):
    table = flow.FlowTable((flow.TimeSteps(start, stop, 0.4, solver),))
    control = (0.3 * normal(len(table.times), n, n, n, 3)).requires_grad_()
    count = MANY // 4
    assert_same(
        lambda c, p: flow.flow(c, [p], table)[0],
        lambda c, p: spline_reference.flow(c, [p], table)[0],
        [control, points(count, 1.1).requires_grad_()],
    )


def test_flow_with_a_cotangent_at_some_points_only():
    table = flow.FlowTable((flow.TimeSteps(0.6, 0.0, 0.3, "midpoint"),))
    control = (0.3 * normal(len(table.times), 6, 6, 6, 3)).requires_grad_()
    mask = (torch.arange(12) % 3 == 0).float()[:, None]
    assert_same(
        lambda c, p, m: flow.flow(c, [p], table)[0] * m, lambda c, p, m: spline_reference.flow(c, [p], table)[0] * m,
        [control, points(12).requires_grad_(), mask],
    )  # fmt: skip


def test_flow_of_points_that_share_their_control_points():
    """Neighbours on rays, as in training, some with a zero cotangent: more than a warp of them, and not a whole number of warps."""
    table = flow.FlowTable((flow.TimeSteps(0.6, 0.0, 0.3, "midpoint"),))
    control = (0.3 * normal(len(table.times), 6, 6, 6, 3)).requires_grad_()
    x = torch.cat([torch.linspace(-1.1, 1.1, 37)[:, None] * torch.tensor([0.9, -0.6, 0.3]), torch.full((6, 3), 0.2)]).requires_grad_()
    mask = (torch.arange(43) % 5 != 1).float()[:, None]
    assert_same(
        lambda c, p, m: flow.flow(c, [p], table)[0] * m, lambda c, p, m: spline_reference.flow(c, [p], table)[0] * m, [control, x, mask]
    )


def test_groups_are_carried_together_each_through_its_own_steps():
    spans = [(0.7, 0.0), (0.1, 0.0), (0.3, 0.3), (0.0, 1.0)]
    table = flow.FlowTable(tuple(flow.TimeSteps(start, stop, 0.4, "midpoint") for start, stop in spans))
    control = (0.3 * normal(len(table.times), 5, 5, 5, 3)).requires_grad_()
    sizes = [20, 3, 4, 8]  # the warp's end lies within the last
    assert_same(
        lambda c, p: torch.cat(flow.flow(c, p.split(sizes), table)), lambda c, p: torch.cat(spline_reference.flow(c, p.split(sizes), table)),
        [control, points(35, 1.1).requires_grad_()],
    )  # fmt: skip


def test_flow_without_gradients():
    table = flow.FlowTable((flow.TimeSteps(0.6, 0.0, 0.3, "rk4"),))
    control, x = 0.3 * normal(len(table.times), 6, 6, 6, 3), points(10)
    assert torch.allclose(
        flow.flow(on_device(control), [on_device(x)], table)[0].cpu(), spline_reference.flow(control, [x], table)[0], atol=1e-5
    )


def assert_near(found, expected):
    for x, y in zip(found, expected, strict=True):
        assert x.shape == y.shape
        assert (x.cpu() - y).abs().max() <= 2e-5 * y.abs().max()


def test_the_gradient_of_a_vector_spline():
    control, x = normal(7, 7, 7, 3), points()
    found = bspline.sample_vector_with_gradient(on_device(control), on_device(x))
    assert_near(found, spline_reference.sample_vector_with_gradient(control, x))


@pytest.mark.parametrize("solver", list(flow.TABLEAUS))
def test_flow_with_gradient(solver):
    table = flow.FlowTable((flow.TimeSteps(0.7, 0.0, 0.4, solver),))
    control, x = 0.3 * normal(len(table.times), 6, 6, 6, 3), points(MANY // 4, 1.1)
    assert_near(flow.flow_with_gradient(on_device(control), on_device(x), table), spline_reference.flow_with_gradient(control, x, table))


def test_scalar_spline():
    control = normal(8, 8, 8).requires_grad_()
    assert_same(bspline.sample, lambda c, x: spline_reference.sample(c[..., None], x)[:, 0], [control, points()])


def test_nothing_to_do():
    """No sample lies in an occupied cell: kernels without threads."""
    none = torch.zeros(0, 3, device=DEVICE)
    assert trilinear.sample(torch.zeros(4, 4, 4, device=DEVICE), none).shape == (0,)
    assert segments.segment_sum(torch.zeros(0, device=DEVICE), torch.zeros(3, dtype=torch.long, device=DEVICE)).tolist() == [0, 0]


def test_adam():
    value, grad = normal(100), normal(100, seed=1)
    grad[::3] = 0
    first, second = torch.zeros(100), torch.zeros(100)
    mine = [on_device(t).clone() for t in (value, grad, first, second)]
    for step in (1, 2, 3):
        adam.adam_step(*mine, rate=0.01, step=step)
        first = torch.where(grad == 0, first, adam.BETA1 * first + (1 - adam.BETA1) * grad)
        second = torch.where(grad == 0, second, adam.BETA2 * second + (1 - adam.BETA2) * grad**2)
        update = 0.01 * first / (1 - adam.BETA1**step) / ((second / (1 - adam.BETA2**step)).sqrt() + adam.EPSILON)
        value = value - torch.where(grad == 0, 0, update)
    assert (mine[0].cpu() - value).abs().max() < 1e-5


def some_cells(n=6):
    return torch.rand(n, n, n, generator=torch.Generator().manual_seed(3)) < 0.4


def cell_of(x, n):
    return ((x + 1) * 0.5 * n).floor().long()


def test_points_in_occupied_cells():
    occupied, x = some_cells(), points()
    inside = (x.abs() < 1).all(1)
    i, j, k = cell_of(x, 6).clamp(0, 5).unbind(1)
    assert torch.equal(occupancy.in_occupied_cell(on_device(occupied), on_device(x)).cpu(), inside & occupied[k, j, i])


def test_cells_around_points_are_marked():
    x, out = points(15), on_device(torch.zeros(6, 6, 6, dtype=torch.bool))
    occupancy.mark_occupied(out, on_device(x), 0.5)
    wanted = torch.zeros(6, 6, 6, dtype=torch.bool)
    for place in ((x + 1) * 0.5 * 6).tolist():
        low, high = (
            [min(max(math.floor(c + radius), 0 if radius < 0 else -1), 5 if radius > 0 else 6) for c in place] for radius in (-0.5, 0.5)
        )
        wanted[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1] = True
    assert torch.equal(out.cpu(), wanted)


def test_samples_along_rays():
    views = Views(orbit(30.0, 80.0, 4.0)[None], np.full((1, 2), 10.0), np.array([[4.0, 3.0]]), np.array([[8, 6]]))
    column, row = np.array([2.5, 4.2, 3.0, -90.0]), np.array([1.5, 3.1, 4.0, 3.0])
    rays = torch.from_numpy(cast(views, np.zeros(4, int), column, row)).float()
    occupied, jitter = some_cells(), torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
    got, start, spacing = ray_sampling.stratified_samples(on_device(occupied), on_device(rays), on_device(jitter))()
    near, far = rays[:, 6:7], rays[:, 7:8]
    distance = near + (torch.arange(12) + jitter) * (far - near) / 12
    everywhere = rays[:, None, :3] + distance[..., None] * rays[:, None, 3:6]
    i, j, k = cell_of(everywhere, 6).clamp(0, 5).unbind(-1)
    keep = occupied[k, j, i] & (far > near)
    assert not keep[3].any()
    assert keep.any(1)[:3].all()
    assert torch.allclose(got.cpu(), everywhere[keep], atol=1e-5)
    assert start.tolist() == [0, *keep.sum(1).cumsum(0).tolist()]
    assert torch.allclose(spacing.cpu(), ((far - near) / 12)[:, 0])

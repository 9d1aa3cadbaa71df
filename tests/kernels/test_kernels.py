"""Every kernel's value and gradient against its plain torch reference."""

import numpy as np
import pytest
import torch

from xct4d.kernels import bspline, flow, hashgrid, mlp, segments, trilinear
from xct4d.kernels.adam import BETA1, BETA2, EPSILON, adam_step
from xct4d.kernels.cpu import rows
from xct4d.kernels.cpu import trilinear as cpu_trilinear
from xct4d.kernels.reference import bspline as spline_reference
from xct4d.kernels.reference import hashgrid as hash_reference
from xct4d.kernels.reference import mlp as mlp_reference
from xct4d.kernels.reference import segments as segments_reference
from xct4d.kernels.reference import trilinear as trilinear_reference
from xct4d.kernels.shared import bspline as scalars


def assert_same(fast, reference, inputs, tolerance=2e-5):
    """Values and all gradients agree, relative to the largest entry."""
    a, b = fast(*inputs), reference(*inputs)
    cotangent = torch.randn(a.shape, generator=torch.Generator().manual_seed(1))
    wanted = [x for x in inputs if isinstance(x, torch.Tensor) and x.requires_grad]
    pairs = [(a, b), *zip(torch.autograd.grad(a, wanted, cotangent), torch.autograd.grad(b, wanted, cotangent), strict=True)]
    for x, y in pairs:
        assert torch.isfinite(x).all()
        assert (x - y).abs().max() <= tolerance * y.abs().max()


def points(count, half_width=1.2, seed=0):
    """Random points, some of them outside the box."""
    return (torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * half_width


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


LAYOUTS = [(1, 12, 8, 8), (5, 19, 4, 32), (8, 10, 4, 128), (16, 14, 16, 512)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hash_encoding(layout):
    layout = hashgrid.HashLayout(*layout)
    table = normal(layout.entries, 2).requires_grad_()
    x = points(2000)
    # At 512 cells a float32 coordinate places a point to 3e-5 of a cell.
    assert_same(lambda t: hashgrid.encode(t, x, layout), lambda t: hash_reference.encode(t, x, layout), [table], tolerance=2e-4)


def test_hash_encoding_at_the_faces_of_the_box():
    layout = hashgrid.HashLayout(8, 10, 4, 128)
    corners = torch.tensor([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    table = normal(layout.entries, 2).requires_grad_()
    assert_same(lambda t: hashgrid.encode(t, corners, layout), lambda t: hash_reference.encode(t, corners, layout), [table])


def test_a_fine_level_interpolates_linearly():
    """On a plain grid the encoding of a linear function of the nodes is that function."""
    layout = hashgrid.HashLayout(1, 14, 16, 16)
    n, scale = int(layout.nodes[0]), float(layout.scale[0])
    k, j, i = np.meshgrid(*3 * [np.arange(n)], indexing="ij")
    node = (np.stack([i, j, k], -1).reshape(-1, 3) - 0.5) / scale * 2 - 1
    table = torch.zeros(layout.entries, 2)
    table[: n**3, 0] = torch.from_numpy(node @ [1.0, -2.0, 3.0]).float()
    x = points(500, half_width=0.9)
    assert torch.allclose(hashgrid.encode(table, x, layout)[:, 0], x @ torch.tensor([1.0, -2.0, 3.0]), atol=1e-5)


def test_perceptron():
    inputs = [normal(3000, 24), normal(24, 64, seed=1), normal(64, seed=2)]
    assert_same(mlp.perceptron, mlp_reference.perceptron, [t.requires_grad_() for t in inputs])


def test_trilinear():
    volume = normal(17, 17, 17)
    assert_same(lambda x: trilinear.sample(volume, x), lambda x: trilinear_reference.sample(volume, x), [points(3000).requires_grad_()])


@pytest.mark.parametrize("n", [1, 2, 17])
def test_trilinear_gradient_of_the_volume(n):
    faces = torch.tensor([[-1.0, 1.0, 0.2], [1.0, -1.0, 1.0], [-1.0, -1.0, -1.0], [0.0, 0.0, 0.0]])
    inputs = [normal(n, n, n).requires_grad_(), torch.cat([points(3000), faces]).requires_grad_()]
    assert_same(trilinear.sample, trilinear_reference.sample, inputs)


def test_trilinear_gradient_of_the_volume_by_finite_differences():
    """The values are linear in the voxels: differences are exact but for rounding."""
    volume, x, cotangent = normal(6, 6, 6).requires_grad_(), points(400), normal(400, seed=2)
    (gradient,) = torch.autograd.grad(trilinear.sample(volume, x), volume, cotangent)
    direction = normal(6, 6, 6, seed=3)
    ahead, behind = (trilinear.sample(volume.detach() + sign * direction, x) @ cotangent for sign in (1, -1))
    assert float((ahead - behind) / 2) == pytest.approx(float((gradient * direction).sum()), rel=1e-4)


@pytest.mark.parametrize("slabs", [2, 5, 40])
def test_trilinear_gradient_of_the_volume_does_not_depend_on_the_slabs(monkeypatch, slabs):
    """Nor on the threads, for each of which there are some."""
    x, cotangent = points(5000), normal(5000, seed=2)
    monkeypatch.setattr(cpu_trilinear, "SLABS", 1)
    whole = cpu_trilinear.sample_adjoint(cotangent, x, 17)
    monkeypatch.setattr(cpu_trilinear, "SLABS", slabs)
    assert torch.equal(cpu_trilinear.sample_adjoint(cotangent, x, 17), whole)


def test_segment_sum_with_empty_segments():
    start = torch.tensor([0, 0, 5, 5, 12, 20, 20])
    assert_same(lambda v: segments.segment_sum(v, start), lambda v: segments_reference.segment_sum(v, start), [normal(20).requires_grad_()])


@pytest.mark.parametrize("solver", list(flow.TABLEAUS))
@pytest.mark.parametrize("n", [4, 7, 15])
@pytest.mark.parametrize(("start", "stop"), [(0.7, 0.0), (0.2, 1.0)])
def test_flow(solver, n, start, stop):
    table = flow.FlowTable((flow.TimeSteps(start, stop, 0.25, solver),))
    control = (0.3 * normal(len(table.times), n, n, n, 3)).requires_grad_()
    x = points(700, half_width=1.1).requires_grad_()
    assert_same(lambda c, p: flow.flow(c, [p], table)[0], lambda c, p: spline_reference.flow(c, [p], table)[0], [control, x])


def test_groups_are_carried_together_each_through_its_own_steps():
    """Other numbers of steps, other directions, one that stays, one without points."""
    spans = [(0.7, 0.0), (0.1, 0.0), (0.3, 0.3), (0.0, 1.0), (0.5, 0.6)]
    table = flow.FlowTable(tuple(flow.TimeSteps(start, stop, 0.25, "midpoint") for start, stop in spans))
    control = (0.3 * normal(len(table.times), 6, 6, 6, 3)).requires_grad_()
    x = points(500).requires_grad_()
    sizes = [150, 7, 40, 303, 0]
    together = flow.flow(control, x.split(sizes), table)
    assert [len(group) for group in together] == sizes
    assert torch.equal(together[2], x[157:197])
    assert_same(
        lambda c, p: torch.cat(flow.flow(c, p.split(sizes), table)),
        lambda c, p: torch.cat(spline_reference.flow(c, p.split(sizes), table)),
        [control, x],
    )


def test_flow_with_a_cotangent_at_some_points_only():
    """The adjoint skips points without a cotangent, which must not change what the others get."""
    table = flow.FlowTable((flow.TimeSteps(0.6, 0.0, 0.2, "rk4"),))
    control = (0.3 * normal(len(table.times), 6, 6, 6, 3)).requires_grad_()
    x = points(300).requires_grad_()
    mask = (torch.arange(300) % 3 == 0).float()[:, None]
    assert_same(lambda c, p: flow.flow(c, [p], table)[0] * mask, lambda c, p: spline_reference.flow(c, [p], table)[0] * mask, [control, x])


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_the_order_of_the_solvers(solver, order):
    """A rotation about z, whose flow is known: the error falls with the step's order."""
    n = 5
    place = -1 + (torch.arange(n) - 1) * (2 / (n - 3))
    _, y, x = torch.meshgrid(place, place, place, indexing="ij")
    spin = torch.stack([-y, x, torch.zeros_like(x)], -1).double()
    start = points(50, half_width=0.6)

    def error(steps):
        table = flow.FlowTable((flow.TimeSteps(0.0, 1.0, 1 / steps, solver),))
        (end,) = spline_reference.flow(spin.expand(len(table.times), n, n, n, 3), [start.double()], table)
        c, s = np.cos(1.0), np.sin(1.0)
        return (end - start.double() @ torch.tensor([[c, s, 0], [-s, c, 0], [0, 0, 1.0]], dtype=torch.float64)).norm(dim=-1).max()

    assert np.log2(float(error(4) / error(8))) == pytest.approx(order, abs=0.25)


def assert_near(found, expected, tolerance):
    """Values and gradients agree, relative to the largest entry."""
    for x, y in zip(found, expected, strict=True):
        assert x.shape == y.shape
        assert (x - y).abs().max() <= tolerance * y.abs().max()


@pytest.mark.parametrize("n", [4, 9])
def test_the_gradient_of_a_vector_spline(n):
    control, x = normal(n, n, n, 3), points(900)
    assert_near(bspline.sample_vector_with_gradient(control, x), spline_reference.sample_vector_with_gradient(control, x), 2e-5)


@pytest.mark.parametrize("solver", list(flow.TABLEAUS))
@pytest.mark.parametrize(("start", "stop"), [(0.7, 0.0), (0.2, 1.0), (0.4, 0.4)])
def test_flow_with_gradient(solver, start, stop):
    table = flow.FlowTable((flow.TimeSteps(start, stop, 0.25, solver),))
    control, x = 0.3 * normal(len(table.times), 7, 7, 7, 3), points(700, half_width=1.1)
    found = flow.flow_with_gradient(control, x, table)
    assert_near(found, spline_reference.flow_with_gradient(control, x, table), 2e-5)
    if len(table.times):
        assert_near(found[:1], flow.flow(control, [x], table), 1e-6)


def test_the_gradient_of_the_flow_is_that_of_close_points():
    table = flow.FlowTable((flow.TimeSteps(0.0, 0.8, 0.1, "midpoint"),))
    control, x, step = 0.3 * normal(len(table.times), 7, 7, 7, 3), points(300, half_width=0.6), 2e-3
    sides = [flow.flow(control, [x + sign * step * torch.eye(3)[axis]], table)[0] for axis in range(3) for sign in (1, -1)]
    differences = torch.stack([(ahead - behind) / (2 * step) for ahead, behind in zip(sides[::2], sides[1::2], strict=True)], -1)
    assert (flow.flow_with_gradient(control, x, table)[1] - differences).abs().max() < 2e-3


LINEAR = {
    "rotation": [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    "stretch": [[0.3, 0.0, 0.0], [0.0, -0.5, 0.0], [0.0, 0.0, 0.2]],
    "shear": [[0.0, 0.6, 0.0], [0.0, 0.0, 0.0], [0.0, -0.4, 0.0]],
    "all at once": [[0.1, -0.5, 0.2], [0.4, -0.2, 0.3], [-0.1, 0.2, 0.3]],
}


@pytest.mark.parametrize("motion", LINEAR)
def test_the_deformation_gradient_of_linear_motion(motion):
    """v = 2 t A x carries x to F x, F = exp(A (stop^2 - start^2)): a spline holds every linear function."""
    n, start, stop, matrix = 6, 0.1, 0.9, torch.tensor(LINEAR[motion])
    table = flow.FlowTable((flow.TimeSteps(start, stop, 0.1, "rk4"),))
    place = -1 + (torch.arange(n) - 1) * (2 / (n - 3))
    z, y, x = torch.meshgrid(place, place, place, indexing="ij")
    control = torch.stack([2 * float(t) * torch.stack([x, y, z], -1) @ matrix.T for t in table.times])
    expected = torch.linalg.matrix_exp(matrix * (stop**2 - start**2))
    inside = points(200, half_width=0.4)
    end, gradient = flow.flow_with_gradient(control, inside, table)
    assert (end - inside @ expected.T).abs().max() < 1e-5
    assert (gradient - expected).abs().max() < 1e-5


def test_the_deformation_gradient_is_of_one_group():
    steps = flow.TimeSteps(0.0, 1.0, 0.5, "euler")
    with pytest.raises(ValueError, match="one group of points, not of 2"):
        flow.flow_with_gradient(torch.zeros(2, 4, 4, 4, 3), points(5), flow.FlowTable((steps, steps)))


def test_a_flow_table_has_one_solver():
    with pytest.raises(ValueError, match="one solver"):
        flow.FlowTable((flow.TimeSteps(0.0, 1.0, 0.5, "euler"), flow.TimeSteps(0.0, 1.0, 0.5, "rk4")))


@pytest.mark.parametrize("n", [4, 7])
def test_vector_instructions_compute_what_scalars_compute(n):
    """Values and the points' gradients; what is added to the control points' gradient only where it belongs."""
    control, before = normal(n**3 * 3 + 6).numpy(), normal(n**3 * 3 + 4, seed=1).numpy()
    for x, g in zip(points(60).tolist() + [[1.0, -1.0, 1.0]], normal(61, 3, seed=2).tolist(), strict=True):
        x, g = np.float32(x), np.float32(g)
        assert rows.vector_at(control, 6, n, *x) == pytest.approx(scalars.vector_at(control, 6, n, *x), abs=1e-6)
        out = before.copy()
        got = rows.vector_adjoint(control, 6, n, *x, *g, out, 4)
        assert got == pytest.approx(scalars.vector_vjp(control, 6, n, *x, *g), abs=2e-5)
        assert (out[:4] == before[:4]).all()
        added = (out - before)[4:].astype(float)
        assert added.sum() == pytest.approx(float(g.sum()), abs=1e-4)  # the weights sum to one
        assert (added * control[6:]).sum() == pytest.approx(float(np.dot(g, scalars.vector_at(control, 6, n, *x))), abs=1e-3)


def test_scalar_spline():
    x = points(2000)
    control = normal(8, 8, 8).requires_grad_()
    assert_same(lambda c: bspline.sample(c, x), lambda c: spline_reference.sample(c[..., None], x)[:, 0], [control])


@pytest.mark.parametrize(("coarse", "fine"), [(6, 9), (9, 15), (15, 27), (27, 51)])
def test_refinement_on_the_ladder_is_exact(coarse, fine):
    x = np.linspace(-1, 1, 501)
    control = np.random.default_rng(0).normal(size=coarse)
    assert np.abs(bspline.basis(fine, x) @ bspline.refinement(coarse, fine) @ control - bspline.basis(coarse, x) @ control).max() < 1e-13


def test_refinement_off_the_ladder_is_the_best_fit():
    x = np.linspace(-1, 1, 8 * 20)
    control = np.random.default_rng(0).normal(size=8)
    fitted = bspline.refinement(8, 20) @ control

    def error(c):
        return np.sum((bspline.basis(20, x) @ c - bspline.basis(8, x) @ control) ** 2)

    rng = np.random.default_rng(1)
    assert all(error(fitted) <= error(fitted + 1e-3 * rng.normal(size=20)) for _ in range(20))


def test_bending_matrices():
    """Against quadrature of the second derivative of a known cubic, x^3 in its spline form."""
    n = 8
    x = np.linspace(-1, 1, 200)
    control = np.linalg.lstsq(bspline.basis(n, x), x**3, rcond=None)[0]
    value, first, second = bspline.bending_matrices(n)
    assert control @ value @ control == pytest.approx(2 / 7, rel=1e-9)
    assert control @ first @ control == pytest.approx(18 / 5, rel=1e-9)
    assert control @ second @ control == pytest.approx(24, rel=1e-9)


def test_adam():
    rng = np.random.default_rng(0)
    value, grad = rng.normal(size=(2, 1000)).astype(np.float32)
    grad[::3] = 0
    first, second = np.zeros_like(value), np.zeros_like(value)
    mine, m, s = value.copy(), first.copy(), second.copy()
    for step in (1, 2, 3):
        adam_step(*map(torch.from_numpy, (mine, grad, m, s)), rate=0.01, step=step)
        first = np.where(grad == 0, first, BETA1 * first + (1 - BETA1) * grad)
        second = np.where(grad == 0, second, BETA2 * second + (1 - BETA2) * grad**2)
        update = 0.01 * first / (1 - BETA1**step) / (np.sqrt(second / (1 - BETA2**step)) + EPSILON)
        value = value - np.where(grad == 0, 0, update)
    assert np.abs(mine - value).max() < 1e-5
    assert np.array_equal(mine[::3], value[::3])

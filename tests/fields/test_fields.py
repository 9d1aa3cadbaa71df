"""The fields: refinement, smoothness, mixing, storage."""

import numpy as np
import pytest
import torch
from pretended_gpu import CUDA, PretendedGpu
from scipy.ndimage import gaussian_filter

from xct4d.config import HashGrid, Mixing
from xct4d.errors import InputError
from xct4d.fields import storage
from xct4d.fields.baked import BakedField
from xct4d.fields.density import DensityField
from xct4d.fields.evolution import Evolution
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixers.constant import ConstantMixer
from xct4d.fields.mixers.registry import MIXERS
from xct4d.fields.mixers.smoothstep import SmoothStepMixer
from xct4d.fields.mixers.spline import SplineMixer
from xct4d.fields.mixers.temporal import TemporalMixer
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres

POINTS = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


def random_velocity(n, *, modes=5, scale=0.3):
    field = VelocityField(n, modes, longest_step=0.1, solver="rk4")
    with torch.no_grad():
        field.control.normal_(std=scale, generator=torch.Generator().manual_seed(n))
    return field


def random_density():
    field = DensityField(HashGrid(levels=4, log2_size=10, coarsest=4, finest=32, width=16))
    field.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        field.table.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
    return field


def test_a_change_is_added_where_it_is_and_kept_on_disk(tmp_path):
    """To a ball in voxels: another ball beside it, and half of its own attenuation away."""
    axis = voxel_centres(24)
    points = grid_points(axis, axis, axis)
    first, second = (
        torch.from_numpy((np.linalg.norm(points - centre, axis=1) < 0.25).astype(np.float32)).reshape(24, 24, 24)
        for centre in ([-0.5, 0, 0], [0.5, 0.3, 0])
    )
    field = DensityField(HashGrid(levels=1, log2_size=8, coarsest=4, finest=4, width=8), first)
    field.initialise(torch.Generator().manual_seed(0))
    field.find_empty_cells(np.random.default_rng(0))
    field.change_by(2 * second - 1.5 * first, np.random.default_rng(0))
    field.save(tmp_path / "field.safetensors")
    found = DensityField.load(tmp_path / "field.safetensors").evaluate(torch.from_numpy(points).float()).reshape(24, 24, 24)
    assert torch.equal(found, field.evaluate(torch.from_numpy(points).float()).reshape(24, 24, 24))
    assert (found - 2 * second).abs().max() < 1e-3  # less than nothing is nothing


@pytest.mark.parametrize(("coarse", "fine"), [(6, 9), (9, 15), (6, 15), (15, 27)])
def test_a_refined_velocity_is_the_same_field(coarse, fine):
    field = random_velocity(coarse)
    with torch.no_grad():
        before, after = field.flow(POINTS, 0.1, 0.9), field.refined(fine).flow(POINTS, 0.1, 0.9)
    assert (before - POINTS).norm(dim=-1).max() > 0.1
    assert (before - after).abs().max() < 2e-6


def test_off_the_ladder_refinement_stays_close():
    field = random_velocity(6)
    with torch.no_grad():
        assert (field.flow(POINTS, 0.0, 1.0) - field.refined(20).flow(POINTS, 0.0, 1.0)).abs().max() < 5e-3


def test_bending_energy_of_a_quadratic():
    """v_x = x^2 + y z has second derivatives 2 (xx) and 1 (yz, twice): energy (4 + 2) * 8."""
    n = 7
    place = -1 + (torch.arange(n) - 1) * (2 / (n - 3))
    field = VelocityField(n, 4, longest_step=0.1, solver="rk4")
    square = place**2 - (2 / (n - 3)) ** 2 / 3  # control points whose cubic spline is x^2
    with torch.no_grad():
        field.control[..., 0] = square[None, None, :] + place[None, :, None] * place[:, None, None]
    assert field.bending_energy(np.array([0.2, 0.7])).item() == pytest.approx(48, rel=1e-4)


def test_the_gradient_of_the_bending_energy():
    """Central differences of a quadratic are exact, along any direction."""
    field, times = random_velocity(6), np.array([0.1, 0.6])
    direction = torch.randn(field.control.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(3 * field.bending_energy(times), field.control)
    energies = []
    for sign in (1, -1):
        with torch.no_grad():
            moved = random_velocity(6)
            moved.control += 0.5 * sign * direction
            energies.append(3 * float(moved.bending_energy(times)))
    assert float((gradient * direction).sum()) == pytest.approx(energies[0] - energies[1], rel=1e-4)


def test_a_straight_motion_has_no_bending_energy():
    field = random_velocity(6)
    with torch.no_grad():
        place = -1 + (torch.arange(6) - 1) * (2 / 3)
        field.control[:] = 0
        field.control[..., 2] = 0.3 * place + 0.1
    assert float(field.bending_energy(np.array([0.5])).detach()) < 1e-6


def test_the_simple_mixers():
    for mixer, wanted in ((ConstantMixer(0.3), 0.3), (TemporalMixer(), 0.25), (SmoothStepMixer(), 3 * 0.25**2 - 2 * 0.25**3)):
        assert torch.allclose(mixer(POINTS, 0.25), torch.full((300,), wanted))
    assert isinstance(MIXERS["smoothstep"].from_settings(Mixing(method="smoothstep")), SmoothStepMixer)


def test_the_spline_mixer_starts_at_t_and_keeps_the_ends():
    mixer = SplineMixer(6, 5)
    for t in (0.0, 0.3, 1.0):
        assert torch.allclose(mixer(POINTS, t), torch.full((300,), t), atol=1e-6)
    with torch.no_grad():
        mixer.control.normal_(generator=torch.Generator().manual_seed(0))
    assert torch.all(mixer(POINTS, 0.0) == 0)
    assert torch.all(mixer(POINTS, 1.0) == 1)
    assert mixer(POINTS, 0.5).std() > 0.01


def test_fields_come_back_from_disk(tmp_path):
    density, velocity, flat = random_density(), random_velocity(6), FlatField.between(0.1, 0.2, 6)
    density.cells[:10] = False
    density.save(tmp_path / "d")
    velocity.save(tmp_path / "v")
    flat.save(tmp_path / "f")
    assert torch.equal(DensityField.load(tmp_path / "d").evaluate(POINTS), density.evaluate(POINTS))
    with torch.no_grad():
        assert torch.equal(VelocityField.load(tmp_path / "v").flow(POINTS, 0.2, 0.8), velocity.flow(POINTS, 0.2, 0.8))
    assert float(FlatField.load(tmp_path / "f")(0.4)) == float(flat(0.4))
    (tmp_path / "again").parent.mkdir(exist_ok=True)
    density.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "d").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "truncated", "other kind"])
def test_a_damaged_field_is_one_clear_line(tmp_path, damage):
    path = tmp_path / "field.safetensors"
    if damage != "missing":
        random_velocity(6).save(path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError) as error:
        (DensityField if damage == "other kind" else VelocityField).load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_field_without_a_header_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"control": torch.zeros(3)}, tmp_path / "x")
    with pytest.raises(InputError, match="no field"):
        storage.read(tmp_path / "x", "velocity")


def test_a_baked_field_is_the_field_at_voxel_centres():
    field = random_density()
    baked = BakedField.bake(field, 12)
    axis = voxel_centres(12)
    points = torch.from_numpy(grid_points(axis, axis, axis).astype(np.float32))
    assert torch.allclose(baked(points), field.evaluate(points), atol=1e-6)


def test_blurring_keeps_the_mass_and_widens():
    volume = torch.zeros(40, 40, 40)
    volume[20, 20, 20] = 1
    blurred = BakedField(volume).blurred(0.1).volume  # 2 voxels
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-3)
    axis = torch.arange(40.0) - 20
    for other in ((0, 1), (0, 2), (1, 2)):
        assert float((blurred.sum(other) * axis**2).sum()) ** 0.5 == pytest.approx(2, rel=0.05)


def test_blurring_is_that_of_a_known_library():
    volume = torch.rand(20, 20, 20, generator=torch.Generator().manual_seed(0))
    wanted = gaussian_filter(volume.numpy(), 1.5, mode="constant", truncate=3.0)
    np.testing.assert_allclose(BakedField(volume).blurred(0.15).volume, wanted, atol=1e-6)


@pytest.mark.parametrize("n", [6, 5, 9])
def test_a_coarser_baked_field_is_the_mean_over_each_voxel(n):
    volume = torch.rand(12, 12, 12, generator=torch.Generator().manual_seed(0))
    fine = volume.numpy()
    for axis in range(3):
        fine = np.repeat(fine, n, axis)  # parts that both grids divide into
    wanted = fine.reshape(n, 12, n, 12, n, 12).mean((1, 3, 5))
    np.testing.assert_allclose(BakedField(volume).coarser(n).volume, wanted, atol=1e-5)


@pytest.mark.parametrize(("largest", "dtype"), [(30.0, torch.half), (1e5, torch.float), (1e-4, torch.float)])
def test_a_gpu_holds_baked_fields_in_half_precision_where_that_is_exact_enough(largest, dtype):
    voxels = (largest * np.linspace(0, 1, 8**3)).astype(np.float32).reshape(8, 8, 8)
    with PretendedGpu():
        here = BakedField(torch.from_numpy(voxels))
        there = here.to(CUDA)
        assert there.volume.dtype == there.blurred(0.3).volume.dtype == dtype
        assert abs(there.volume.cpu().float().numpy() - voxels).max() <= largest * 2**-11
        assert here.to(torch.device("cpu")).volume.dtype == torch.float


def test_mixed_attenuation_blends_the_carried_canonicals():
    forward, backward, velocity = random_density(), random_density(), random_velocity(6, scale=0.1)
    with torch.no_grad():
        backward.table.uniform_(-1, 1, generator=torch.Generator().manual_seed(9))
    evolution = Evolution(forward, backward, velocity, TemporalMixer(), FlatField.constant(1.0))
    got = evolution.attenuation(POINTS, 0.3, ["mixed", "forward", "backward"])
    with torch.no_grad():
        wanted = forward.evaluate(velocity.flow(POINTS, 0.3, 0.0)), backward.evaluate(velocity.flow(POINTS, 0.3, 1.0))
    assert torch.allclose(got["forward"], wanted[0])
    assert torch.allclose(got["backward"], wanted[1])
    assert torch.allclose(got["mixed"], 0.7 * wanted[0] + 0.3 * wanted[1], atol=1e-6)
    outside = evolution.attenuation(POINTS + 3, 0.3, ["mixed"])["mixed"]
    assert torch.all(outside == 0)


def test_stretch_rate():
    """v = (0.3 x, 0, 0) stretches along x by 0.3 and a rotation not at all."""
    n = 6
    place = -1 + (torch.arange(n) - 1) * (2 / (n - 3))
    field = VelocityField(n, 4, longest_step=0.1, solver="rk4")
    inner, along_x = POINTS * 0.6, torch.tensor([[1.0, 0.0, 0.0]]).expand(300, 3)
    with torch.no_grad():
        field.control[..., 0] = 0.3 * place
        assert torch.allclose(field.stretch_rate(inner, along_x, 0.4), torch.full((300,), 0.3), atol=1e-5)
        field.control[..., 0] = -place[None, :, None]  # v_x = -y
        field.control[..., 1] = place  # v_y = x
        tilted = torch.nn.functional.normalize(torch.tensor([[1.0, 2.0, -0.5]]), dim=-1).expand(300, 3)
        assert field.stretch_rate(inner, tilted, 0.4).abs().max() < 1e-5

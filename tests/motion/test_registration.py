"""Registration of two scans, the sequence between them, and the kernels of both."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from squeezed_balls import BALLS, SQUEEZED, make_outputs, sequence, thing, views

from xct4d.config import Registration
from xct4d.fields.conservation import LAWS
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.rays import cast
from xct4d.io import prepared
from xct4d.kernels.cpu.matching import carried, difference
from xct4d.kernels.cpu.splatting import Particles, splat, splat_adjoint
from xct4d.motion import registration
from xct4d.motion.quasi_newton import StiffBasis
from xct4d.motion.registration import Scale, locally_normalised, register_scans
from xct4d.motion.sequence import Fineness, SequenceFit, fitted_pace
from xct4d.phantom import motions, shapes
from xct4d.phantom.truth import Phantom
from xct4d.stages import register as stages

RNG = np.random.default_rng(3)
COARSE = (Scale(4, 10, 24, 0.15, 12), Scale(6, 14, 32, 0.08, 12), Scale(9, 18, 40, 0.05, 12))


def error(field, truth, t):
    """Mean distance between where the material at t came from and where the field says so; as a part of how far it came."""
    axis = voxel_centres(14)
    points = grid_points(axis, axis, axis)
    points = points[truth.density(points, t) > 0]
    true = truth.flow(points, t, 0.0)
    with torch.no_grad():
        found = field.flow(torch.from_numpy(points.astype(np.float32)), t, 0.0).numpy()
    return np.linalg.norm(found - true, axis=1).mean() / np.linalg.norm(points - true, axis=1).mean()


def moving(control, modes=6):
    field = VelocityField(control.shape[1], modes, longest_step=0.1, solver="midpoint")
    with torch.no_grad():
        field.control.copy_(torch.from_numpy(np.broadcast_to(control, field.control.shape).astype(np.float32)))
    return field


def test_local_normalisation_does_not_see_brightness():
    volume = RNG.random((24, 24, 24)).astype(np.float32) + 1
    once, twice = (locally_normalised(factor * volume, 0.1) for factor in (1.0, 2.0))
    np.testing.assert_allclose(once, twice, atol=2e-4)


@pytest.mark.parametrize("conserved", [False, True])
def test_gradient_of_the_match(conserved):
    volume = torch.nn.functional.avg_pool3d(torch.rand(1, 1, 20, 20, 20), 5, 1, 2)[0, 0].numpy()
    points = RNG.uniform(-0.7, 0.7, (50, 3)).astype(np.float32)
    maps = np.concatenate([RNG.normal(0, 0.02, (6, 6, 6, 3)), RNG.uniform(0.8, 1.2, (6, 6, 6, 1))], -1).astype(np.float32)
    values = RNG.random(50).astype(np.float32)
    value, gradient = difference(points, values, maps, volume, conserved)
    assert value == pytest.approx(0.5 * np.mean((carried(points, maps, volume, conserved) - values) ** 2), rel=1e-5)
    direction = np.float32(2e-3) * gradient / np.abs(gradient).max()
    ahead, behind = (difference(points, values, maps + np.float32(s) * direction, volume, conserved)[0] for s in (1, -1))
    assert (ahead - behind) / 2 == pytest.approx(float((gradient * direction).sum()), rel=2e-2)


def test_splatted_line_integrals_are_those_of_the_phantom():
    truth, cameras = thing(SQUEEZED), views(30, size=32)
    volume = truth.volume(101, 0.0)  # whose point samples hold the mass of the balls to 0.2 %
    g = 10
    axis = voxel_centres(g)
    nodes = np.column_stack([grid_points(axis, axis, axis), np.ones(g**3)]).astype(np.float32)
    image = np.zeros((32, 32), np.float32)
    splat(Particles.of(volume, volume > 0.01, g), nodes, cameras, 0, 1.0, image)
    rows, columns = np.mgrid[0:128, 0:128] / 4 + 0.125
    rays = cast(cameras, np.zeros(128**2, int), columns.ravel(), rows.ravel())
    exact = truth.line_integrals(rays, 0.0).reshape(32, 4, 32, 4).mean((1, 3))
    assert np.abs(image - exact).mean() < 0.02 * exact.max()
    assert image.sum() == pytest.approx(exact.sum(), rel=5e-3)


def test_particles_and_pixels_make_no_moire():
    """A block along the rays behind pixels of 1.7 voxels: rows and columns show its thickness, without stripes."""
    volume, cameras, g = np.zeros((40, 40, 40), np.float32), views(0, size=34), 6
    volume[8:32, 8:32, 8:32] = 1
    axis = voxel_centres(g)
    nodes = np.column_stack([grid_points(axis, axis, axis), np.ones(g**3)]).astype(np.float32)
    image = np.zeros((34, 34), np.float32)
    splat(Particles.of(volume, volume > 0, g), nodes, cameras, 0, 1.0, image)
    at = np.arange(12, 22) + 0.5
    rays = cast(cameras, np.zeros(100, int), np.tile(at, 10), np.repeat(at, 10))
    ratio = image[12:22, 12:22] * np.abs(rays[:, 3]).reshape(10, 10) / 1.2
    for stripes in (ratio.mean(0), ratio.mean(1)):
        np.testing.assert_allclose(stripes, 1, atol=0.005)


def test_splatting_and_its_adjoint_agree():
    cameras, g = views(30, size=24), 6
    volume = thing(SQUEEZED).volume(24, 0.0)
    particles = Particles.of(volume, volume > 0.01, g)
    axis = voxel_centres(g)
    nodes = np.column_stack([grid_points(axis, axis, axis), np.full(g**3, 1.1)]).astype(np.float32)
    pull = np.add.outer(np.linspace(-1, 1, 24) ** 2, np.sin(np.linspace(0, 5, 24))).astype(np.float32)  # smooth, or the tent's kinks show
    gradient = np.zeros_like(nodes)
    splat_adjoint(particles, nodes, cameras, 0, 0.7, pull, gradient)
    direction = RNG.normal(0, 0.01, nodes.shape).astype(np.float32)
    found = []
    for sign in (1, -1):
        image = np.zeros((24, 24), np.float32)
        splat(particles, nodes + np.float32(sign) * direction, cameras, 0, 0.7, image)
        found.append(float((image.astype(np.float64) * pull).sum()))
    assert (found[0] - found[1]) / 2 == pytest.approx(float((gradient * direction).sum()), rel=3e-2)


def test_bending_is_diagonal_for_motions_along_one_axis():
    basis = StiffBasis.of(9, 4)
    y = np.zeros((4, 9, 9, 9, 3))
    y[:, 7, 0, 0, 1] = 1.0
    field = moving(basis.control(y), modes=4)
    energy = float(field.bending_energy(np.linspace(0, 1, 401)).detach())
    # nearly: the first derivatives of the linear mode mix in
    assert energy == pytest.approx((y**2).sum() * basis.stiffness[7] ** 2, rel=6e-2)


def test_a_squeezed_object_is_registered_and_paced():
    truth = thing(SQUEEZED)
    scans = truth.volume(48, 0.0), truth.volume(48, 1.0)
    found = register_scans(scans, bending_weight=0.3, coarse=COARSE, fine=())
    assert found.law == "attenuation"
    assert error(moving(found.control), truth, 1.0) < 0.4
    shots = sequence(truth, np.linspace(0.1, 0.9, 5))
    rates = fitted_pace(scans, shots, found.control.astype(float), "attenuation", 6, fineness=Fineness(14, 32, 0.06, 0.07, 0.06))
    paced = moving(rates[:, None, None, None, None] * found.control)
    assert error(moving(found.control), truth, 0.5) > 0.5  # the path is not linear in time
    assert error(paced, truth, 0.5) < 0.45


def test_kept_mass_is_recognised():
    truth = thing(SQUEEZED, conserves_mass=True)
    found = register_scans((truth.volume(48, 0.0), truth.volume(48, 1.0)), bending_weight=0.3, coarse=COARSE, fine=())
    assert found.law == "mass"
    assert found.attenuation["mass"] < registration.MASS_IS_KEPT * found.attenuation["attenuation"]
    assert error(moving(found.control), truth, 1.0) < 0.4


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("law", LAWS)
def test_gradient_of_the_sequence(law, masked):
    truth = thing(SQUEEZED, conserves_mass=law == "mass")
    scans = truth.volume(32, 0.0), truth.volume(32, 1.0)
    look = Fineness(12, 32, 0.08, 0.07, 0.08)
    shots = [leaden(p) if masked else p for p in sequence(truth, (0.3, 0.7))]
    cost = SequenceFit(scans, shots, np.zeros((4, 6, 6, 6, 3)), law, look, bending_weight=0.01)
    control = RNG.normal(0, 0.02, (4, 6, 6, 6, 3))
    cost.weigh(control)
    _, gradient = cost(control)
    direction = RNG.normal(size=control.shape) * 2e-3
    assert (cost(control + direction)[0] - cost(control - direction)[0]) / 2 == pytest.approx((gradient * direction).sum(), rel=3e-2)


def leaden(shot, *, masked=True):
    """Projections with a wire of lead, which may not count."""
    image, counts = shot.image.copy(), np.ones(shot.image.shape, bool)
    counts[:, :, 12:15] = False
    image[~counts] = 8.0
    return dataclasses.replace(shot, image=image, counts=counts if masked else None)


def test_pixels_that_do_not_count_are_not_fitted():
    rest = {"type": "rigid", "displacements": [0.0, 0.0, 0.0]}
    scan, still = thing(rest).volume(48, 0.0), np.zeros((4, 6, 6, 6, 3))
    shots, look = sequence(thing(rest), (0.3, 0.7)), Fineness(12, 48, 0.05, 0.07, 0.05)
    kinds = (shots, [leaden(p) for p in shots], [leaden(p, masked=False) for p in shots])
    fits = [SequenceFit((scan, scan), own, still, "attenuation", look, bending_weight=0.0) for own in kinds]
    clean, masked, spoiled = (float(fit.residual_by_time(still)[0]) for fit in fits)
    assert masked == pytest.approx(clean, rel=0.5)  # other pixels are left
    assert spoiled > 5 * clean


def test_what_is_too_faint_to_follow_is_still_projected():
    """Air of half a per cent of the balls' attenuation, and balls that rest: the scans explain the sequence."""
    faint = {"type": "sphere", "center": [0.0, 0.0, 0.0], "radius": 0.95, "rho": 0.0025}
    tree = shapes.parse({"type": "object_collection", "objects": [*BALLS, faint]}, source="test", folder=None)
    rest = {"type": "rigid", "displacements": [0.0, 0.0, 0.0]}
    in_air = Phantom(tree, motions.parse(rest, source="test"), conserves_mass=False)
    scan = in_air.volume(48, 0.0)
    hazy, clear = (
        SequenceFit(
            (volume, volume),
            sequence(truth, (0.5,)),
            np.zeros((4, 6, 6, 6, 3)),
            "attenuation",
            Fineness(12, 48, 0.05, 0.07, 0.05),
            bending_weight=0.0,
        )
        for volume, truth in (
            (scan, in_air),
            (np.where(scan > 0.1, scan, 0), thing(rest)),
        )
    )
    left = [float(fit.residual_by_time(np.zeros((4, 6, 6, 6, 3)))[0]) for fit in (hazy, clear)]
    assert left[0] == pytest.approx(left[1], rel=0.2)


def test_the_sequence_mends_the_path():
    """Two parts of the object move at different times, which no pace can say."""
    bump = {"type": "gaussian", "sigmas": [0.35, 0.35, 0.35]}
    early = bump | {"amplitudes": [0.0, 0.0, 0.12], "centers": [0.4, 0.2, -0.3], "law": {"type": "step", "start": 0.0, "end": 0.5}}
    late = bump | {"amplitudes": [0.0, 0.12, 0.0], "centers": [-0.4, 0.1, 0.3], "law": {"type": "step", "start": 0.5, "end": 1.0}}
    truth = thing({"type": "composition", "motions": [early, late]})
    scans = truth.volume(48, 0.0), truth.volume(48, 1.0)
    steady = register_scans(scans, bending_weight=0.3, coarse=COARSE, fine=()).control.astype(float)
    base = np.broadcast_to(steady, (6, *steady.shape)).copy()
    look = Fineness(16, 40, 0.05, 0.07, 0.05)
    cost = SequenceFit(scans, sequence(truth, np.linspace(0.1, 0.9, 7)), base, "attenuation", look, bending_weight=1.0)
    mended = base + cost.fitted(np.zeros_like(base), 24)
    assert error(moving(mended), truth, 0.5) < 0.6 * error(moving(base), truth, 0.5)


def test_the_stage_says_what_it_found(tmp_path):
    truth = thing(SQUEEZED)
    canonicals = make_outputs(tmp_path, truth)
    frames = {state: tmp_path / "prepared" / state for state in ("forward", "backward", "between")}
    stages.register(Registration(), frames, canonicals, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "registration.json").read_text())
    assert record["law"] == "attenuation"
    assert record["lost"] is False
    assert record["sequence_residual"] < 0.6 * record["sequence_residual_without_motion"]
    assert error(VelocityField.load(tmp_path / "out" / "field.safetensors"), truth, 0.6) < 0.45


def test_the_beam_of_the_sequence_may_be_weaker_than_that_of_the_scans(tmp_path):
    """Half the light in all images of the sequence, which its files declare: the same motion at the same pace."""
    canonicals = make_outputs(tmp_path, thing(SQUEEZED))
    frames = {state: tmp_path / "prepared" / state for state in ("forward", "backward", "between")}
    stages.register(Registration(), frames, canonicals, tmp_path / "bright")
    own = prepared.load(frames["between"])
    weak = dataclasses.replace(own, pixels=(np.asarray(own.pixels) // 2).astype(np.uint16), flat_field=0.5 * own.flat_field)
    (tmp_path / "weak").mkdir()
    prepared.save(weak, tmp_path / "weak")
    stages.register(Registration(), frames | {"between": tmp_path / "weak"}, canonicals, tmp_path / "dark")
    bright, dark = (json.loads((tmp_path / place / "registration.json").read_text()) for place in ("bright", "dark"))
    assert dark["pace"] == pytest.approx(bright["pace"], abs=0.01)
    assert dark["sequence_residual"] == pytest.approx(bright["sequence_residual"], rel=0.05)

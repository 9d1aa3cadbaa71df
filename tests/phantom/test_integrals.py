"""Line integrals of the phantom: against closed forms and against brute force."""

import dataclasses

import numpy as np
import pytest

from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views, orbit
from xct4d.phantom import motions, projector, shapes
from xct4d.phantom.truth import Phantom

SPHERE = {"type": "sphere", "center": [0.1, -0.2, 0.05], "radius": 0.3, "rho": 0.8}
CUBE = {"type": "cube", "center": [0.1, 0.0, -0.1], "side": 0.8, "rho": 1.0}
BOX = {"type": "box", "center": [0.0, 0.1, 0.0], "sides": [1.0, 0.6, 0.4], "rho": 0.7}
CYLINDER = {"type": "cylinder", "p0": [-0.5, -0.3, -0.4], "p1": [0.4, 0.5, 0.6], "radius": 0.2, "rho": 1.0}
BLOCK = {
    "type": "parallelepiped",
    "origin": [-0.3, -0.3, -0.3],
    "v0": [0.7, 0.0, 0.0],
    "v1": [0.1, 0.6, 0.0],
    "v2": [0.1, 0.1, 0.5],
    "rho": 0.9,
}
GYROID = {"type": "gyroid", "center": [0.0, 0.0, 0.0], "scale": 0.1, "thickness": 0.2, "rho": 1.0}


def collection(*objects, **more):
    return {"type": "object_collection", "objects": list(objects), **more}


def tessellation(*objects, size=0.4, reach=0.7):
    ends = {f"{axis}{end}": sign * size / 2 for axis in "xyz" for end, sign in (("min", -1), ("max", 1))}
    outer = {f"{axis}{end}": sign * reach for axis in "xyz" for end, sign in (("min", -1), ("max", 1))}
    return {"type": "tessellated_obj_coll", "uc": {"type": "unit_cell", "objects": collection(*objects), **ends}, **outer}


LATTICE = tessellation(
    {"type": "cylinder", "p0": [-0.2, -0.1, 0.0], "p1": [0.2, 0.1, 0.05], "radius": 0.05},
    {"type": "cylinder", "p0": [0.0, 0.0, -0.2], "p1": [0.0, 0.05, 0.2], "radius": 0.04, "rho": 0.5},
    {"type": "sphere", "center": [0.1, 0.1, 0.1], "radius": 0.08, "rho": 0.7},
)


def phantom(description, motion=None, folder=None, multiplier=1.0):
    return Phantom(
        shapes.parse(description, source="test", folder=folder),
        motions.STILL if motion is None else motions.parse(motion, source="test: motion"),
        multiplier,
    )


def rays(count=300, seed=0, spread=0.9):
    """Rays from far points in all directions through the box, as geometry.cast lays them out, ends included."""
    random = np.random.default_rng(seed)
    source = random.normal(size=(count, 3))
    source *= 4 / np.linalg.norm(source, axis=1, keepdims=True)
    direction = random.uniform(-spread, spread, (count, 3)) - source
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        a, b = (-1 - source) / direction, (1 - source) / direction
    near, far = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    hit = near < far
    return np.column_stack([source, direction, near, far])[hit]


def brute(thing, lines, t=0.0, count=20001):
    """Midpoint rule with `count` points per ray."""
    out = []
    for line in lines:
        step = (line[7] - line[6]) / count
        s = line[6] + (np.arange(count) + 0.5) * step
        out.append(thing.density(line[:3] + s[:, None] * line[3:6], t).sum() * step)
    return np.array(out)


def ray(source, direction):
    """One ray that starts and ends far outside."""
    direction = np.asarray(direction, float) / np.linalg.norm(direction)
    return np.array([[*source, *direction, 0.0, 20.0]])


@pytest.mark.parametrize(
    ("description", "line", "expected"),
    [
        (SPHERE, ray([0.1, -0.2, 4], [0, 0, -1]), 0.8 * 0.6),
        (SPHERE, ray([0.1 + 0.18, -0.2, 4], [0, 0, -1]), 0.8 * 2 * 0.24),  # 0.3^2 = 0.18^2 + 0.24^2
        (SPHERE, ray([0.41, -0.2, 4], [0, 0, -1]), 0.0),
        (CUBE, ray([-2 + 0.1, -2, -2 - 0.1], [1, 1, 1]), 0.8 * 3**0.5),
        (BOX, ray([-4, 0.1, 0.0], [1, 0, 0]), 0.7),
        (BOX, ray([0.0, 0.1 - 2, -2], [0, 1, 1]), 0.7 * 0.4 * 2**0.5),
        ({**CYLINDER, "p0": [0, 0, -0.5], "p1": [0, 0, 0.5]}, ray([0.1, 0.05, 5], [0, 0, -1]), 1.0),
        ({**CYLINDER, "p0": [0, 0, -0.5], "p1": [0, 0, 0.5]}, ray([-4, 0.12, 0.3], [1, 0, 0]), 2 * 0.16),
        ({**CYLINDER, "p0": [0, 0, -0.5], "p1": [0, 0, 0.5]}, ray([-4, 0, 0.5 + 4.1], [1, 0, -1]), 0.1 * 2**0.5),  # cuts one rim
        (BLOCK, ray([-0.3 - 2 * 0.9, -0.3 - 2 * 0.7, -0.3 - 2 * 0.5], [0.9, 0.7, 0.5]), 0.9 * (0.81 + 0.49 + 0.25) ** 0.5),  # its diagonal
    ],
)
def test_primitives_have_their_closed_form(description, line, expected):
    assert phantom(description).line_integrals(line, 0.0)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("source", [4.0, 1000.0])
def test_a_distant_source_costs_no_digits(source):
    # a chord that misses the centre by 0.18
    assert phantom(SPHERE).line_integrals(ray([0.28, -0.2, source], [0, 0, -1]) + [0, 0, 0, 0, 0, 0, 0, 2000], 0.0)[0] == pytest.approx(
        0.8 * 0.48, abs=1e-10
    )


@pytest.mark.parametrize(
    "description",
    [SPHERE, CUBE, BOX, CYLINDER, BLOCK, LATTICE, GYROID, tessellation(GYROID, size=2.0, reach=0.8)],
    ids=lambda d: d["type"],
)
def test_single_objects_against_brute_force(description):
    thing, lines = phantom(description), rays(60)
    # brute force errs by at most a step per crossing
    assert np.abs(thing.line_integrals(lines, 0.0) - brute(thing, lines)).max() < 2e-3
    assert thing.line_integrals(lines, 0.0).max() > 0.05


@pytest.mark.parametrize("greedy", [False, True])
def test_holes_and_clipping(greedy):
    hole = {"type": "sphere", "center": [0.0, 0.0, 0.0], "radius": 0.2, "rho": -1.0}
    inner = {**BOX, "rho": 0.6}
    thing = phantom(collection(CUBE, inner, hole, {**SPHERE, "center": [0.5, 0, 0]}, greedy_dens_eval=greedy))
    lines = rays(60)
    assert np.abs(thing.line_integrals(lines, 0.0) - brute(thing, lines)).max() < 1e-3
    # through the middle: cube 1 and box 0.6 are clipped to 1, and the hole takes 1 away: 0.6 remain where they overlap
    z = thing.density(np.array([[0.0, 0.0, 0.1], [0.0, 0.0, 0.25], [0.3, 0.3, 0.2], [0.0, 0.0, 0.9]]), 0.0)
    assert z.tolist() == ([1.0, 1.0, 1.0, 0.0] if greedy else pytest.approx([0.6, 1.0, 1.0, 0.0]))


def test_collections_of_collections_and_tessellations():
    thing = phantom(collection(LATTICE, SPHERE, {**CUBE, "rho": -0.5}, collection(BOX, CYLINDER)))
    lines = rays(60)
    assert np.abs(thing.line_integrals(lines, 0.0) - brute(thing, lines)).max() < 2e-3


def test_many_objects_fall_into_bins_without_loss():
    random = np.random.default_rng(1)
    struts = [
        {
            "type": "cylinder",
            "p0": p.tolist(),
            "p1": (p + random.uniform(-0.4, 0.4, 3)).tolist(),
            "radius": float(random.uniform(0.01, 0.08)),
        }
        for p in random.uniform(-0.6, 0.6, (150, 3))
    ]
    lines = rays(200)
    together = phantom(collection(*struts)).line_integrals(lines, 0.0)
    # a union: no matter how the struts are grouped, clipping at 1 hides the order
    halves = phantom(collection(collection(*struts[:2]), collection(*struts[2:75]), collection(*struts[75:]))).line_integrals(lines, 0.0)
    np.testing.assert_allclose(together, halves, atol=1e-12)
    thing = phantom(collection(*struts))
    assert np.abs(together[:30] - brute(thing, lines[:30])).max() < 2e-3


def test_tessellation_equals_its_cells_written_out():
    size, reach = 0.4, 0.6
    strut = {"type": "cylinder", "p0": [-0.1, -0.1, -0.12], "p1": [0.12, 0.1, 0.1], "radius": 0.03, "rho": 1.0}
    cells = [shapes.translated(strut, size * np.array([i, j, k])) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    lines = rays(300)
    np.testing.assert_allclose(
        phantom(tessellation(strut, size=size, reach=reach)).line_integrals(lines, 0.0),
        phantom(collection(*cells)).line_integrals(lines, 0.0),
        atol=1e-12,
    )


def test_gyroid_error_bound():
    """Every crossing of |G| = thickness is found to 1e-6 of the scale, grazing ones too."""
    thing, lines = phantom(GYROID), rays(12, seed=3)
    got = thing.line_integrals(lines, 0.0)
    for line, value in zip(lines, got, strict=True):
        s = np.linspace(line[6], line[7], 200001)
        x, y, z = ((line[:3] + s[:, None] * line[3:6]) / 0.1).T
        g = np.abs(np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)) - 0.2
        h = s[1] - s[0]
        inside = np.minimum(g[:-1], g[1:]) < 0
        part = np.where((g[:-1] < 0) & (g[1:] < 0), 1.0, np.where(inside, -np.minimum(g[:-1], g[1:]) / np.abs(g[1:] - g[:-1]), 0.0))
        assert value == pytest.approx(h * part.sum(), abs=2e-6)


def test_voxel_volume_is_integrated_exactly(tmp_path):
    random = np.random.default_rng(0)
    volume = random.uniform(0, 1, (7, 6, 5)).astype(np.float32)  # x, y, z
    np.save(tmp_path / "v.npy", volume)
    thing = phantom({"type": "voxel_grid", "path": "v.npy"}, folder=tmp_path)
    # voxel centres hold the voxels
    x, y, z = ((np.arange(n) + 0.5) * 2 / n - 1 for n in volume.shape)
    points = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(thing.density(points, 0.0), volume.ravel(), atol=1e-6)
    lines = rays(40)
    exact = thing.line_integrals(lines, 0.0)
    # the function is continuous with kinks: the midpoint rule converges with the square of the step
    assert np.abs(exact - brute(thing, lines, count=40001)).max() < 1e-6
    # along x through one row of voxels: trapezoids, with constant ends
    line = np.array([[-3.0, y[2], z[1], 1, 0, 0, 2.0, 4.0]])
    row = volume[:, 2, 1].astype(float)
    assert thing.line_integrals(line, 0.0)[0] == pytest.approx(row.sum() * 2 / 7, abs=1e-6)


@pytest.mark.parametrize("rho", [0.7, -0.4], ids=["above 1", "below 0"])
@pytest.mark.parametrize("nested", [False, True])
def test_voxels_that_are_clipped_stay_within_the_bound(tmp_path, rho, nested):
    """The other object fills the box, so nothing jumps and the midpoint rule converges."""
    np.save(tmp_path / "v.npy", np.random.default_rng(0).uniform(-0.5, 1.2, (7, 6, 5)).astype(np.float32))
    everywhere = {**CUBE, "side": 3.0, "rho": rho}
    inner = [{"type": "voxel_grid", "path": "v.npy"}, everywhere]
    thing, lines = (
        phantom(collection(collection(*inner), {**everywhere, "rho": -0.3}) if nested else collection(*inner), folder=tmp_path),
        rays(40),
    )
    assert np.abs(thing.line_integrals(lines, 0.0) - brute(thing, lines)).max() < 2e-4


@pytest.mark.parametrize("suffix", ["npy", "npz", "raw"])
def test_voxel_formats_agree(tmp_path, suffix):
    volume = (np.arange(4 * 5 * 6).reshape(4, 5, 6) * 2).astype(np.uint8)  # x, y, z
    path = tmp_path / f"v.{suffix}"
    extra = {}
    if suffix == "npy":
        np.save(path, volume / np.float32(255))
    elif suffix == "npz":
        np.savez(path, vol=volume / np.float32(255))
    else:
        volume.transpose(2, 0, 1).tofile(path)  # the reference renderer's z, x, y
        extra = {"resolution": [4, 5, 6], "dtype": "uint8"}
    thing = phantom({"type": "voxel_grid", "path": path.name, **extra}, folder=tmp_path)
    points = np.array([[-1 + 2 / 4 * 1.5, -1 + 2 / 5 * 3.5, -1 + 2 / 6 * 2.5]])
    assert thing.density(points, 0.0)[0] == pytest.approx(volume[1, 3, 2] / 255, abs=1e-6)


SIGMOID = {"type": "sigmoid", "amplitude": 0.2, "center": 0.1, "lengthscale": 0.1, "direction": "z"}
GAUSSIAN = {"type": "gaussian", "amplitudes": [0.1, -0.08, 0.05], "sigmas": [0.3, 0.4, 0.5], "centers": [0.1, 0.0, 0.0]}
LINEAR = {"type": "linear", "strains": [0.1, -0.05, 0.1, 0.02, 0.05, -0.1]}


BENT = [SIGMOID, GAUSSIAN, {"type": "composition", "motions": [LINEAR, SIGMOID, GAUSSIAN]}]


@pytest.mark.parametrize("motion", BENT, ids=lambda m: m["type"])
@pytest.mark.parametrize(
    "description", [collection(SPHERE, CUBE, {**BOX, "rho": -0.4}), LATTICE, tessellation(GYROID, size=2.0, reach=0.8)]
)
def test_bent_rays_within_their_bound(description, motion):
    """Halving the allowed deviation by 100 changes nothing above the bound per crossing, and brute force agrees."""
    thing, lines = phantom(description, motion), rays(40)
    got = thing.line_integrals(lines, 0.7)
    assert np.abs(got - brute(thing, lines, 0.7)).max() < 3e-3
    # much finer chords: the same kernel, started with short ones
    fine = projector.line_integrals(thing._pack(0.7), lines, thing._rows(0.7), 2e-4)
    difference = np.abs(got - fine)
    assert np.median(difference) < projector.DEVIATION
    assert np.percentile(difference, 95) < 10 * projector.DEVIATION
    # the worst a crossing can do is to graze: a chord of a ball of radius r gains sqrt(8 r DEVIATION)
    assert difference.max() < np.sqrt(8 * SPHERE["radius"] * projector.DEVIATION)


@pytest.mark.parametrize("motion", BENT, ids=lambda m: m["type"])
def test_bent_rays_see_surfaces_displaced_by_the_deviation_at_most(motion):
    """Densities are added and clipped, so the integral rises with each surface: grown and shrunk objects are its bounds."""

    def displaced(by):
        """The object with its matter grown, its hole shrunk."""
        sphere, cube, hole = (
            {**SPHERE, "radius": 0.3 + by},
            {**CUBE, "side": 0.8 + 2 * by},
            {**BOX, "rho": -0.4, "sides": [s - 2 * by for s in BOX["sides"]]},
        )
        return phantom(collection(sphere, cube, hole), motion)

    lines = rays(300)
    got = displaced(0.0).line_integrals(lines, 0.7)
    low, high = (
        projector.line_integrals(thing._pack(0.7), lines, thing._rows(0.7), 1e-3)
        for thing in map(displaced, (-projector.DEVIATION, projector.DEVIATION))
    )
    assert (got >= low - 1e-9).all()
    assert (got <= high + 1e-9).all()
    assert np.median(high - low) < 1e-3


@pytest.mark.parametrize("motion", BENT, ids=lambda m: m["type"])
def test_voxels_under_bent_rays_are_displaced_by_the_deviation_at_most(tmp_path, motion):
    volume = np.zeros((9, 8, 7), np.float32)  # none at the faces of the box, where it would end in a jump
    volume[1:-1, 1:-1, 1:-1] = np.random.default_rng(0).uniform(0, 1, (7, 6, 5))
    np.save(tmp_path / "v.npy", volume)
    thing, lines = phantom({"type": "voxel_grid", "path": "v.npy"}, motion, folder=tmp_path), rays(100)
    fine = projector.line_integrals(thing._pack(0.7), lines, thing._rows(0.7), 1e-3)
    steepest = np.sqrt((9 / 2) ** 2 + (8 / 2) ** 2 + (7 / 2) ** 2)  # from 0 to 1 from one voxel to the next, along each axis
    longest = (lines[:, 7] - lines[:, 6]).max()
    assert np.abs(thing.line_integrals(lines, 0.7) - fine).max() < steepest * longest * projector.DEVIATION


def test_affine_motion_is_exact():
    thing, lines = phantom(collection(SPHERE, CUBE), LINEAR), rays(40)
    chopped = projector.line_integrals(thing._pack(1.0), lines, thing._rows(1.0), 0.02)
    np.testing.assert_allclose(thing.line_integrals(lines, 1.0), chopped, atol=1e-12)
    assert np.abs(thing.line_integrals(lines, 1.0) - brute(thing, lines, 1.0)).max() < 1e-3


def test_a_ray_with_more_crossings_than_the_buffer_is_cut():
    lines = rays(50)
    want = phantom(LATTICE).line_integrals(lines, 0.0)
    found = np.empty(16)
    for line, value in zip(lines, want, strict=True):
        thing = phantom(LATTICE)
        args = (thing._pack(0.0), thing._rows(0.0), *line, np.inf, False, found)
        assert projector._along(*args) == pytest.approx(value, abs=1e-12)


def test_projection_casts_through_pixel_centres():
    views = Views(orbit(30, 80, 4)[None], np.full((1, 2), 30.0), np.full((1, 2), 10.0), np.full((1, 2), 20))
    thing = phantom(collection(SPHERE, CUBE), multiplier=1.7)
    row, column = np.divmod(np.arange(400), 20)
    lines = cast(views, np.zeros(400, int), column + 0.5, row + 0.5)
    np.testing.assert_allclose(thing.projection(views, 0, 0.0).ravel(), thing.line_integrals(lines, 0.0), atol=1e-14)
    assert thing.line_integrals(lines, 0.0).max() == pytest.approx(1.7 * phantom(collection(SPHERE, CUBE)).line_integrals(lines, 0.0).max())


@pytest.mark.parametrize(
    "motion",
    [
        LINEAR,
        {"type": "sigmoid", "amplitude": 0.2, "center": 0.1, "lengthscale": 0.2, "direction": "x"},
        {"type": "gaussian", "amplitudes": [0.1, 0.0, 0.2], "sigmas": [0.4, 0.4, 0.5], "centers": [0.1, 0.0, -0.1]},
    ],
)
def test_conserved_mass_is_conserved(motion):
    thing = dataclasses.replace(phantom(SPHERE, motion), conserves_mass=True)
    assert thing.volume(100, 1.0).sum() == pytest.approx(thing.volume(100, 0.0).sum(), rel=5e-3)
    assert phantom(SPHERE, motion).volume(100, 1.0).sum() != pytest.approx(thing.volume(100, 0.0).sum(), rel=2e-2)
    lines = rays(30)
    assert np.abs(thing.line_integrals(lines, 1.0) - brute(thing, lines, 1.0)).max() < 2e-3

"""Motions: the reference's sense, their inverse, their course in time, folding."""

import numpy as np
import pytest

from xct4d.config import Truth
from xct4d.errors import InputError
from xct4d.phantom import motions, shapes
from xct4d.phantom.truth import Phantom

RIGID = {"type": "rigid", "displacements": [0.1, -0.2, 0.05]}
LINEAR = {"type": "linear", "strains": [0.1, -0.05, 0.2, 0.02, 0.05, -0.1]}
AFFINE = {"type": "affine", "matrix": [[0.9, -0.3, 0.0], [0.3, 0.9, 0.1], [0.0, 0.0, 1.1]]}
SIGMOID = {"type": "sigmoid", "amplitude": -0.3, "center": 0.1, "lengthscale": 0.1, "direction": "x"}
GAUSSIAN = {"type": "gaussian", "amplitudes": [0.2, -0.15, 0.1], "sigmas": [0.3, 0.4, 0.5], "centers": [0.1, 0.0, -0.1]}
STEP = {"type": "step", "start": 0.2, "end": 0.6}
POWER = {"type": "power", "exponent": 2.0}
COMPOSITION = {"type": "composition", "motions": [{**SIGMOID, "law": STEP}, LINEAR, {**GAUSSIAN, "law": POWER}, RIGID, AFFINE]}
ALL = [RIGID, LINEAR, AFFINE, SIGMOID, {**SIGMOID, "amplitude": 0.3, "direction": "z"}, GAUSSIAN, COMPOSITION]

BALL = {"type": "sphere", "center": [0.3, 0.2, -0.4], "radius": 0.2, "rho": 1.0}


def phantom(motion, description=BALL):
    return Phantom(shapes.parse(description, source="test", folder=None), motions.parse(motion, source="test: motion"))


def points(count=500):
    return np.random.default_rng(0).uniform(-1, 1, (count, 3))


def reference(motion, x):
    """The reference's deformations at full amplitude, written out."""
    x = x.copy()
    if motion["type"] == "rigid":
        return x + motion["displacements"]
    if motion["type"] == "linear":
        xx, yy, zz, yz, xz, xy = motion["strains"]
        return x + x @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if motion["type"] == "affine":
        return x @ np.array(motion["matrix"]).T
    if motion["type"] == "sigmoid":
        axis = "xyz".index(motion["direction"])
        x[:, axis] += motion["amplitude"] / (1 + np.exp(-(x[:, axis] - motion["center"]) / motion["lengthscale"]))
        return x
    if motion["type"] == "gaussian":
        r2 = ((x - motion["centers"]) ** 2).sum(axis=1, keepdims=True)
        return x + motion["amplitudes"] * np.exp(-r2 / (2 * np.array(motion["sigmas"]) ** 2))
    for part in motion["motions"]:
        x = reference(part, x)
    return x


@pytest.mark.parametrize("motion", ALL, ids=lambda m: m["type"])
def test_pull_back_at_the_end_is_the_reference(motion):
    thing = phantom(motion)
    np.testing.assert_allclose(thing.flow(points(), 1.0, 0.0), reference(motion, points()), atol=1e-12)
    np.testing.assert_allclose(thing.flow(points(), 0.0, 0.0), points(), atol=1e-12)


@pytest.mark.parametrize("motion", ALL, ids=lambda m: m["type"])
def test_flow_between_any_two_times_inverts(motion):
    thing = phantom(motion)
    x = points()
    for t0, t1 in [(0.0, 1.0), (1.0, 0.0), (0.3, 0.8), (0.9, 0.25)]:
        there = thing.flow(x, t0, t1)
        np.testing.assert_allclose(thing.flow(there, t1, t0), x, atol=1e-10)
        np.testing.assert_allclose(thing.flow(there, t1, 0.0), thing.flow(x, t0, 0.0), atol=1e-10)


def test_a_gaussian_close_to_folding_still_inverts():
    thing = phantom({"type": "gaussian", "amplitudes": [0.0, 0.0, 0.49], "sigmas": [0.3, 0.3, 0.3], "centers": [0, 0, 0]})
    x = np.concatenate([points(), np.random.default_rng(1).normal(0, 0.1, (500, 3))])
    np.testing.assert_allclose(thing.flow(thing.flow(x, 0.0, 1.0), 1.0, 0.0), x, atol=1e-10)


def test_density_moves_with_the_flow():
    thing = phantom(COMPOSITION)
    x = points(20000)
    inside = thing.density(x, 0.0) > 0
    assert inside.sum() > 50
    np.testing.assert_array_equal(thing.density(thing.flow(x, 0.0, 0.5), 0.5) > 0, inside)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (None, {0.0: 0.0, 0.25: 0.25, 1.0: 1.0}),
        ({"type": "linear"}, {0.3: 0.3}),
        (POWER, {0.0: 0.0, 0.5: 0.25, 1.0: 1.0}),
        (STEP, {0.0: 0.0, 0.2: 0.0, 0.3: 0.15625, 0.4: 0.5, 0.6: 1.0, 1.0: 1.0}),
    ],
)
def test_laws(law, expected):
    thing = phantom(RIGID if law is None else {**RIGID, "law": law})
    for t, s in expected.items():
        np.testing.assert_allclose(thing.flow(np.zeros((1, 3)), t, 0.0)[0], s * np.array(RIGID["displacements"]), atol=1e-15)


def test_each_part_of_a_composition_has_its_own_law():
    thing = phantom(
        {"type": "composition", "motions": [{**RIGID, "law": STEP}, {"type": "rigid", "displacements": [0, 0, 1.0], "law": POWER}]}
    )
    np.testing.assert_allclose(thing.flow(np.zeros((1, 3)), 0.4, 0.0)[0], [0.05, -0.1, 0.025 + 0.16], atol=1e-15)


def test_the_references_word_for_a_composition():
    parts = [SIGMOID, LINEAR]
    a, b = phantom({"type": "composed", "deformations": parts}), phantom({"type": "composition", "motions": parts})
    np.testing.assert_array_equal(a.flow(points(), 1.0, 0.0), b.flow(points(), 1.0, 0.0))


def balls():
    from pathlib import Path

    return Phantom.load(Path(__file__).parents[2] / "config/scenes/balls.yaml")


@pytest.mark.parametrize("t", [0.0, 0.35, 1.0])
def test_balls_follow_the_demos_formula(t):
    thing = balls()
    start = np.array([o["center"] for o in thing.object.description["objects"]])
    x1, x2, x3 = start.T
    relu = np.maximum
    want = np.column_stack([x1 + 0.5 * relu(x1, 0) * t, x2 + relu(x3, 0) * x2 * t, x3 + x1 * x2 * x3 * t])
    np.testing.assert_allclose([o["center"] for o in thing.objects_at(t)["objects"]], want, atol=1e-15)
    # every point of a ball goes with it, there and back
    random = np.random.default_rng(0).normal(size=(50, 3))
    shell = 0.149 * random / np.linalg.norm(random, axis=1, keepdims=True)
    for a, b in zip(start, want, strict=True):
        np.testing.assert_allclose(thing.flow(a + shell, 0.0, t), b + shell, atol=1e-15)
        np.testing.assert_allclose(thing.flow(b + shell, t, 0.0), a + shell, atol=1e-15)
        assert (thing.density(b + shell, t) == 1).all()
        assert (thing.density(b + shell * 0.151 / 0.149, t) == 0).all()


def test_volume_has_axes_z_y_x_and_voxel_centres():
    volume = phantom({"type": "rigid", "displacements": [-0.1, 0.0, 0.0]}).volume(60, 1.0)
    z, y, x = np.indices(volume.shape)
    centre = [(-1 + (i + 0.5) / 30)[volume > 0].mean() for i in (x, y, z)]
    np.testing.assert_allclose(centre, [0.4, 0.2, -0.4], atol=0.005)
    assert volume.dtype == np.float32
    assert volume.sum() / 30**3 == pytest.approx(4 / 3 * np.pi * 0.2**3, rel=0.03)


def test_objects_at_the_end_where_the_format_can_say_it():
    lattice = {"xmin": -0.1, "xmax": 0.1, "ymin": -0.1, "ymax": 0.1, "zmin": -0.1, "zmax": 0.1}
    cell = {"type": "object_collection", "objects": [{**BALL, "center": [0.0, 0.0, 0.0], "radius": 0.08}]}
    tiles = {"type": "tessellated_obj_coll", "uc": {**lattice, "objects": cell}, **{k: 5 * v for k, v in lattice.items()}}
    for description in (BALL, tiles):
        thing = phantom({**RIGID, "law": POWER}, description)
        moved = Phantom(shapes.parse(thing.objects_at(0.8), source="moved", folder=None))
        np.testing.assert_array_equal(moved.density(points(), 0.0), thing.density(points(), 0.8))
    assert phantom(LINEAR).objects_at(1.0) is None
    assert phantom(LINEAR).objects_at(0.0) == BALL


def test_truth_of_a_configuration(tmp_path):
    (tmp_path / "ball.yaml").write_text("type: sphere\ncenter: [0.3, 0.2, -0.4]\nradius: 0.2\nrho: 1.0\n")
    thing = Phantom.from_truth(Truth(object={"path": "ball.yaml"}, motion=RIGID), tmp_path)
    np.testing.assert_array_equal(thing.volume(16, 0.5), phantom(RIGID).volume(16, 0.5))
    volume = np.random.default_rng(0).integers(0, 256, (4, 5, 6), dtype=np.uint8)  # z, y, x
    volume.tofile(tmp_path / "v.raw")
    thing = Phantom.from_truth(Truth(object={"path": "v.raw", "shape": (4, 5, 6), "dtype": "uint8"}, motion=RIGID), tmp_path)
    centre = np.array([[-1 + 2 / 6 * 2.5, -1 + 2 / 5 * 1.5, -1 + 2 / 4 * 3.5]])
    assert thing.density(centre, 0.0)[0] == pytest.approx(volume[3, 1, 2] / 255, abs=1e-6)
    with pytest.raises(InputError, match=r"input\.truth\.object\.path: .* lies outside the folder"):
        Phantom.from_truth(Truth(object={"path": "../ball.yaml"}, motion=RIGID), tmp_path / "sub")


@pytest.mark.parametrize(
    ("motion", "message"),
    [
        ({**SIGMOID, "amplitude": -0.41}, r"^m: motion\.amplitude: folds .*keep it above -0.4"),
        ({**GAUSSIAN, "amplitudes": [0.0, 0.0, 0.9]}, r"^m: motion\.amplitudes: folds"),
        ({"type": "linear", "strains": [-1.0, 0, 0, 0, 0, 0]}, r"^m: motion\.strains: folds"),
        ({"type": "affine", "matrix": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, r"^m: motion\.matrix: folds"),
        ({"type": "linear", "strains": [0.1] * 5}, r"^m: motion\.strains: must be 6 numbers"),
        ({"type": "affine", "matrix": [[1, 0, 0], [0, 1, 0]]}, r"^m: motion\.matrix: must be 3 rows"),
        ({"type": "sigmoidal"}, r"^m: motion\.type: must be one of .*did you mean sigmoid\?"),
        ({**RIGID, "law": {"type": "step", "start": 0.5, "end": 0.5}}, r"^m: motion\.law\.start: must satisfy"),
        ({**RIGID, "law": {"type": "power", "exponent": 0}}, r"^m: motion\.law\.exponent: must be a number above 0"),
        ({**RIGID, "laws": {}}, r"^m: motion\.laws: unknown key; did you mean law\?"),
        ({"type": "composition", "motions": []}, r"^m: motion\.motions: must be a list"),
        (
            {"type": "composition", "motions": [RIGID, {**SIGMOID, "direction": "w"}]},
            r"^m: motion\.motions\[1\]\.direction: must be one of x, y, z",
        ),
        ({"type": "composition", "motions": [{"type": "objects", "displacements": [[0, 0, 0]]}]}, r"motions\[0\]\.type: objects cannot"),
    ],
)
def test_bad_motions(motion, message):
    with pytest.raises(InputError, match=message):
        motions.parse(motion, source="m: motion")


def test_objects_need_a_collection_of_their_number():
    with pytest.raises(InputError, match="object_collection"):
        phantom({"type": "objects", "displacements": [[0, 0, 0.1]]})
    with pytest.raises(InputError, match="2 displacements for 1 objects"):
        phantom({"type": "objects", "displacements": [[0, 0, 0.1], [0, 0, 0]]}, {"type": "object_collection", "objects": [BALL]})

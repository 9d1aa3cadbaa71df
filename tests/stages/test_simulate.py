"""Scenes and the datasets made from them."""

import hashlib
import io
import json
import logging
import os
import shutil
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import yaml
from preparation import complaint
from pydantic import ValidationError

from xct4d.config import Truth
from xct4d.errors import InputError
from xct4d.geometry.views import Views
from xct4d.io.ome_writer import VolumeWriter
from xct4d.phantom.detector import record
from xct4d.phantom.measured import MeasuredVolumes
from xct4d.phantom.scenes import Scene, Sources, load_scene
from xct4d.phantom.truth import Phantom
from xct4d.quantities import ATTENUATION
from xct4d.stages.simulate import simulate
from xct4d.units import Scale

SCENES = Path(__file__).parents[2] / "config" / "scenes"
BALLS = [
    {"type": "sphere", "center": [0.3, 0.0, 0.1], "radius": 0.3, "rho": 1.0},
    {"type": "sphere", "center": [-0.4, 0.2, 0.0], "radius": 0.2, "rho": 1.0},
]
SCENE = {
    "object": {"type": "object_collection", "objects": BALLS},
    "motion": {"type": "rigid", "displacements": [0.2, 0.0, 0.1]},
    "times": 4,
    "views": {
        "ends": {"azimuths": 3},
        "ends_held_out": {"azimuths": [10]},
        "between": {"azimuths": [90, 180]},
        "between_held_out": {"azimuths": [45]},
    },
    "detector": {"resolution": 24, "bits": 16},
}


def changed(**changes):
    """SCENE with some keys replaced; a double underscore goes one level down."""
    tree = json.loads(json.dumps(SCENE))
    for key, value in changes.items():
        *path, last = key.split("__")
        inner = tree
        for part in path:
            inner = inner[part]
        inner[last] = value
    return tree


def written(folder, tree, name="scene.yaml"):
    path = folder / name
    path.write_text(yaml.safe_dump(tree))
    return path


def made(folder, tree, name="out"):
    simulate(written(folder, tree), folder / name)
    return folder / name


def read(dataset, name):
    return json.loads((dataset / name).read_text())


def transmission(dataset, file):
    image = imageio.imread(dataset / file)
    return image / np.iinfo(image.dtype).max


def digest(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_layout_is_the_reference_programs(tmp_path):
    out = made(tmp_path, changed(unit_mm=3.0, duration_s=20.0))
    frames = {
        name: [f["file_path"] for f in read(out, name)["frames"]]
        for name in ("transforms_00.json", "transforms_03.json", "transforms_00_to_03.json")
    }
    assert frames["transforms_00.json"] == [*(f"images_00/train_0{i}.png" for i in range(3)), "images_00/eval_00.png"]
    assert frames["transforms_03.json"] == [f.replace("images_00", "images_03") for f in frames["transforms_00.json"]]
    assert len(frames["transforms_00_to_03.json"]) == 4 + 3 + 3 + 4
    on_disk = {str(p.relative_to(out)) for p in out.glob("images_*/*.png")}
    assert on_disk == set(frames["transforms_00_to_03.json"])
    whole = read(out, "transforms_00_to_03.json")
    assert whole["unit_mm"] == 3.0
    assert whole["duration_s"] == 20.0
    assert whole["fl_x"] == pytest.approx(12 / np.tan(np.deg2rad(20)))
    assert (whole["w"], whole["h"], whole["cx"], whole["cy"]) == (24, 24, 12, 12)
    times = {f["file_path"].split("/")[0]: f["time"] for f in whole["frames"]}
    assert list(times.values()) == pytest.approx([0, 1 / 3, 2 / 3, 1])
    first = np.array(whole["frames"][0]["transform_matrix"])
    np.testing.assert_allclose(first[:3, 3], [0, 4, 0], atol=1e-12)  # starts at 90 degrees
    assert (out / "scene_00.yaml").is_file()
    assert (out / "scene_03.yaml").is_file()


def test_images_are_exact_projections_at_pixel_centres(tmp_path):
    out = made(tmp_path, SCENE)
    frame = read(out, "transforms_00.json")["frames"][0]
    # source on +y looks along -y; columns run towards -x, rows towards -z
    row, column = 9, 8
    source, focal = np.array([0.0, 4.0, 0.0]), 12 / np.tan(np.deg2rad(20))
    direction = np.array([-(column + 0.5 - 12) / focal, -1.0, -(row + 0.5 - 12) / focal])
    direction /= np.linalg.norm(direction)
    length = 0.0
    for ball in BALLS:
        offset = np.array(ball["center"]) - source
        miss = offset @ offset - (offset @ direction) ** 2
        length += 2 * np.sqrt(max(ball["radius"] ** 2 - miss, 0))
    assert length > 0.3
    assert transmission(out, frame["file_path"])[row, column] == pytest.approx(np.exp(-length), abs=1 / 65535)


def test_truth_comes_back_from_the_dataset(tmp_path):
    out = made(tmp_path, changed(density_multiplier=2.5))
    truth, scene = Phantom.load(out / "scene.yaml"), Phantom.load(tmp_path / "scene.yaml")
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 3))
    for t in (0.0, 0.4, 1.0):
        np.testing.assert_array_equal(truth.density(points, t), scene.density(points, t))
    assert truth.density(points, 0.0).max() == 2.5
    # the object at the end, written in the reference's format, is the moved one
    end = yaml.safe_load((out / "scene_03.yaml").read_text())
    np.testing.assert_allclose(end["objects"][0]["center"], [0.1, 0.0, 0.0])


def test_voxel_object_travels_with_the_dataset(tmp_path):
    (tmp_path / "parts").mkdir()
    volume = np.zeros((12, 12, 12), np.float32)
    volume[3:9, 3:9, 3:9] = 0.5
    np.save(tmp_path / "parts" / "v.npy", volume)
    # a file's own folder is where its paths start
    for tree, copied in (({"type": "voxel_grid", "path": "parts/v.npy"}, "parts/v.npy"), ("parts/v.npy", "v.npy")):
        out = made(tmp_path, changed(object=tree))
        assert (out / copied).is_file()
        assert Phantom.load(out / "scene.yaml").density(np.zeros((1, 3)), 0.0)[0] == pytest.approx(0.5)
    (tmp_path / "parts" / "o.yaml").write_text("type: voxel_grid\npath: v.npy\n")  # relative to the description
    out = made(tmp_path, changed(object="parts/o.yaml"))
    assert Phantom.load(out / "scene.yaml").density(np.zeros((1, 3)), 0.0)[0] == pytest.approx(0.5)


def test_same_seed_same_bytes(tmp_path):
    tree = changed(detector__photons=500, flat_field=[0.2])
    first, again = digest(made(tmp_path, tree, "a")), digest(made(tmp_path, tree, "b"))
    assert first == again
    other = digest(made(tmp_path, {**tree, "seed": 1}, "c"))
    assert all(first[name] != other[name] for name in first if name.endswith(".png"))


def test_noise_has_the_statistics_of_counts(tmp_path):
    clean = made(tmp_path, changed(flat_field=[0.2], detector__resolution=64), "clean")
    noisy = made(tmp_path, changed(flat_field=[0.2], detector__resolution=64, detector__photons=400), "noisy")
    files = [f["file_path"] for f in read(clean, "transforms_00.json")["frames"]]
    expected = np.concatenate([transmission(clean, f).ravel() for f in files])
    seen = np.concatenate([transmission(noisy, f).ravel() for f in files])
    standard = (seen - expected) / np.sqrt(expected / 400)
    assert abs(standard.mean()) < 4 / np.sqrt(len(standard))
    assert standard.var() == pytest.approx(1, abs=0.06)
    # frames have noise of their own
    a, b = (transmission(noisy, f).ravel() - transmission(clean, f).ravel() for f in files[:2])
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.08


def test_the_least_flat_field_told_leaves_the_noise_unbiased():
    for photons in (1, 7.5, 100, 1e4, 1e15):
        with pytest.raises(ValidationError) as caught:
            Scene.model_validate(changed(detector__photons=photons))
        least = float(str(caught.value).split("use [")[1].split("]")[0])
        Scene.model_validate(changed(detector__photons=photons, flat_field=[least]))
        if least > 0.001:
            with pytest.raises(ValidationError):
                Scene.model_validate(changed(detector__photons=photons, flat_field=[least - 0.001]))
    random = np.random.default_rng(0)
    for photons, least in ((100, 0.398), (1e4, 0.04)):
        air = record(np.full((400, 400), np.exp(-least)), bits=16, blur_px=0, photons=photons, random=random)
        assert air.mean() / 65535 == pytest.approx(np.exp(-least), abs=3 / np.sqrt(photons) / 400 + 1e-5)


def test_flat_field_drifts(tmp_path):
    out = made(tmp_path, changed(flat_field=[0.1, 0.1, 0.4]))
    air = [transmission(out, f"images_0{i}/train_00.png")[0, 0] for i in range(4)]
    np.testing.assert_allclose(air, np.exp([-0.1, -0.1, -0.2, -0.4]), atol=2e-5)
    # the dataset knows the level before the experiment, not the drift
    assert read(out, "transforms_03.json")["flat_field"] == pytest.approx(np.exp(-0.1))


def test_blur_spreads_and_keeps_the_mean(tmp_path):
    sharp = transmission(made(tmp_path, SCENE, "sharp"), "images_00/train_00.png")
    soft = transmission(made(tmp_path, changed(detector__blur_px=1.5), "soft"), "images_00/train_00.png")
    assert soft.mean() == pytest.approx(sharp.mean(), abs=1e-4)
    assert np.abs(np.diff(soft)).max() < 0.7 * np.abs(np.diff(sharp)).max()


def test_exposure_is_the_mean_over_the_open_shutter(tmp_path):
    out = made(tmp_path, changed(exposure={"duration": 0.3, "views": 4}))
    frames = {f["file_path"]: f for f in read(out, "transforms_00_to_03.json")["frames"]}
    assert isinstance(frames["images_00/train_00.png"]["time"], float)  # the scans are sharp
    frame = frames["images_01/train_01.png"]
    assert np.shape(frame["transform_matrix"]) == (4, 4, 4)
    assert sum(frame["camera_weights"]) == pytest.approx(1)
    assert np.dot(frame["camera_weights"], frame["time"]) == pytest.approx(1 / 3)
    assert (min(frame["time"]), max(frame["time"])) == (pytest.approx(1 / 3 - 0.15, abs=0.03), pytest.approx(1 / 3 + 0.15, abs=0.03))
    placed = load_scene(tmp_path / "scene.yaml")
    views = placed.scene.cameras(placed.scene.views.between)
    times = np.linspace(1 / 3 - 0.15, 1 / 3 + 0.15, 401)
    mean = np.mean([np.exp(-Phantom.of_scene(placed).projection(views, 1, t)) for t in times], axis=0)
    got = transmission(out, "images_01/train_01.png")
    assert np.abs(got - mean).mean() < 1e-3
    sharp = np.exp(-Phantom.of_scene(placed).projection(views, 1, 1 / 3))
    assert np.abs(got - mean).mean() < 0.2 * np.abs(got - sharp).mean()


def test_the_streak_of_a_fast_ball_is_smooth(tmp_path):
    """It moves by five of its radii, 8 pixels, while the shutter is open: a few sharp images added up would be told apart."""
    ball = {"type": "sphere", "center": [-0.25, 0.0, 0.0], "radius": 0.1, "rho": 1.0}
    motion = {"type": "rigid", "displacements": [-1.0, 0.0, 0.0]}  # of the pull-back: it goes towards +x
    out = made(
        tmp_path, changed(object=ball, motion=motion, density_multiplier=10.0, exposure={"duration": 0.5}, detector__resolution=48, times=3)
    )
    placed = load_scene(tmp_path / "scene.yaml")
    thing, views = Phantom.of_scene(placed), placed.scene.cameras(placed.scene.views.between)

    def mean(times, weights):
        return sum(weight * np.exp(-thing.projection(views, 0, t)) for t, weight in zip(times, weights, strict=True))

    got = transmission(out, "images_01/train_00.png")
    fine = mean(0.25 + (np.arange(2000) + 0.5) / 4000, np.full(2000, 1 / 2000))
    assert fine.min() < 0.9
    assert np.abs(got - fine).max() < 0.01 * (1 - fine.min())
    assert np.abs(mean(*placed.scene.frame_times(0.5)) - fine).max() > 0.5 * (1 - fine.min())


def test_eight_bits_round_to_the_nearest(tmp_path):
    fine, coarse = made(tmp_path, SCENE, "fine"), made(tmp_path, changed(detector__bits=8), "coarse")
    assert imageio.imread(coarse / "images_00/train_00.png").dtype == np.uint8
    assert np.abs(transmission(fine, "images_00/train_00.png") - transmission(coarse, "images_00/train_00.png")).max() <= 0.5 / 255 + 1e-5


def polar(dataset, name):
    """Degrees from z of each frame's source."""
    places = [np.array(frame["transform_matrix"])[:3, 3] for frame in read(dataset, name)["frames"]]
    return np.rad2deg([np.arccos(place[2] / np.linalg.norm(place)) for place in places])


def test_each_view_may_have_its_own_polar_angle(tmp_path):
    tree = changed(views__ends={"azimuths": 3, "polar_deg": [60, 90, 120.0]}, views__between={"azimuths": 2, "polar_deg": 75})
    dataset = made(tmp_path, tree)
    assert polar(dataset, "transforms_00.json") == pytest.approx([60, 90, 120, 90])  # the last one is held out
    phantom, scene = Phantom.load(dataset / "scene.yaml"), load_scene(dataset / "scene.yaml").scene
    expected = np.exp(-phantom.projection(scene.cameras(scene.views.ends), 2, 0.0))
    assert transmission(dataset, "images_00/train_02.png") == pytest.approx(expected, abs=2e-5)


def test_polar_angles_at_random_are_even_over_the_sphere_and_those_of_the_seed(tmp_path):
    tree = changed(views__ends={"azimuths": 3, "polar_deg": "random"})
    first, again, other = (polar(made(tmp_path, {**tree, "seed": seed}, str(k)), "transforms_00.json") for k, seed in enumerate((1, 1, 2)))
    assert first.tolist() == again.tolist()
    assert (abs(first[:3] - other[:3]) > 0.1).all()
    many = Sources(azimuths=20000, polar_deg="random").polar_degrees(0)
    counts, _ = np.histogram(np.cos(np.deg2rad(many)), bins=10, range=(-1, 1))
    assert counts == pytest.approx(np.full(10, 2000), abs=6 * 2000**0.5)


def test_matter_beyond_the_box_is_projected_where_the_scene_reaches_so_far(tmp_path):
    beyond = {"type": "object_collection", "objects": [*BALLS, {"type": "sphere", "center": [0.0, 0.0, 1.3], "radius": 0.2, "rho": 1.0}]}
    cameras = load_scene(written(tmp_path, changed())).scene.cameras(Sources(azimuths=[30], polar_deg=70))

    def image(**changes):
        return Phantom.load(written(tmp_path, changed(motion=None, **changes))).projection(cameras, 0, 0.0)

    assert np.array_equal(image(object=beyond), image())
    alone = image(object=beyond["objects"][-1], reach=1.74)
    assert alone.max() == pytest.approx(0.4, abs=0.02)  # the ball's diameter
    assert image(object=beyond, reach=1.74) == pytest.approx(image() + alone)


def test_voxels_end_with_the_box_whatever_the_reach(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((8, 8, 8), np.float32))
    cameras = load_scene(written(tmp_path, changed())).scene.cameras(Sources(azimuths=[30], polar_deg=70))
    images = [
        Phantom.load(written(tmp_path, changed(object="v.npy", motion=None, reach=r))).projection(cameras, 0, 0.0) for r in (1.0, 1.74)
    ]
    assert images[0].max() > 1.9
    assert images[1] == pytest.approx(images[0], abs=1e-9)


def test_true_volumes_are_read_back_as_the_truth_of_a_folder(tmp_path):
    dataset = made(tmp_path, changed(truth={"times": [0.25, 1.0], "resolution": 12}))
    phantom = Phantom.load(dataset / "scene.yaml")
    for t in (0.25, 1.0):
        vol = np.load(dataset / "truth" / f"t{t:.4f}.npz")["vol"]
        assert np.array_equal(vol, phantom.volume(12, t).transpose(2, 1, 0))  # x, y, z
    given = Truth(volumes=[{"time": t, "path": f"truth/t{t:.4f}.npz"} for t in (0.25, 1.0)])
    measured = MeasuredVolumes.from_truth(given, dataset)
    axis = (np.arange(12) + 0.5) / 6 - 1
    centres = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    assert measured.density(centres, 0.25) == pytest.approx(phantom.density(centres, 0.25), abs=1e-5)


def test_an_older_dataset_is_replaced_whole(tmp_path):
    out = made(tmp_path, SCENE)
    (out / "images_00" / "left_over.png").write_bytes(b"")
    made(tmp_path, changed(times=3))
    assert not list(out.rglob("left_over.png"))
    assert not (out / "images_03").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "scene.yaml"]


def test_matter_cut_by_the_box_is_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        made(tmp_path, changed(motion__displacements=[-0.5, 0.0, 0.0]))
    assert "reaches the faces of the box" in caplog.text


@pytest.mark.parametrize("name", ["balls", "everything", "foam", "kelvin", "lattice", "organ", "rubber", "tiny"])
def test_shipped_scenes_are_sound_and_stay_in_the_box(name):
    placed = load_scene(SCENES / f"{name}.yaml")
    thing = Phantom.of_scene(placed)
    for t in (0.0, 0.5, 1.0):
        volume = thing.volume(48, t)
        assert 0.005 < (volume > 0).mean() < 0.5
        for axis in range(3):
            assert not np.take(volume, [0, -1], axis=axis).any()


@pytest.mark.parametrize("path", sorted(SCENES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_held_out_projection_of_a_shipped_scene_is_trained_on(path):
    scene = Scene.model_validate(yaml.safe_load(path.read_text()))  # the voxels of some are not in the repository
    for state in ("ends", "between"):
        trained, held_out = getattr(scene.views, state), getattr(scene.views, f"{state}_held_out")
        if held_out is not None:
            poses = scene.cameras(trained).camera_to_world
            for pose in scene.cameras(held_out).camera_to_world:
                assert np.abs(poses - pose).max(axis=(1, 2)).min() > 1e-3


def test_kelvin_is_crushed_in_a_band_only():
    thing = Phantom.load(SCENES / "kelvin.yaml")
    z = np.linspace(-0.79, 0.79, 80)
    points = np.column_stack([np.zeros((80, 2)), z])
    strain = np.gradient(thing.flow(points, 0.0, 1.0)[:, 2] - z, z)
    assert strain.min() < -0.15  # crushed in the middle
    assert np.abs(strain[np.abs(z) > 0.6]).max() < 0.01
    struts = 24 * 0.1 * 2**0.5 * np.pi * 0.055**2 / 0.4**3  # 24 to a cell; they overlap where they meet
    assert 0.68 < thing.volume(64, 0.0).mean() / (struts * 0.8**3) < 0.9


@pytest.mark.skipif("XCT4D_DATA" not in os.environ, reason="XCT4D_DATA names no folder of shared data")
@pytest.mark.parametrize(("state", "moment", "index"), [("00", 0.0, 0), ("00", 0.0, 5), ("20", 1.0, 11), ("10", 0.5, 1)])
def test_balls_match_the_reference_renderers_images(state, moment, index):
    """The reference casts pixel (column, row) at (column, row + 1); shifted so, its images and ours agree."""
    folder = Path(os.environ["XCT4D_DATA"]) / "balls_upstream"
    file = f"images_{state}/train_{index:02d}.png"
    record = json.loads((folder / "transforms_00_to_20.json").read_text())
    pose = next(f["transform_matrix"] for f in record["frames"] if f["file_path"] == file)
    theirs = imageio.imread(folder / file)[..., 0] / 255
    thing = Phantom.load(SCENES / "balls.yaml")

    def ours(shift):
        views = Views(
            np.array([pose])[:, :3], np.full((1, 2), record["fl_x"]), np.array([[250 + shift, 250 - shift]]), np.full((1, 2), 500)
        )
        return np.exp(-thing.projection(views, 0, moment))

    # it truncates to 8 bits, and its steps miss parts of a grazing ray
    difference = ours(0.5) - theirs
    assert np.sqrt((difference**2).mean()) < 1 / 255
    assert np.percentile(np.abs(difference), 99) < 1.5 / 255
    assert np.sqrt(((ours(0.0) - theirs) ** 2).mean()) > 3 * np.sqrt((difference**2).mean())


TINY_CELLS = {
    "type": "tessellated_obj_coll",
    "uc": {"objects": {"objects": BALLS}, **{f"{axis}{end}": side * 5e-8 for axis in "xyz" for end, side in (("min", -1), ("max", 1))}},
    **{f"{axis}{end}": side * 0.5 for axis in "xyz" for end, side in (("min", -1), ("max", 1))},
}
BAD = [
    (changed(tims=3), r"tims: unknown key; did you mean times\?"),
    (changed(detector__resolutoin=3), r"detector\.resolutoin: unknown key; did you mean resolution\?"),
    (changed(detector__resolution=-5), r"detector\.resolution: .*is -5"),
    (changed(detector__bits=12), r"detector: bits must be 8 or 16, not 12"),
    (changed(detector__distance=1.0), r"detector: distance must be above 1\.733"),
    (changed(detector__photons=0), r"detector\.photons: .*greater than 0"),
    (changed(times=1), r"times: must be a count from 3 to 1000000 or a list of at least 3 times \(is 1\)"),
    (changed(times=2), r"times: must be a count from 3"),
    (changed(times=[0.0, 1.0]), r"times: must be a count from 3 .*list of at least 3 times"),
    (changed(times=[0.0, "5e-1", 1.0]), r"times: must be a count .*; write 5\.0e-1, or YAML takes 5e-1 for text"),
    (changed(times=[0, 10**400, 1]), r"times: must be a count"),
    (changed(times=10**12), r"times: must be a count from 3 to 1000000"),
    (changed(times=500_000), r"times and views make 1500002 projections, 1000000 at most"),
    (changed(times="many"), r"times: must be a count"),
    (changed(times=[0.0, 0.5, 0.5, 1.0]), r"times must rise from 0 to 1"),
    (changed(times=[0.1, 0.5, 1.0]), r"times must rise from 0 to 1"),
    (changed(times=[0.0, 0.5, 2.0]), r"times must rise from 0 to 1"),
    (changed(views__ends={"azimuths": 0}), r"views\.ends\.azimuths: must be a count from 1"),
    (changed(views__ends={"azimuths": 10**12}), r"views\.ends\.azimuths: must be a count from 1 to 1000000"),
    (changed(views__between={"azimuths": []}), r"views\.between\.azimuths: must be a count from 1 .* or a list of at least 1 degrees"),
    (changed(views__between={"azimuths": [0, 90], "start_deg": 10}), r"views\.between: start_deg belongs to a count of azimuths"),
    (changed(views__between={"azimuths": [10, 90, 370.0]}), r"views\.between: azimuths has a direction twice"),
    (changed(detector__resolution=10**7), r"detector\.resolution: .*less than or equal to 16384"),
    (changed(detector__blur_px=1e9), r"detector\.blur_px: .*less than or equal to 1000"),
    (changed(detector__photons=1e19, flat_field=[0.1]), r"detector\.photons: .*less than or equal to 1000000000000000 "),
    (changed(detector__photons=100), r"flat_field leaves counts of 100 photons no room below white.*; use \[0\.398\] or more"),
    (changed(detector__photons=100, flat_field=[0.5, 0.3]), r"flat_field leaves counts"),
    (changed(views__between={"azimuths": ["east"]}), r"views\.between\.azimuths: must be"),
    (changed(views__between={"azimuths": 2, "polar_deg": 190}), r"views\.between\.polar_deg: .*less than 180"),
    (changed(views__between={"azimuths": 2, "polar_deg": "any"}), r"views\.between\.polar_deg: must be degrees .* or random"),
    (changed(views__between={"azimuths": 3, "polar_deg": [80, 90]}), r"views\.between: polar_deg has 2 angles for 3 azimuths"),
    (changed(reach=0.5), r"reach: .*greater than or equal to 1"),
    (changed(reach=2.4), r"detector\.distance must be above 4\.157, or the source is inside the cube of reach 2\.4"),
    (changed(truth={"times": [0.5, 0.5]}), r"truth\.times: has a time twice"),
    (changed(truth={"times": [1.5]}), r"truth\.times\.0: .*less than or equal to 1"),
    (changed(flat_field=[-0.1]), r"flat_field must not be negative"),
    (changed(exposure={"duration": 0}), r"exposure\.duration: .*greater than 0"),
    (changed(unit_mm=-1), r"unit_mm: .*greater than 0"),
    (changed(object=3), r"object: must be an object description or the name of its file"),
    (changed(object="missing.yaml"), r"missing\.yaml: cannot be read"),
    (changed(object="../other.yaml"), r"object: \.\./other\.yaml lies outside the folder"),
    (changed(object={"type": "sphere"}), r"object: center: is required|object\.center: is required"),
    (changed(object={**BALLS[0], "radius": -1}), r"radius: must be a number above 0, not -1"),
    (
        changed(object={**BALLS[0], "radius": "1e-1"}),
        r"radius: must be a number above 0, not '1e-1'; write 1\.0e-1, or YAML takes 1e-1 for text",
    ),
    (changed(object={**BALLS[0], "center": [0, "2.5E1", 0]}), r"center: must be 3 numbers, .*; write 2\.5e\+1, or YAML"),
    (changed(object={**BALLS[0], "radius": "thick"}), r"radius: must be a number above 0, not 'thick'$"),
    (changed(object={**BALLS[0], "radius": 10**400}), r"radius: must be a number above 0"),
    (
        changed(object={"type": "gyroid", "center": [0, 0, 0], "scale": 1e-7, "thickness": 0.1, "rho": 1}),
        r"scale: must be a number of at least 0\.001",
    ),
    (changed(object=TINY_CELLS), r"object: uc\.xmax: a cell of 1e-07 is too small to fill 1; make it 0\.001 or larger"),
    (
        changed(object="v.raw"),
        r"v\.raw: a \.raw file does not say .*; describe it as \{type: voxel_grid, path: v\.raw, resolution: \[nx, ny, nz\], dtype: uint16\}",
    ),
    (changed(object={**BALLS[0], "centre": [0, 0, 0]}), r"centre: unknown key"),
    (changed(object={**BALLS[0], "center": [0, 0]}), r"center: must be 3 numbers"),
    (changed(object={**BALLS[0], "center": [0, 0, float("nan")]}), r"center: must be 3 numbers"),
    (changed(object={**BALLS[0], "rho": -1}), r"rho: is negative, a hole"),
    (changed(object={"type": "object_collection", "objects": []}), r"objects: must be a list with at least one entry"),
    (changed(object={"type": "object_collection", "objects": [BALLS[0], {"type": "bal"}]}), r"objects\[1\]\.type: must be one of"),
    (changed(object={"type": "cylinder", "p0": [0, 0, 0], "p1": [0, 0, 0], "radius": 1}), r"p1: is the same point as p0"),
    (
        changed(object={"type": "parallelepiped", "origin": [0, 0, 0], "v0": [1, 0, 0], "v1": [2, 0, 0], "v2": [0, 0, 1], "rho": 1}),
        r"v0: .*in one plane",
    ),
    (changed(object={"type": "voxel_grid", "path": "/etc/v.npy"}), r"path: /etc/v\.npy is an absolute path"),
    (changed(object={"type": "voxel_grid", "path": "v.npy"}), r"v\.npy: cannot be read"),
    (changed(object={"type": "voxel_grid", "path": "v.raw", "resolution": [4, 4]}), r"resolution: must be 3 whole numbers"),
    (
        changed(motion={"type": "sigmoid", "amplitude": -1, "center": 0, "lengthscale": 0.1, "direction": "z"}),
        r"motion\.amplitude: folds the material",
    ),
    (
        changed(motion={"type": "sigmoid", "amplitude": 0.1, "center": 0, "lengthscale": 1e-9, "direction": "z"}),
        r"motion\.lengthscale: must be a number of at least 0\.001",
    ),
    (
        changed(motion={"type": "gaussian", "amplitudes": [0, 0, 0.1], "sigmas": [1, 1, 1e-9], "centers": [0, 0, 0]}),
        r"motion\.sigmas: must be 3 numbers of at least 0\.001",
    ),
    (changed(motion={"type": "objects", "displacements": [[0, 0, 0]]}), r"1 displacements for 2 objects"),
]


@pytest.mark.parametrize(("tree", "message"), BAD, ids=range(len(BAD)))
def test_bad_scenes_give_one_line_and_nothing_else(tmp_path, tree, message):
    path = written(tmp_path, tree)
    with pytest.raises(InputError, match=message) as caught:
        simulate(path, tmp_path / "out")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(tmp_path))  # names the file
    assert ": :" not in text
    assert not (tmp_path / "out").exists()


def test_a_reconstruction_is_an_object_in_world_units(tmp_path):
    volume = np.random.default_rng(0).random((10, 11, 12)).astype(np.float32)
    np.save(tmp_path / "v.npy", volume.transpose(2, 1, 0))
    path = tmp_path / "results" / "sample" / "t0.zarr"
    with VolumeWriter(path, volume.shape, quantity=ATTENUATION, scale=Scale(unit_mm=5.0)) as writer:
        writer[:] = volume
    for tree in ({"type": "voxel_grid", "path": "results/sample/t0.zarr"}, "results/sample/t0.zarr"):
        own, expected = made(tmp_path, changed(object=tree), "own"), made(tmp_path, changed(object="v.npy"), "expected")
        images = sorted(image.relative_to(own) for image in own.glob("images_*/*.png"))
        differences = [imageio.imread(own / image).astype(int) - imageio.imread(expected / image) for image in images]
        assert np.abs(differences).max() <= 1  # numbers per mm are rounded once more
        points = np.random.default_rng(1).uniform(-0.8, 0.8, (20, 3))
        truths = [Phantom.load(dataset / "scene.yaml").density(points, 0.5) for dataset in (own, expected)]
        assert truths[0] == pytest.approx(truths[1], abs=1e-6)
        shutil.rmtree(own)
    line = complaint(load_scene, written(tmp_path, changed(object={"type": "voxel_grid", "path": "results/other.zarr"})))
    assert "results/other.zarr: there is no such volume; check the path" in line


def npy(volume):
    file = io.BytesIO()
    np.save(file, volume)
    return file.getvalue()


NPY = npy(np.zeros((3, 3, 3), np.float32))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.npy", b"not an array", "is not a plain array"),
        ("v.raw", bytes(63), r"has 63 bytes, but 4 x 4 x 4 voxels of uint8 need 64"),
        ("v.npy", None, "is not a plain array"),
        ("v.npy", NPY[:-1], r"ends before its 3 x 3 x 3 voxels of float32 do"),
        ("v.npz", b"PK not so", "is not a plain array"),
        ("scene.yaml", b"a: [1", "is not valid YAML"),
        ("scene.yaml", b"- 1", "must map keys to values"),
        ("scene.yaml", b"times: 3\ntimes: 4\n", r"is not valid YAML \(key times is given twice, line 2"),
        ("scene.yaml", b"object: &a {type: object_collection, objects: [*a]}", r"is not valid YAML \(nested more than 64 levels"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    path = written(tmp_path, changed(object={"type": "voxel_grid", "path": name, **({"resolution": [4, 4, 4]} if name == "v.raw" else {})}))
    if content is None:
        np.save(tmp_path / name, np.array([{}], dtype=object), allow_pickle=True)
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        simulate(path, tmp_path / "out")
    assert name in str(caught.value)
    assert not (tmp_path / "out").exists()

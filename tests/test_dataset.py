"""Datasets in the reference format become prepared projections."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from PIL import Image
from tiny_dataset import DISTANCE, FOCAL, HEIGHT, WIDTH, edited

from xct4d.checks.geometry import check_focal
from xct4d.checks.intensities import Brightness
from xct4d.config import Input, Prepare, VolumeFile
from xct4d.geometry.rays import pixel_rays
from xct4d.io import prepared
from xct4d.io.volumes import load_volume
from xct4d.readers.images import read_transmission
from xct4d.readers.nikon.xtekct import Xtekct, record_files
from xct4d.readers.reference.cameras import read
from xct4d.readers.reference.transforms import discover, listed_images
from xct4d.stages.prepare import area_average, prepare
from xct4d.stages.rasterise import rasterise

DATA = os.environ.get("XCT4D_DATA")
FULL_SIZE = Prepare(target_size=None)
needs_data = pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def run(folder, state="forward", settings=FULL_SIZE, **input):
    output = folder.parent / f"prepared_{state}"
    prepare(folder, Input(folder=str(folder), **input), settings, state, output)
    return prepared.load(output)


def notes(folder, state="forward"):
    return json.loads((folder.parent / f"prepared_{state}" / "checks.json").read_text())["notes"]


# --- which file is which


def test_states_are_found_by_name(folder):
    sources = discover(folder, Input(folder="x"))
    assert [path.name for path in sources] == ["transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"]


def test_one_file_is_a_static_dataset(folder):
    for name in ("transforms_04.json", "transforms_00_to_04.json"):
        (folder / name).unlink()
    (folder / "transforms_00.json").rename(folder / "transforms_after.json")
    assert discover(folder, Input(folder="x")) == (folder / "transforms_after.json", None, None)


def test_named_files_go_before_found_ones(folder):
    (folder / "transforms_00.json").rename(folder / "before.json")
    (folder / "transforms_04.json").rename(folder / "after.json")
    input = Input(folder="x", forward="before.json", backward="after.json")
    assert [path.name for path in discover(folder, input)] == ["before.json", "after.json", "transforms_00_to_04.json"]


def test_images_are_listed_once_in_order(folder):
    listed = listed_images(folder / "transforms_00_to_04.json")
    assert len(listed) == 7 + 3 * 3 + 7
    assert listed[0] == folder / "images_00/train_00.png"


# --- geometry and pixels


def test_pixels_are_rows_of_the_detector_from_the_top_left(folder):
    frames = run(folder)
    cameras = tiny_dataset.views([*tiny_dataset.AZIMUTHS, 30.0])
    for f in range(len(frames)):
        expected = tiny_dataset.transmission(cameras, f, 0.0)
        assert frames.image(f).shape == (HEIGHT, WIDTH)
        assert np.abs(frames.image(f) - expected).max() <= 0.5 / 255 + 1e-4


def test_ball_appears_where_the_camera_formula_puts_it(folder):
    """Written out with numbers: azimuth 0 looks from +x; +y is to the right, +z up, rows downwards."""
    image = run(folder).image(0)
    weight = 1 - image
    row, column = np.indices(image.shape) + 0.5
    at = [(weight * index).sum() / weight.sum() for index in (column, row)]
    polar = np.deg2rad(80)
    x, y, z = tiny_dataset.centre(0.0)
    depth = DISTANCE - (x * np.sin(polar) + z * np.cos(polar))
    height = -x * np.cos(polar) + z * np.sin(polar)
    assert at == pytest.approx([WIDTH / 2 + FOCAL * y / depth, HEIGHT / 2 - FOCAL * height / depth], abs=0.1)


def test_downscaling_averages_areas(folder):
    frames = run(folder, settings=Prepare(downscale=4))
    full = run(folder, "forward")
    block = full.image(2)[:4, 8:12]
    assert frames.image(2).shape == (HEIGHT // 4, WIDTH // 4)
    assert frames.image(2)[0, 2] == pytest.approx(block.mean(), abs=1e-4)
    assert frames.views.focal[0] == pytest.approx(FOCAL / 4)
    assert frames.views.centre[0] == pytest.approx([WIDTH / 8, HEIGHT / 8])


def test_area_average_against_a_plain_loop():
    rng = np.random.default_rng(0)
    image = rng.random((2003, 1501), dtype=np.float32)
    small = area_average(image, 8)
    assert small.shape == (250, 187)
    for row, column in rng.integers(0, 187, (50, 2)):
        expected = image[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].astype(np.float64).mean()
        assert abs(small[row, column] - expected) < 1e-6


def test_a_target_size_is_not_undercut(folder):
    assert run(folder, settings=Prepare(target_size=10)).size(0) == (10, 8)
    assert run(folder, settings=Prepare(target_size=17)).size(0) == (32, 24)


@pytest.mark.parametrize("kind", ["png8", "png16", "tiff8", "tiff16", "tiff16_big_endian", "tiff_float", "rgb", "rgba"])
def test_image_formats(tmp_path, kind):
    truth = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    path = tmp_path / f"image.{'png' if kind in ('png8', 'png16', 'rgb', 'rgba') else 'tif'}"
    eight, sixteen = np.rint(truth * 255).astype(np.uint8), np.rint(truth * 65535).astype(np.uint16)
    if kind == "tiff16_big_endian":
        tifffile = pytest.importorskip("tifffile")
        tifffile.imwrite(path, sixteen, byteorder=">")
    else:
        pixels = {"png8": eight, "tiff8": eight, "png16": sixteen, "tiff16": sixteen, "tiff_float": truth}
        pixels |= {"rgb": np.repeat(eight[..., None], 3, 2), "rgba": np.dstack([eight, eight, eight, np.full_like(eight, 255)])}
        Image.fromarray(pixels[kind]).save(path)
    image = read_transmission(path, (WIDTH, HEIGHT), "here")
    assert image.dtype == np.float32
    assert np.abs(image - truth).max() <= (0.5 / 65535 if "16" in kind else 0 if kind == "tiff_float" else 0.5 / 255) + 1e-7


def test_intrinsics_per_frame(folder):
    with edited(folder) as tree:
        keys = ("fl_x", "fl_y", "cx", "cy", "w", "h")
        shared = {key: tree.pop(key) for key in keys}
        for i, frame in enumerate(tree["frames"]):
            frame |= shared | {"fl_x": FOCAL + i}
    assert run(folder).views.focal[:, 0].tolist() == [FOCAL + i for i in range(7)]


def test_focal_length_from_the_opening_angle(folder):
    with edited(folder) as tree:
        del tree["fl_x"], tree["fl_y"]
        tree["camera_angle_x"] = 2 * np.arctan(WIDTH / 2 / FOCAL)
    assert run(folder).views.focal == pytest.approx(FOCAL)


def test_keys_of_nerfstudio_that_say_nothing_here_may_be_there(folder):
    with edited(folder) as tree:
        tree |= {"aabb_scale": 4, "applied_transform": [[1, 0, 0, 0]], "applied_scale": 1, "ply_file_path": "a.ply", "k1": 0, "camera_model": "OPENCV"}
        for i, frame in enumerate(tree["frames"]):
            frame |= {"colmap_im_id": i, "depth_file_path": "d.png", "sharpness": 20.0, "timestamp": 3.0, "camera_id": 1}
    assert len(run(folder)) == 7


def test_a_file_written_on_windows(folder):
    path = folder / "transforms_00.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(run(folder)) == 7


def test_a_frame_s_own_focal_length_goes_before_the_file_s_angle(folder):
    with edited(folder) as tree:
        tree["camera_angle_x"] = 2 * np.arctan(WIDTH / 2 / tree.pop("fl_x"))
        tree["frames"][2] |= {"fl_x": 60.0}
    assert run(folder).views.focal[:4, 0] == pytest.approx([FOCAL, FOCAL, 60.0, FOCAL])


def test_several_cameras_in_a_frame(folder):
    cameras = tiny_dataset.views([0.0, 4.0])
    with edited(folder, "transforms_00_to_04.json") as tree:
        frame = next(f for f in tree["frames"] if f["file_path"] == "images_02/train_00.png")
        frame |= {"transform_matrix": [tiny_dataset.matrix(cameras, i) for i in range(2)], "time": [0.45, 0.55], "camera_weights": [3, 1]}
    frames = run(folder, "between")
    f = frames.name.index("images_02/train_00.png")
    view = slice(*frames.first_view[f : f + 2])
    assert frames.weight[view].tolist() == [0.75, 0.25]
    assert frames.time[view] == pytest.approx([0.45, 0.55])
    assert frames.views.camera_to_world[view] == pytest.approx(cameras.camera_to_world)
    assert frames.frame_time()[f] == pytest.approx(0.475)
    assert len(frames.views) == len(frames) + 1


# --- times


def test_the_sequence_holds_no_frame_of_the_ends(folder):
    frames = run(folder, "between")
    assert sorted(set(frames.time)) == [0.25, 0.5, 0.75]
    assert len(frames) == 9
    assert set(run(folder, "backward").time) == {1.0}


def test_true_times_are_normalised_and_their_span_kept(folder):
    for name in ("transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                frame["time"] = 10 + 8 * frame["time"]
    between = run(folder, "between")
    assert sorted(set(between.time)) == pytest.approx([0.25, 0.5, 0.75])
    assert between.duration_s == 8
    assert set(run(folder, "forward").time) == {0.0}
    assert run(folder, "backward", duration_s=3.0).duration_s == 3.0


def test_scans_without_times_are_the_ends(folder):
    for name in ("transforms_00.json", "transforms_04.json"):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                del frame["time"]
    assert set(run(folder, "forward").time) == {0.0}
    assert set(run(folder, "backward").time) == {1.0}
    assert run(folder, "between").duration_s is None


def test_same_frame_twice_is_used_once_and_said(folder):
    with edited(folder) as tree:
        tree["frames"].append(tree["frames"][-1])
    assert len(run(folder)) == 7
    assert notes(folder) == ["images_00/eval_00.png is listed twice with the same camera and time; used once"]


# --- intensities that are right, though not those of a ball in air


def brightness_of(transmission, width, height, flat_field=1.0):
    """Levels of views in which each ray has a transmission of its own: transmission(rays [N, 8]) -> [N]."""
    views = replace(tiny_dataset.views(), centre=np.full((6, 2), (width / 2, height / 2)), size=np.full((6, 2), (width, height)))
    brightness = Brightness(flat_field)
    for v in range(len(views)):
        brightness.add(transmission(pixel_rays(views, v)).reshape(height, width), views, v, f"frames[{v}]")
    return brightness.check("transforms_00.json")


def solid(rays):
    return np.exp(-1.5 * (rays[:, 7] - rays[:, 6]))


def test_platens_above_and_below_a_narrow_view_are_not_air():
    """The detector sees no air beside the box, and dark steel beyond z = -1 and 1."""
    levels = brightness_of(lambda rays: np.where(rays[:, 7] > rays[:, 6], np.exp(-0.3 * (rays[:, 7] - rays[:, 6])), 0.01), 20, 72)
    assert levels["beside the box"] is None


def test_platens_beside_the_box_s_ends_are_not_air():
    def transmission(rays):  # platens as wide as the box: most rays that miss it meet one of them
        beside = np.abs(rays[:, 0] * rays[:, 4] - rays[:, 1] * rays[:, 3]) / np.hypot(rays[:, 3], rays[:, 4])
        platen = (rays[:, 7] <= rays[:, 6]) & (beside < 1)
        return np.where(platen, 0.01, np.exp(-0.3 * (rays[:, 7] - rays[:, 6])))

    assert brightness_of(transmission, 40, 144)["beside the box"] == 1.0


def test_a_sample_may_fill_the_view():
    levels = brightness_of(solid, 16, 16)
    assert levels["beside the box"] is None
    assert levels["inside"] < levels["at its rim"] < 0.1


def test_intensities_are_measured_by_the_flat_field(folder):
    """Air of a declared transmission of 0.03 is no darkness."""
    for path in (folder / "images_00").iterdir():
        Image.fromarray(np.rint(np.asarray(Image.open(path)) / 255 * np.exp(-3.5) * 65535).astype(np.uint16)).save(path)
    with edited(folder) as tree:
        tree["flat_field"] = np.exp(-3.5)
    assert run(folder).flat_field == pytest.approx(0.0302, abs=1e-4)


@pytest.mark.parametrize(("state", "key"), [("forward", "canonical"), ("backward", "canonical"), ("between", "velocity")])
def test_the_note_on_air_names_the_key_that_fits_it(folder, state, key):
    for name in ("transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"):
        with edited(folder, name) as tree:
            tree["flat_field"] = 0.9
    run(folder, state)
    assert notes(folder, state)[-1] == f"air has transmission 1, flat_field says 0.9; {key}.flat_field.train: true fits it"


# --- split


def names(frames, held_out):
    return [Path(name).stem for name, out in zip(frames.name, frames.held_out, strict=True) if out == held_out]


def test_split_by_name(folder):
    frames = run(folder)
    assert names(frames, True) == ["eval_00"]
    assert len(names(frames, False)) == 6


@pytest.mark.parametrize(
    ("limits", "kept"),
    [({"imin": 1, "istep": 2}, [1, 3, 5]), ({"imin": 2, "imax": 4}, [2, 3, 4]), ({"indices": [0, 5]}, [0, 5]), ({"istep": 4}, [0, 4])],
)
def test_split_by_number(folder, limits, kept):
    frames = run(folder, split=limits)
    assert names(frames, False) == [f"train_{i:02d}" for i in kept]
    assert names(frames, True) == ["eval_00"]
    image = frames.image(1)
    assert np.abs(image - tiny_dataset.transmission(tiny_dataset.views(), kept[1], 0.0)).max() < 0.003


def test_a_thinned_scan_leaves_the_sequence_whole(folder):
    limits = {"imin": 1, "istep": 2}
    assert len(run(folder, split=limits)) == 4
    assert names(run(folder, "between", split=limits), False) == names(run(folder, "between"), False) == 3 * ["train_00", "train_01"]


@pytest.mark.parametrize(("name", "held_out"), [("strain05_eval_00", True), ("retrieval7_train_00", False), ("scan2train00", False)])
def test_the_end_of_another_word_says_nothing(folder, name, held_out):
    (folder / "images_00/train_02.png").rename(folder / f"images_00/{name}.png")
    with edited(folder) as tree:
        tree["frames"][2]["file_path"] = f"images_00/{name}.png"
    assert name in names(run(folder), held_out)
    assert names(run(folder, split={"indices": [0, 1]}), False) == ["train_00", "train_01"] + [name] * (not held_out)


def test_split_by_interval_fraction_list_none(folder):
    assert names(run(folder, split={"method": "interval", "interval": 3}), True) == ["train_02", "train_05"]
    assert names(run(folder, split={"method": "interval"}), True) == []
    assert names(run(folder, split={"method": "fraction", "fraction": 0.7}), True) == ["train_01", "train_05"]
    assert names(run(folder, split={"method": "fraction"}), True) == ["train_03"]
    listed = {"method": "list", "held_out": ["train_01.png", "images_00/train_03.png"]}
    assert names(run(folder, split=listed), True) == ["train_01", "train_03"]
    assert names(run(folder, split={"method": "none"}), True) == []


def test_listed_names_may_belong_to_another_state(folder):
    assert names(run(folder, split={"method": "list", "held_out": ["images_04/train_01.png"]}), True) == []


def test_held_out_views_that_are_trained_on_are_noted(folder, capsys):
    """As in the reference program's own balls: eval_00 has the camera of train_00."""
    with edited(folder, "transforms_00_to_04.json") as tree:
        for number in range(1, 3):
            own = [frame for frame in tree["frames"] if frame["file_path"].startswith(f"images_{number:02d}/")]
            own[-1]["transform_matrix"] = (np.array(own[0]["transform_matrix"]) + 1e-9 * np.eye(4)[::-1] * [1, 1, 1, 0]).tolist()
    run(folder, "between")
    said = "held out, but with the camera and time of a projection that is trained on: images_01/eval_00.png and 1 more"
    assert notes(folder, "between")[-1] == f"{said}; the score says nothing about unseen views"
    assert said in capsys.readouterr().err
    run(folder)
    assert notes(folder) == []


def test_lists_in_the_file_decide(folder):
    with edited(folder) as tree:
        files = [frame["file_path"] for frame in tree["frames"]]
        tree["train_filenames"], tree["val_filenames"], tree["test_filenames"] = files[:3], files[3:4], files[4:5]
    frames = run(folder)
    assert names(frames, False) == ["train_00", "train_01", "train_02"]
    assert names(frames, True) == ["train_03", "train_04"]


# --- units, volumes, output


def test_unit_comes_from_the_config_before_the_file(folder):
    with edited(folder) as tree:
        tree["unit_mm"] = 5.0
    assert run(folder, "between").unit_mm == 5.0
    assert run(folder, "forward", unit_mm=7.0).unit_mm == 7.0


def test_axis_order_of_volumes_at_the_border(tmp_path):
    """One marked voxel at x = 1, y = 2, z = 3 of a 4 x 5 x 6 volume (x, y, z)."""
    volume = np.zeros((4, 5, 6), np.float32)
    volume[1, 2, 3] = 1
    np.save(tmp_path / "v.npy", volume)
    np.savez(tmp_path / "v.npz", vol=volume)
    volume.transpose(2, 1, 0).tofile(tmp_path / "v.raw")
    for file in (VolumeFile(path="v.npy"), VolumeFile(path="v.npz"), VolumeFile(path="v.raw", shape=(6, 5, 4), dtype="float32")):
        loaded = load_volume(file, tmp_path, "input.forward_volume")
        assert loaded.shape == (6, 5, 4)
        assert np.argwhere(loaded).tolist() == [[3, 2, 1]]


@pytest.mark.parametrize(("dtype", "stored", "value"), [("uint32", 2**32 - 1, 1.0), ("int16", 32767, 1.0), ("int16", -16384, -0.500015)])
def test_whole_numbers_of_a_raw_volume(tmp_path, dtype, stored, value):
    np.full((2, 3, 4), stored, dtype).tofile(tmp_path / "v.raw")
    loaded = load_volume(VolumeFile(path="v.raw", shape=(2, 3, 4), dtype=dtype), tmp_path, "input.forward_volume")
    assert loaded == pytest.approx(value)


def test_object_description_becomes_voxels(tmp_path):
    (tmp_path / "object.yaml").write_text("type: sphere\ncenter: [0.5, 0, -0.5]\nradius: 0.3\nrho: 0.7\n")
    rasterise(VolumeFile(path="object.yaml"), tmp_path, 20, "input.forward_volume", tmp_path / "out" / "object.npy")
    volume = load_volume(VolumeFile(path="object.npy"), tmp_path / "out", "input.forward_volume")
    assert volume.dtype == np.float32
    assert volume[5, 10, 15] == pytest.approx(0.7)
    assert volume[15, 10, 5] == 0


def test_output_is_complete_and_repeatable(folder):
    run(folder)
    output = folder.parent / "prepared_forward"
    assert sorted(os.listdir(output)) == ["checks.json", "frames.json", "preview.png", "projections.npy"]
    first = {name: (output / name).read_bytes() for name in os.listdir(output)}
    run(folder)
    assert first == {name: (output / name).read_bytes() for name in os.listdir(output)}
    assert sorted(os.listdir(folder.parent)) == ["dataset", "prepared_forward"]


# --- Nikon

XTEKCT = """[XTekCT]
VoxelsX={pixels}
VoxelSizeX=0.05
SrcToObject=100.0
SrcToDetector=600.0
DetectorPixelsX={pixels}
DetectorPixelSizeX={size}
DetectorPixelsY={rows}
DetectorPixelSizeY={size}
[DICOM]
DICOMTags=<?xml version="1.0"?><a b="100%" c="=;"/>
"""


@pytest.mark.parametrize(
    ("pixels", "rows", "size", "found"),
    [(32, 24, 12.5, "the whole detector"), (64, 48, 12.5, "a cropped detector"), (64, 48, 6.25, "binned pixels")],
)
def test_scanner_record_agrees(folder, pixels, rows, size, found):
    (folder / "scan.xtekct").write_text(XTEKCT.format(pixels=pixels, rows=rows, size=size))
    for name in ("transforms_04.json", "transforms_00_to_04.json"):
        (folder / name).unlink()
    frames = run(folder)
    checks = json.loads((folder.parent / "prepared_forward/checks.json").read_text())["checks"]
    assert checks["scanner"] == f"focal lengths agree with scan.xtekct ({found})"
    assert frames.unit_mm == pytest.approx(100.0 / (DISTANCE * np.sin(np.deg2rad(80))))


def test_two_scanner_records_are_noted(folder):
    for name in ("a.xtekct", "b.XTEKCT"):
        (folder / name).write_text(XTEKCT.format(pixels=32, rows=24, size=12.5))
    assert run(folder).unit_mm is None
    assert notes(folder) == ["which scan is whose: a.xtekct, b.XTEKCT? None is used, neither to check focal lengths nor for the unit; leave one"]


@needs_data
@pytest.mark.parametrize("scan", ["balls3", "cube", "pillars", "balls7_th"])
def test_scanner_records_of_real_scans(scan):
    dataset = read(Path(DATA) / "nikon_metadata" / scan / "transforms.json")
    record = Xtekct(record_files(dataset.path.parent)[0]).record()
    assert "the whole detector" in check_focal(dataset.projections, record)
    half_width = {"balls3": 18.00777, "cube": 20.91962, "pillars": 31.69942, "balls7_th": 15.25101}[scan]
    assert record.unit_mm == pytest.approx(half_width)
    # balls3 was converted with another unit than the others, see its README
    assert record.measured_unit_mm(dataset.projections) == pytest.approx(16.544 if scan == "balls3" else half_width, rel=1e-4)


# --- shared data


@needs_data
def test_balls_of_the_reference_program(tmp_path):
    folder = Path(DATA) / "balls_upstream"
    for state, count, held_out in (("forward", 17, 1), ("backward", 17, 1), ("between", 57, 19)):
        prepare(folder, Input(folder=str(folder)), Prepare(target_size=125), state, tmp_path / state)
        frames = prepared.load(tmp_path / state)
        assert (len(frames), int(frames.held_out.sum()), frames.size(0)) == (count, held_out, (125, 125))
    assert sorted(set(np.round(frames.time * 20, 9))) == list(range(1, 20))
    notes = json.loads((tmp_path / "between/checks.json").read_text())["notes"]
    assert "camera and time of a projection that is trained on: images_01/eval_00.png and 18 more" in notes[-1]


@needs_data
def test_real_scan_holds_out_every_third(tmp_path):
    folder = Path(DATA) / "nikon_balls"
    input = Input(folder=str(folder), forward="transforms_corrected.json", split={"method": "interval", "interval": 3})
    prepare(folder, input, Prepare(), "forward", tmp_path / "out")
    frames = prepared.load(tmp_path / "out")
    assert names(frames, True) == [f"train_{i:03d}" for i in (3, 6, 9, 12, 15)]
    assert frames.size(0) == (250, 250)
    assert frames.unit_mm == pytest.approx(34.40985, rel=1e-5)

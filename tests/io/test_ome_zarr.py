"""Volumes on disk: round trips, what viewers read, nothing half written."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import zarr
from volumes_on_disk import arrows, ramp, read_volume

from xct4d.errors import InputError
from xct4d.io.ome_writer import COARSEST, VolumeWriter
from xct4d.io.ome_zarr import open_volume
from xct4d.quantities import ATTENUATION, DISPLACEMENT, QUANTITIES, VELOCITY, Display, Quantity
from xct4d.units import NUMBER, WORLD, Scale


@pytest.fixture(autouse=True)
def _small_levels(monkeypatch):
    """Coarser levels of volumes as small as those of the tests."""
    monkeypatch.setattr("xct4d.io.ome_writer.COARSEST", 10)


def write(path, volume, dtype="float32", *, quantity=ATTENUATION, **options):
    with VolumeWriter(path, volume.shape[-3:], dtype, quantity=quantity, **options) as writer:
        for start in range(0, volume.shape[-3], 4):
            writer[start : start + 4, :, 0:5] = volume[..., start : start + 4, :, 0:5]
            writer[start : start + 4, :, 5:] = volume[..., start : start + 4, :, 5:]
    return writer


@pytest.mark.parametrize("unit_mm", [None, 34.4])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "uint16"])
def test_attenuation_comes_back(tmp_path, dtype, unit_mm):
    volume = ramp()
    writer = write(tmp_path / "v.zarr", volume, dtype, scale=Scale(unit_mm))
    back, attributes = read_volume(tmp_path / "v.zarr")
    scale = 1 if unit_mm is None else 1 / unit_mm
    top = volume.max() * scale
    # half a step of the type, or its rounding
    tolerance = {"float32": 2e-7, "float16": 2**-11, "uint8": 0.5 / 255, "uint16": 0.5 / 65535}[dtype] * top + 1e-6 * top
    assert back.dtype == np.float32
    assert back.shape == volume.shape
    assert np.abs(back - volume * scale).max() <= tolerance
    assert attributes["unit"] == ("1/world unit" if unit_mm is None else "1/mm")
    assert attributes["unit_mm"] == unit_mm
    assert writer.clipped == attributes["clipped_voxels"] == 0
    assert attributes["range"] == pytest.approx([0, top])


def test_whole_numbers_span_the_window_and_count_what_is_outside(tmp_path):
    volume = ramp()
    writer = write(tmp_path / "v.zarr", volume, "uint8", window=(1.0, 3.0), scale=Scale(2.0))
    stored = zarr.open_group(str(tmp_path / "v.zarr"), mode="r")["0"][:]
    outside = (volume < 1 - 1 / 255) | (volume > 3 + 1 / 255)
    assert writer.clipped == np.count_nonzero(outside) > 0
    assert stored.dtype == np.uint8
    exact = np.clip((volume.astype(np.float64) - 1) / 2, 0, 1) * 255
    assert np.abs(stored - exact).max() <= 0.5 + 1e-4  # the nearest whole number, ties aside
    back, attributes = read_volume(tmp_path / "v.zarr")
    assert attributes["window"] == [0.5, 1.5]
    assert attributes["clipped_voxels"] == writer.clipped
    assert np.abs(back - np.clip(volume, 1, 3) / 2).max() <= 0.5 / 255 + 1e-6


def test_without_a_window_nothing_is_clipped_and_the_scratch_goes(tmp_path):
    volume = ramp() - 1  # negative values too
    writer = write(tmp_path / "v.zarr", volume, "uint16")
    assert writer.clipped == 0
    assert read_volume(tmp_path / "v.zarr")[1]["window"] == pytest.approx([-1, volume.max()])
    assert sorted(p.name for p in (tmp_path / "v.zarr").iterdir()) == ["0", "zarr.json"]


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_empty_space_is_zero(tmp_path, dtype):
    with VolumeWriter(tmp_path / "v.zarr", (5, 5, 5), dtype, quantity=ATTENUATION) as writer:
        writer[:] = np.zeros((5, 5, 5))
    back, _ = read_volume(tmp_path / "v.zarr")
    assert not back.any()


def test_what_viewers_read(tmp_path):
    """The MUSTs of OME-NGFF 0.5, sections 'axes', 'coordinateTransformations', 'multiscales' and 'omero'."""
    n = (66, 70, 75)
    write(tmp_path / "v.zarr", ramp(n), scale=Scale(3.0), attributes={"time": 0.25})
    group = json.loads((tmp_path / "v.zarr" / "zarr.json").read_text())
    assert (group["zarr_format"], group["node_type"]) == (3, "group")
    ome = group["attributes"]["ome"]
    assert ome["version"] == "0.5"
    (scales,) = ome["multiscales"]
    assert scales["axes"] == [{"name": a, "type": "space", "unit": "millimeter"} for a in "zyx"]
    assert {"name", "type", "metadata", "datasets"} <= set(scales)
    assert [d["path"] for d in scales["datasets"]] == ["0", "1", "2"]
    sizes = []
    for level, dataset in enumerate(scales["datasets"]):
        scale, translation = dataset["coordinateTransformations"]  # exactly one scale, then at most one translation
        assert scale["type"] == "scale"
        assert translation["type"] == "translation"
        step = [2 * 3.0 / m * 2**level for m in n]
        assert scale["scale"] == pytest.approx(step)
        assert translation["translation"] == pytest.approx([-3 + s / 2 for s in step])
        array = json.loads((tmp_path / "v.zarr" / dataset["path"] / "zarr.json").read_text())
        assert (array["zarr_format"], array["node_type"], array["data_type"]) == (3, "array", "float32")
        assert array["dimension_names"] == ["z", "y", "x"]
        sizes.append(tuple(array["shape"]))
    assert sizes == [n, (33, 35, 38), (17, 18, 19)]
    (channel,) = ome["omero"]["channels"]
    assert {"label", "color", "family", "active"} <= set(channel)
    assert len(channel["color"]) == 6
    window = channel["window"]
    assert window["min"] <= window["start"] < window["end"] <= window["max"]
    assert window["end"] == pytest.approx(ramp(n).max() / 3)
    assert group["attributes"]["xct4d"]["time"] == 0.25


def test_the_metadata_of_attenuation_stay_those_of_version_0_1(tmp_path):
    """Readers of older versions, and reruns by content, see the same volume."""
    volume = np.zeros((4, 4, 4), np.float32)
    volume[1, 2, 3] = 1.5
    write(tmp_path / "v.zarr", volume, scale=Scale(2.0), name="mixed t0.5", attributes={"kind": "mixed", "time": 0.5})
    placed = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}, {"type": "translation", "translation": [-1.5, -1.5, -1.5]}]
    scales = {
        "name": "mixed t0.5",
        "type": "mean",
        "metadata": {
            "description": "each level averages 2 x 2 x 2 voxels of the finer one",
            "method": "numpy.mean",
            "version": np.__version__,
        },
        "axes": [{"name": axis, "type": "space", "unit": "millimeter"} for axis in "zyx"],
        "datasets": [{"path": "0", "coordinateTransformations": placed}],
    }
    window = {"min": 0.0, "max": 0.75, "start": 0.0, "end": 0.75}
    channel = {"label": "attenuation", "color": "FFFFFF", "family": "linear", "active": True, "window": window}
    own = {
        "kind": "mixed", "time": 0.5, "quantity": "linear attenuation coefficient", "unit": "1/mm", "unit_mm": 2.0,
        "window": None, "range": [0.0, 0.75], "clipped_voxels": 0,
    }  # fmt: skip
    expected = {"ome": {"version": "0.5", "multiscales": [scales], "omero": {"channels": [channel]}}, "xct4d": own}
    found = json.loads((tmp_path / "v.zarr" / "zarr.json").read_text())["attributes"]
    assert list(found["xct4d"].pop("digests")) == ["zarr.json", "0/c/0/0/0", "0/zarr.json"]
    assert json.dumps(found) == json.dumps(expected)  # in the same order, too


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float16", 2e-3), ("uint16", 1e-4)])
def test_a_vector_comes_back_component_by_component(tmp_path, dtype, tolerance):
    field = arrows((40, 12, 14))
    write(tmp_path / "v.zarr", field, dtype, quantity=VELOCITY, scale=Scale(2.0, 4.0), chunk=16, shard=32)
    volume = open_volume(tmp_path / "v.zarr")
    assert volume.quantity is VELOCITY
    assert volume.unit == "mm/s"
    assert volume.shape == (3, 40, 12, 14)
    assert np.abs(volume[:] - field / 2).max() <= tolerance * 10
    assert np.abs(volume[1, 8:20, 3] - field[1, 8:20, 3] / 2).max() <= tolerance * 10
    assert np.abs(volume.in_world_units()[:] - field).max() <= tolerance * 20
    assert volume.in_world_units().unit == "world unit/time unit"
    assert volume.attributes["components"] == ["x", "y", "z"]
    assert (volume.attributes["unit_mm"], volume.attributes["duration_s"]) == (2.0, 4.0)
    coarse = open_volume(tmp_path / "v.zarr", level=1)
    assert coarse.shape == (3, 20, 6, 7)
    assert np.allclose(coarse[:], (field / 2).reshape(3, 20, 2, 6, 2, 7, 2).mean((2, 4, 6)), atol=tolerance * 10)


def test_what_viewers_read_of_a_vector(tmp_path):
    write(tmp_path / "v.zarr", arrows(), quantity=DISPLACEMENT, scale=Scale(3.0))
    ome = zarr.open_group(str(tmp_path / "v.zarr"), mode="r").attrs["ome"]
    (scales,) = ome["multiscales"]
    assert scales["axes"] == [{"name": "c", "type": "channel"}] + [{"name": a, "type": "space", "unit": "millimeter"} for a in "zyx"]
    scale, translation = scales["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == pytest.approx([1, 0.6, 0.5, 6 / 14])
    assert translation["translation"] == pytest.approx([0, -2.7, -2.75, -3 + 3 / 14])
    assert json.loads((tmp_path / "v.zarr" / "0" / "zarr.json").read_text())["dimension_names"] == ["c", "z", "y", "x"]
    assert [channel["label"] for channel in ome["omero"]["channels"]] == ["displacement x", "displacement y", "displacement z"]
    most = 3 * ramp().max() / 2  # of all components, so that colours compare
    for channel in ome["omero"]["channels"]:
        assert (channel["window"]["start"], channel["window"]["end"]) == pytest.approx((-most, most))


UNKNOWN_IN_PLACES = Quantity(
    name="trust", label="trust", description="", dimension=NUMBER, may_be_nan=True, display=Display(colour_map="viridis")
)  # fmt: skip


def test_nan_is_stored_where_the_quantity_may_be_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr("xct4d.quantities.QUANTITIES", (UNKNOWN_IN_PLACES,))
    volume = ramp((40, 40, 40))
    volume[:20] = np.nan
    volume[20, 0, 0] = np.nan
    write(tmp_path / "v.zarr", volume, quantity=UNKNOWN_IN_PLACES)
    back = open_volume(tmp_path / "v.zarr")
    assert np.array_equal(back[:], volume, equal_nan=True)
    assert back.attributes["range"] == pytest.approx([volume[20, 0, 1], volume[-1, -1, -1]])
    coarse = open_volume(tmp_path / "v.zarr", level=1)[:]
    assert np.isnan(coarse[:10]).all()
    assert coarse[10, 0, 0] == pytest.approx(np.nanmean(volume[20:22, :2, :2]))  # of the seven that are known
    assert not np.isnan(coarse[10:]).any()
    write(tmp_path / "none.zarr", np.full((4, 4, 4), np.nan, np.float32), quantity=UNKNOWN_IN_PLACES)
    assert open_volume(tmp_path / "none.zarr").attributes["range"] is None
    with pytest.raises(ValueError, match="infinite"):
        write(tmp_path / "v.zarr", np.full((4, 4, 4), np.inf, np.float32), quantity=UNKNOWN_IN_PLACES)
    with pytest.raises(ValueError, match="uint8 cannot hold"):
        VolumeWriter(tmp_path / "v.zarr", (4, 4, 4), "uint8", quantity=UNKNOWN_IN_PLACES)


@pytest.mark.parametrize(("scale", "half"), [(WORLD, 1.0), (Scale(3.0), 3.0)])
def test_coordinates_are_the_centres_of_the_voxels(tmp_path, scale, half):
    write(tmp_path / "v.zarr", ramp((40, 12, 14)), scale=scale)
    volume = open_volume(tmp_path / "v.zarr")
    for axis, n in zip(volume.coordinates, volume.shape, strict=True):
        assert np.allclose(axis, half * (-1 + (np.arange(n) + 0.5) * 2 / n))
    for axis, n in zip(volume.in_world_units().coordinates, volume.shape, strict=True):
        assert np.allclose(axis, -1 + (np.arange(n) + 0.5) * 2 / n)
    assert np.allclose(open_volume(tmp_path / "v.zarr", level=1).coordinates[0], half * (-1 + (np.arange(20) + 0.5) / 10))


def test_world_units_are_those_that_were_written(tmp_path):
    write(tmp_path / "v.zarr", ramp(), scale=Scale(34.4))
    volume = open_volume(tmp_path / "v.zarr").in_world_units()
    assert volume.unit == "1/world unit"
    assert np.allclose(volume[:], ramp(), rtol=1e-6)


def test_a_level_that_is_not_there_is_named(tmp_path):
    write(tmp_path / "v.zarr", ramp())
    with pytest.raises(InputError, match=r"v\.zarr: has no level 3; its levels are 0 \(the finest\) to 0"):
        open_volume(tmp_path / "v.zarr", level=3)


def test_axes_without_a_known_unit_have_none(tmp_path):
    write(tmp_path / "v.zarr", ramp())
    ome = zarr.open_group(str(tmp_path / "v.zarr"), mode="r").attrs["ome"]
    assert ome["multiscales"][0]["axes"] == [{"name": a, "type": "space"} for a in "zyx"]
    assert ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][1]["translation"] == pytest.approx(
        [-0.9, -1 + 1 / 12, -1 + 1 / 14]
    )


@pytest.mark.parametrize(("n", "sizes"), [(19, [19]), (20, [20, 10]), (51, [51, 26, 13])])
def test_levels_end_before_they_are_too_coarse_to_show(tmp_path, n, sizes):
    write(tmp_path / "v.zarr", ramp((n, 12, 14)), chunk=8)
    group = zarr.open_group(str(tmp_path / "v.zarr"), mode="r")
    assert [group[dataset["path"]].shape[0] for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]] == sizes


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)
def test_the_coarsest_level_of_every_quantity_has_about_a_hundred_voxels(tmp_path, monkeypatch, quantity):
    monkeypatch.setattr("xct4d.io.ome_writer.COARSEST", COARSEST)
    with VolumeWriter(tmp_path / "v.zarr", (400, 8, 8), quantity=quantity) as writer:
        writer[:] = np.ones((*quantity.shape, 400, 8, 8), np.float32)
    group = zarr.open_group(str(tmp_path / "v.zarr"), mode="r")
    assert [group[dataset["path"]].shape[-3] for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]] == [400, 200, 100]


def test_coarser_levels_are_averages(tmp_path):
    volume = np.random.default_rng(0).random((40, 41, 42)).astype(np.float32)
    write(tmp_path / "v.zarr", volume, chunk=16)
    coarse = open_volume(tmp_path / "v.zarr", level=1)[:]
    assert coarse.shape == (20, 21, 21)
    assert np.allclose(coarse[:, :20], volume[:, :40].reshape(20, 2, 20, 2, 21, 2).mean((1, 3, 5)), atol=1e-6)
    assert np.allclose(coarse[:, 20], volume[:, 40].reshape(20, 2, 21, 2).mean((1, 3)), atol=1e-6)  # the odd layer alone


def test_shards_hold_many_chunks(tmp_path):
    volume = np.random.default_rng(0).random((40, 40, 40)).astype(np.float32)
    write(tmp_path / "plain.zarr", volume, chunk=8)
    write(tmp_path / "sharded.zarr", volume, chunk=8, shard=32)
    assert np.array_equal(read_volume(tmp_path / "sharded.zarr")[0], volume)
    files = [sum(p.is_file() for p in (tmp_path / name / "0" / "c").rglob("*")) for name in ("plain.zarr", "sharded.zarr")]
    assert files == [125, 8]
    with pytest.raises(ValueError, match="multiple"):
        VolumeWriter(tmp_path / "v.zarr", (8, 8, 8), quantity=ATTENUATION, chunk=8, shard=12)


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="NaN"), VolumeWriter(tmp_path / "v.zarr", (4, 4, 4), quantity=ATTENUATION) as writer:
        writer[0:2] = np.zeros((2, 4, 4))
        writer[2:4] = np.full((2, 4, 4), np.nan)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="nothing was written"), VolumeWriter(tmp_path / "v.zarr", (4, 4, 4), quantity=ATTENUATION):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_write_leaves_no_volume_and_the_next_one_cleans_up(tmp_path):
    script = textwrap.dedent("""
        import sys, time, numpy as np
        from xct4d.io.ome_writer import COARSEST, VolumeWriter
        from xct4d.quantities import ATTENUATION
        with VolumeWriter(sys.argv[1], (32, 32, 32), "uint8", quantity=ATTENUATION, chunk=8) as writer:
            writer[0:16] = np.ones((16, 32, 32))
            print("half", flush=True)
            time.sleep(60)
    """)
    target = tmp_path / "v.zarr"
    with subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not target.exists()
    assert all(path.name.startswith(".v.zarr.xct4d-") for path in tmp_path.iterdir())  # the temporary and its lock, hidden
    with pytest.raises(InputError, match=r"v\.zarr: is not a Zarr volume"):
        read_volume(target)
    write(target, ramp())
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]
    assert np.array_equal(read_volume(target)[0], ramp())


@pytest.mark.parametrize("dtype", ["float32", "uint8"])  # a whole-number volume goes through the scratch array
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, dtype):
    script = textwrap.dedent("""
        import resource, sys, numpy as np
        from xct4d.errors import InputError
        from xct4d.io.ome_writer import COARSEST, VolumeWriter
        from xct4d.quantities import ATTENUATION
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        noise = np.random.default_rng(0).random((32, 32, 32))
        try:
            with VolumeWriter(sys.argv[1], (32, 32, 32), sys.argv[2], quantity=ATTENUATION) as writer:
                writer[:] = noise
        except InputError as error:
            print(error)
    """)
    target = tmp_path / "v.zarr"
    done = subprocess.run([sys.executable, "-c", script, str(target), dtype], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{target}: File too large; free space there")  # a limit stands in for the full disk
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"v\.zarr"), VolumeWriter(tmp_path / "file" / "v.zarr", (8, 8, 8), quantity=ATTENUATION) as writer:
        writer[:] = np.zeros((8, 8, 8))


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "v.zarr", ramp(), "uint16", scale=Scale(2.0))
        time.sleep(0.01)
    a, b = (sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("a", "b"))
    assert len(a) == len(b) == 3  # one chunk, two zarr.json
    assert all(x.read_bytes() == y.read_bytes() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("broken", ["no xct4d", "no ome", "flat window", "json", "foreign", "quantity", "unit"])
def test_other_folders_are_refused_in_one_line(tmp_path, broken):
    path = tmp_path / "v.zarr"
    write(path, ramp(), "uint8")
    text = (path / "zarr.json").read_text()
    record = json.loads(text)
    if broken == "json":
        (path / "zarr.json").write_text(text[:100])
    elif broken == "foreign":
        zarr.create_group(str(path), zarr_format=3, overwrite=True)
    else:
        if broken == "flat window":
            record["attributes"]["xct4d"]["window"] = [1, 1]
        elif broken in ("quantity", "unit"):
            record["attributes"]["xct4d"][broken] = "furlong"
        else:
            del record["attributes"][broken.removeprefix("no ")]
        (path / "zarr.json").write_text(json.dumps(record))
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert "v.zarr" in str(caught.value)
    assert "\n" not in str(caught.value)

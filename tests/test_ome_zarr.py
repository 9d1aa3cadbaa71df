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

from xct4d.errors import InputError
from xct4d.io.ome_zarr import VolumeWriter, open_volume, read_volume


def ramp(shape=(10, 12, 14)):
    """Attenuation that differs along every axis, 0 to 5.8 per world unit."""
    z, y, x = np.indices(shape)
    return (0.3 * z + 0.2 * y + 0.1 * x / (shape[2] - 1) * 9).astype(np.float32)


def write(path, volume, dtype="float32", **options):
    with VolumeWriter(path, volume.shape, dtype, **options) as writer:
        for start in range(0, volume.shape[0], 4):
            writer[start : start + 4, :, 0:5] = volume[start : start + 4, :, 0:5]
            writer[start : start + 4, :, 5:] = volume[start : start + 4, :, 5:]
    return writer


@pytest.mark.parametrize("unit_mm", [None, 34.4])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "uint16"])
def test_attenuation_comes_back(tmp_path, dtype, unit_mm):
    volume = ramp()
    writer = write(tmp_path / "v.zarr", volume, dtype, unit_mm=unit_mm)
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
    writer = write(tmp_path / "v.zarr", volume, "uint8", window=(1.0, 3.0), unit_mm=2.0)
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
    with VolumeWriter(tmp_path / "v.zarr", (5, 5, 5), dtype) as writer:
        writer[:] = np.zeros((5, 5, 5))
    back, _ = read_volume(tmp_path / "v.zarr")
    assert not back.any()


def test_what_viewers_read(tmp_path):
    """The MUSTs of OME-NGFF 0.5, sections 'axes', 'coordinateTransformations', 'multiscales' and 'omero'."""
    n = (66, 70, 75)
    write(tmp_path / "v.zarr", ramp(n), unit_mm=3.0, attributes={"time": 0.25})
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


def test_axes_without_a_known_unit_have_none(tmp_path):
    write(tmp_path / "v.zarr", ramp())
    ome = zarr.open_group(str(tmp_path / "v.zarr"), mode="r").attrs["ome"]
    assert ome["multiscales"][0]["axes"] == [{"name": a, "type": "space"} for a in "zyx"]
    assert ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][1]["translation"] == pytest.approx([-0.9, -1 + 1 / 12, -1 + 1 / 14])


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
        VolumeWriter(tmp_path / "v.zarr", (8, 8, 8), chunk=8, shard=12)


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="NaN"), VolumeWriter(tmp_path / "v.zarr", (4, 4, 4)) as writer:
        writer[0:2] = np.zeros((2, 4, 4))
        writer[2:4] = np.full((2, 4, 4), np.nan)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="nothing was written"), VolumeWriter(tmp_path / "v.zarr", (4, 4, 4)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_write_leaves_no_volume_and_the_next_one_cleans_up(tmp_path):
    script = textwrap.dedent("""
        import sys, time, numpy as np
        from xct4d.io.ome_zarr import VolumeWriter
        with VolumeWriter(sys.argv[1], (32, 32, 32), "uint8", chunk=8) as writer:
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
    assert len(list(tmp_path.iterdir())) == 1  # the temporary, hidden and named after the target
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
        from xct4d.io.ome_zarr import VolumeWriter
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        noise = np.random.default_rng(0).random((32, 32, 32))
        try:
            with VolumeWriter(sys.argv[1], (32, 32, 32), sys.argv[2]) as writer:
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
    with pytest.raises(InputError, match=r"v\.zarr"), VolumeWriter(tmp_path / "file" / "v.zarr", (8, 8, 8)) as writer:
        writer[:] = np.zeros((8, 8, 8))


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "v.zarr", ramp(), "uint16", unit_mm=2.0)
        time.sleep(0.01)
    a, b = (sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("a", "b"))
    assert len(a) == len(b) == 3
    assert all(x.read_bytes() == y.read_bytes() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("broken", ["no xct4d", "no ome", "flat window", "json", "foreign"])
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
        else:
            del record["attributes"][broken.removeprefix("no ")]
        (path / "zarr.json").write_text(json.dumps(record))
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert "v.zarr" in str(caught.value)
    assert "\n" not in str(caught.value)

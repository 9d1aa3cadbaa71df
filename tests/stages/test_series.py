"""Films of the exported volumes: the same numbers, what viewers read, no second copy, nothing that a new export could spoil."""

import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import yaml
import zarr
from volumes_on_disk import ramp

from workflow import ROOT, jobs, snakemake
from xct4d.errors import InputError
from xct4d.io import links
from xct4d.io.ome_writer import VolumeWriter
from xct4d.quantities import ATTENUATION, DISPLACEMENT
from xct4d.stages.series import series
from xct4d.units import WORLD, Scale
from xct4d.workflow.plan import plan

TIMES = (0.0, 0.25, 0.5)


@pytest.fixture(autouse=True)
def _small_levels(monkeypatch):
    """Coarser levels of volumes as small as those of the tests."""
    monkeypatch.setattr("xct4d.io.ome_writer.COARSEST", 10)


def write(path, volume, dtype="float32", *, quantity=ATTENUATION, **options):
    with VolumeWriter(path, volume.shape[-3:], dtype, quantity=quantity, attributes={"kind": "mixed", "time": 0.0}, **options) as writer:
        writer[:, :, :] = volume


def exported(folder, times=TIMES, dtype="float32", shape=(40, 40, 40), **options):
    """A volume per time, one of them with empty chunks."""
    volumes = {}
    for i, t in enumerate(times):
        volume = (i + 1) * ramp(shape)
        volume[: 20 * (i == 1)] = 0
        volumes["mixed", t] = folder / f"t{t:.4f}.zarr"
        write(volumes["mixed", t], volume, dtype, chunk=16, **options)
    return volumes


def levels(path):
    group = zarr.open_group(str(path), mode="r")
    return [group[dataset["path"]] for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]]


@pytest.mark.parametrize(("dtype", "options"), [("float32", {}), ("float16", {"shard": 32}), ("uint16", {"window": (0.0, 40.0)})])
def test_a_film_holds_the_volumes(tmp_path, dtype, options):
    volumes = exported(tmp_path, dtype=dtype, **options)
    series(volumes, tmp_path / "series", WORLD)
    film = levels(tmp_path / "series" / "mixed.zarr")
    assert len(film) == len(levels(volumes["mixed", 0.0])) == 3
    for level, array in enumerate(film):
        assert array.dtype == np.dtype(dtype)
        for i, t in enumerate(TIMES):
            assert np.array_equal(array[i], levels(volumes["mixed", t])[level][:])
    assert film[0][:].any(axis=(1, 2, 3)).all()


def test_the_chunks_are_the_volumes_own_files(tmp_path):
    volumes = exported(tmp_path)
    series(volumes, tmp_path / "series", WORLD)
    one = tmp_path / "series/mixed.zarr/0/c/2/1/1/1"
    assert one.stat().st_ino == (volumes["mixed", 0.5] / "0/c/1/1/1").stat().st_ino


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError("Operation not permitted")

    volumes = exported(tmp_path)
    monkeypatch.setattr(links.os, "link", refused)
    series(volumes, tmp_path / "series", WORLD)
    assert np.array_equal(levels(tmp_path / "series/mixed.zarr")[0][2], levels(volumes["mixed", 0.5])[0][:])


def test_a_volume_exported_again_or_deleted_leaves_the_film_alone(tmp_path):
    volumes = exported(tmp_path)
    series(volumes, tmp_path / "series", WORLD)
    before = levels(tmp_path / "series/mixed.zarr")[0][:]
    write(volumes["mixed", 0.0], 9 * ramp((40, 40, 40)), chunk=16)
    shutil.rmtree(volumes["mixed", 0.5])
    assert np.array_equal(levels(tmp_path / "series/mixed.zarr")[0][:], before)


def metadata(tmp_path, times, scale):
    series(exported(tmp_path, times, scale=scale), tmp_path / "series", scale)
    return json.loads((tmp_path / "series/mixed.zarr/zarr.json").read_text())["attributes"]


def test_even_times_have_a_scale(tmp_path):
    found = metadata(tmp_path, TIMES, Scale(3.0, 8.0))
    (scales,) = found["ome"]["multiscales"]
    assert scales["name"] == "mixed"
    assert [axis["name"] for axis in scales["axes"]] == ["t", "z", "y", "x"]
    assert scales["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert scales["axes"][1] == {"name": "z", "type": "space", "unit": "millimeter"}
    scale, translation = scales["datasets"][1]["coordinateTransformations"]
    assert scale["scale"] == pytest.approx([2.0, 0.3, 0.3, 0.3])
    assert translation["translation"] == pytest.approx([0.0, -2.85, -2.85, -2.85])
    assert found["xct4d"]["times"] == list(TIMES)
    assert found["xct4d"]["seconds"] == [0.0, 2.0, 4.0]
    assert "time" not in found["xct4d"]
    assert found["ome"]["omero"]["channels"][0]["window"]["end"] == pytest.approx(3 * ramp((40, 40, 40)).max() / 3.0)


def test_uneven_times_are_counted_and_told(tmp_path):
    found = metadata(tmp_path, (0.0, 0.1, 1.0), Scale(None, 8.0))
    (scales,) = found["ome"]["multiscales"]
    assert scales["axes"][0] == {"name": "t", "type": "time"}
    assert scales["datasets"][0]["coordinateTransformations"][0]["scale"][0] == 1.0
    assert found["xct4d"]["times"] == [0.0, 0.1, 1.0]
    assert found["xct4d"]["seconds"] == pytest.approx([0.0, 0.8, 8.0])


def test_a_film_of_vectors_keeps_their_components(tmp_path):
    fields = {t: np.stack([ramp((40, 40, 40)), -ramp((40, 40, 40)), np.full((40, 40, 40), t, np.float32)]) * (1 + t) for t in TIMES}
    volumes = {("displacement", t): tmp_path / f"t{t:.4f}.zarr" for t in TIMES}
    for t in TIMES:
        write(volumes["displacement", t], fields[t], quantity=DISPLACEMENT, chunk=16, shard=32, scale=Scale(2.0))
    series(volumes, tmp_path / "series", Scale(2.0, 8.0))
    film = levels(tmp_path / "series/displacement.zarr")[0]
    assert film.shape == (3, 3, 40, 40, 40)
    assert film.metadata.dimension_names == ("t", "c", "z", "y", "x")
    for i, t in enumerate(TIMES):
        assert np.allclose(film[i], 2 * fields[t])
    attributes = json.loads((tmp_path / "series/displacement.zarr/zarr.json").read_text())["attributes"]
    (scales,) = attributes["ome"]["multiscales"]
    assert [axis["name"] for axis in scales["axes"]] == ["t", "c", "z", "y", "x"]
    assert scales["datasets"][0]["coordinateTransformations"][0]["scale"] == pytest.approx([2.0, 1.0, 0.1, 0.1, 0.1])
    most = 2 * 1.5 * ramp((40, 40, 40)).max()
    for channel in attributes["ome"]["omero"]["channels"]:
        assert (channel["window"]["start"], channel["window"]["end"]) == pytest.approx((-most, most))
    assert attributes["xct4d"]["range"] == pytest.approx([-most, most])


def test_quantities_are_not_mixed_in_a_film(tmp_path):
    volumes = {("mixed", t): tmp_path / f"t{t:.4f}.zarr" for t in TIMES[:2]}
    write(volumes["mixed", 0.0], ramp((8, 8, 8)))
    write(volumes["mixed", 0.25], np.stack([ramp((8, 8, 8))] * 3), quantity=DISPLACEMENT)
    with pytest.raises(InputError, match=r"t0\.2500\.zarr: holds displacement, .*t0\.0000\.zarr holds attenuation"):
        series(volumes, tmp_path / "series", WORLD)


def test_windows_that_differ_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(InputError, match="whole numbers mean other values"):
        series(exported(tmp_path, dtype="uint8"), tmp_path / "series", WORLD)
    assert not (tmp_path / "series").exists()


def test_volumes_of_different_size_are_refused(tmp_path):
    volumes = exported(tmp_path)
    write(volumes["mixed", 0.25], ramp((32, 40, 40)), chunk=16)
    with pytest.raises(InputError, match="differs in shape, type or place"):
        series(volumes, tmp_path / "series", WORLD)


def test_the_configuration_is_refused_before_anything_runs(tmp_path):
    tiny = ("--configfile", str(ROOT / "config" / "tiny.yaml"))
    done = snakemake("--dry-run", "--config", "export={dtype: uint8}", *tiny, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        f"{ROOT}/config/tiny.yaml: datasets.tiny: export.window: a series of uint8 needs one window for all times; "
        "give the attenuation at the lowest and the highest whole number, or set export.series: false"
    )
    for fine in ("export={dtype: uint8, series: false}", "export={dtype: uint8, window: [0, 2]}"):
        assert snakemake("--dry-run", "--config", fine, *tiny, cwd=tmp_path).returncode == 0


def test_of_a_sweep_only_what_is_asked_for_needs_a_window():
    """The shared stages' own dataset exports nothing, so what it would export is refused to nobody."""
    tree = {"datasets": {"d": {"input": {"scene": "tiny"}}}, "export": {"dtype": "uint8"}}
    for values, refused in ((["float16", "float32"], False), (["float16", "uint16"], True)):
        with pytest.raises(InputError, match="a series of uint16") if refused else nullcontext():
            plan(tree | {"sweep": {"export.dtype": values}}, ROOT / "config" / "scenes")


def test_a_film_in_version_0_4_needs_a_window_too():
    tree = {"datasets": {"d": {"input": {"scene": "tiny"}}}, "export": {"dtype": "uint8", "series": False, "formats": ["ome-zarr-0.4"]}}
    with pytest.raises(InputError, match=r"one window for all times.*series: false and leave ome-zarr-0\.4 out of export\.formats"):
        plan(tree, ROOT / "config" / "scenes")


@pytest.mark.parametrize("export", [{"times": [0.5]}, {"series": False}, {}])
def test_a_single_time_and_a_refusal_make_no_film(tmp_path, export):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"datasets": {"d": {"input": {"scene": "tiny"}}}, "export": export}))
    assert ("d: series" in jobs("--configfile", "c.yaml", cwd=tmp_path)) == (not export)


def test_a_time_with_a_single_value_does_not_widen_the_contrast(tmp_path):
    """As a displacement at t = 0, which is zero everywhere."""
    volumes = {("displacement", t): tmp_path / f"t{t:.4f}.zarr" for t in (0.0, 0.5)}
    for (_, t), path in volumes.items():
        write(path, np.linspace(-0.01, 0.02, 3 * 8**3).reshape(3, 8, 8, 8).astype(np.float32) * t, quantity=DISPLACEMENT)
    series(volumes, tmp_path / "series", WORLD)
    attributes = json.loads((tmp_path / "series/displacement.zarr/zarr.json").read_text())["attributes"]
    for channel in attributes["ome"]["omero"]["channels"]:
        assert (channel["window"]["start"], channel["window"]["end"]) == pytest.approx((-0.01, 0.01))

"""Outputs that were damaged after they were written are named where they are read."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from ball_projections import frames
from volumes_on_disk import arrows, ramp

from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.fields.baked import BakedField
from xct4d.io import digests, prepared
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_series import join
from xct4d.io.ome_writer import VolumeWriter
from xct4d.io.ome_zarr import open_volume
from xct4d.io.scale import load_scale
from xct4d.io.stage_records import read_history, read_metrics
from xct4d.io.volumes import load_volume
from xct4d.quantities import ATTENUATION, DISPLACEMENT
from xct4d.stages.rasterise import rasterise
from xct4d.units import WORLD


def flip(path, place=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 4
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def remove(path):
    path.unlink()


HARMS = pytest.mark.parametrize("harm", [flip, cut, empty, lengthen, remove])


@pytest.fixture
def output(tmp_path):
    """One folder that holds what each stage writes."""
    with atomic_folder(tmp_path / "results" / "o") as folder:
        own = frames([0.0, 0.5], [False, True], unit_mm=2.0)
        prepared.save(dataclasses.replace(own, counts=own.pixels > 0), folder)
        BakedField(torch.rand(4, 4, 4)).save(folder / "baked.safetensors")
        (folder / "metrics.json").write_text('{"times": [0.5]}')
        (folder / "history.json").write_text('{"step": [0], "loss": [0.25]}')
    return tmp_path / "results" / "o"


READERS = {
    "frames.json": prepared.load,
    "projections.npy": prepared.load,
    "mask.npy": prepared.load,
    "baked.safetensors": lambda folder: BakedField.load(folder / "baked.safetensors"),
    "metrics.json": lambda folder: read_metrics(folder / "metrics.json"),
    "history.json": lambda folder: read_history(folder / "history.json"),
}


@HARMS
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named_with_the_command_that_mends_it(output, name, harm):
    READERS[name](output)
    harm(output / name)
    with pytest.raises(InputError, match="is damaged") as caught:
        READERS[name](output)
    line = str(caught.value)
    assert line.startswith(f"{output / name}: is damaged (")
    assert line.endswith(f"; rm -r {output}, then start again")
    assert "\n" not in line


def test_every_byte_counts(output):
    """Also where the file would still be read."""
    content = (output / "history.json").read_bytes()
    for place in range(len(content)):
        flip(output / "history.json", place)
        with pytest.raises(InputError, match="is damaged"):
            read_history(output / "history.json")
        (output / "history.json").write_bytes(content)
    read_history(output / "history.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"metrics.json": 3}', '{"metrics.json": ["a", "b"]}', "{}"])
def test_digests_that_are_damaged_themselves(output, text):
    (output / digests.NAME).write_text(text)
    with pytest.raises(InputError, match="is damaged"):
        read_metrics(output / "metrics.json")


def test_what_a_user_wrote_or_added_is_read_unchecked(output):
    (output / ".snakemake_timestamp").touch()
    digests.check_folder(output)
    (output / digests.NAME).unlink()
    (output / "metrics.json").write_text('{"times": []}')
    assert read_metrics(output / "metrics.json") == {"times": []}


def test_of_the_scale_no_pixel_is_read(output):
    flip(output / "projections.npy")
    assert load_scale(output).unit_mm == 2.0
    flip(output / "frames.json")
    with pytest.raises(InputError, match="is damaged"):
        load_scale(output)


def test_a_recorded_digest_is_that_of_the_file(output, tmp_path):
    assert digests.recorded(output / "frames.json") == digests.file_digest(output / "frames.json")
    shutil.copy(output / "frames.json", tmp_path / "copy.json")
    assert digests.recorded(tmp_path / "copy.json") == digests.file_digest(output / "frames.json")


def volume(path, values, quantity, **options):
    with VolumeWriter(path, values.shape[-3:], quantity=quantity, chunk=4, **options) as writer:
        writer[:, :, :] = values
    return path


@pytest.fixture(params=["files", "shards", "vectors"])
def stored(request, tmp_path):
    if request.param == "vectors":
        return volume(tmp_path / "v.zarr", arrows(), DISPLACEMENT)
    return volume(tmp_path / "v.zarr", ramp(), ATTENUATION, shard=8 if request.param == "shards" else None)


@HARMS
def test_no_chunk_of_a_volume_may_be_another(stored, harm):
    expected = open_volume(stored)[:]
    chunks = [path for path in (stored / "0" / "c").rglob("*") if path.is_file()]
    for chunk in (chunks[0], chunks[-1]):
        content = chunk.read_bytes()
        harm(chunk)
        with pytest.raises(InputError, match="is damaged") as caught:
            open_volume(stored)[:]
        assert str(caught.value).startswith(f"{chunk}: is damaged (")
        with pytest.raises(InputError, match="is damaged"):
            join([0.0], [stored], stored.parent / "film.zarr", WORLD)
        chunk.write_bytes(content)
    assert np.array_equal(open_volume(stored)[:], expected)


@pytest.mark.parametrize("name", ["zarr.json", "0/zarr.json"])
def test_nor_what_says_how_a_volume_is_read(stored, name):
    record = json.loads((stored / name).read_text())
    (stored / name).write_text(json.dumps(record | {"node_type": "nothing"}))
    with pytest.raises(InputError, match=f"{name}: is damaged"):
        open_volume(stored)


def test_the_digests_of_a_volume_are_in_its_metadata(stored):
    files = {path.relative_to(stored).as_posix() for path in stored.rglob("*") if path.is_file()}
    record = json.loads((stored / "zarr.json").read_text())
    assert set(record["attributes"]["xct4d"]["digests"]) == files
    assert "digests" not in open_volume(stored).attributes
    (stored / "zarr.json").write_text(json.dumps(record, indent=7))  # as some programs lay it out anew
    digests.check_folder(stored)
    for harm in ({}, {"zarr.json": [1, "a"]}, {"0/zarr.json": [1, "a"]}, 3):
        record["attributes"]["xct4d"]["digests"] = harm
        (stored / "zarr.json").write_text(json.dumps(record))
        with pytest.raises(InputError, match=r"zarr\.json: is damaged"):
            open_volume(stored)


@pytest.mark.parametrize("place", [60, 200, -200])
def test_a_rasterised_volume_that_is_damaged(tmp_path, place):
    (tmp_path / "o.yaml").write_text("type: sphere\ncenter: [0.1, -0.3, 0.5]\nradius: 0.35\nrho: 2.0\n")
    rasterise(VolumeFile(path="o.yaml"), tmp_path, 8, "input.forward_volume", tmp_path / "v.npz")
    load_volume(VolumeFile(path="v.npz"), tmp_path, "input.forward_volume")
    flip(tmp_path / "v.npz", place)
    with pytest.raises(InputError, match=r"v\.npz"):
        load_volume(VolumeFile(path="v.npz"), tmp_path, "input.forward_volume")

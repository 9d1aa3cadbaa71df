"""Limits that real data never reach: what would hang or fill the memory is one line."""

import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest
import tiny_dataset

from xct4d.config import resolve
from xct4d.errors import InputError
from xct4d.io.mapping_files import parse_yaml, read_mapping
from xct4d.io.paths import safe_path
from xct4d.io.voxels import open_voxels
from xct4d.phantom.shapes import load_object
from xct4d.readers.nikon.xtekct import Xtekct
from xct4d.readers.reference.transforms import MOST_FRAMES, read_json
from xct4d.workflow.plan import MOST_TIMES, plan
from xct4d.workflow.sweep import MOST_VARIANTS, variants

pytestmark = pytest.mark.timeout(60)


def doubling(first, again, levels=40):
    return "\n".join([first, *(again.format(name=f"a{i}", before=f"a{i - 1}") for i in range(1, levels))]) + "\n"


BOMBS = {
    "lists": doubling("a0: &a0 [1, 2]", "{name}: &{name} [*{before}, *{before}]"),
    "mappings": doubling("a0: &a0 {x: 1}", "{name}: &{name} {{x: *{before}, y: *{before}}}"),
    "merged": doubling("a0: &a0 {x: 1}", "{name}: &{name} {{<<: [*{before}, *{before}]}}"),
    "tenfold": doubling("a0: &a0 [1]", "{name}: &{name} [" + ", ".join(["*{before}"] * 10) + "]", 12),
    "one long list": "a: &a [" + "1, " * 1000 + "1]\nb: [" + "*a, " * 1000 + "*a]\n",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_aliases_that_explode(text):
    with pytest.raises(ValueError, match=r"aliases .* repeat more than 100000 values"):
        parse_yaml(text)


def test_an_object_of_shared_aliases(tmp_path):
    ball = "a0: &a0 {type: sphere, center: [0, 0, 0], radius: 0.1, rho: 1}"
    text = doubling(ball, "{name}: &{name} {{type: object_collection, objects: [*{before}, *{before}]}}", 30)
    (tmp_path / "o.yaml").write_text(text + "type: object_collection\nobjects: [*a29]\n")
    with pytest.raises(InputError, match=r"o\.yaml: is not valid YAML \(aliases"):
        load_object(tmp_path / "o.yaml")


def test_aliases_and_long_lists_that_people_write():
    text = "a: &a {x: 1, y: [1, 2]}\nb: [" + "*a, " * 5000 + "*a]\nc: {<<: *a, z: 1}\nd: [" + "1, " * 200_000 + "1]\n"
    tree = parse_yaml(text)
    assert len(tree["b"]) == 5001
    assert tree["c"] == {"x": 1, "y": [1, 2], "z": 1}


def sweep(values):
    tree = {"datasets": {"d": {"input": {"folder": "data"}}}, "sweep": values}
    return variants("d", resolve(tree)["d"], "config: datasets.d")


def test_a_sweep_of_ten_thousand_million_combinations():
    keys = ("canonical.steps", "canonical.rays", "canonical.samples", "velocity.rays", "velocity.samples")
    with pytest.raises(InputError, match=r"datasets\.d: sweep: has 10000000000 combinations; at most 1000"):
        sweep({key: list(range(1, 101)) for key in keys})
    assert len(sweep({"canonical.steps": list(range(1, MOST_VARIANTS + 1))})) == MOST_VARIANTS


def test_more_datasets_than_anybody_has():
    tree = {"datasets": {f"d{i}": {"input": {"folder": "data"}} for i in range(300)}, "sweep": {"canonical.steps": list(range(1, 11))}}
    with pytest.raises(InputError, match=r"config: datasets: are 3000, variants among them; at most 2000"):
        plan(tree, None)


@pytest.mark.parametrize("name", ["scan.xtekct", "transforms_00.json", "images_00/train_00.png"])
def test_a_pipe_in_a_dataset_is_found_while_planning(tmp_path, name):
    """Snakemake would read what is named as an input."""
    folder = tiny_dataset.make(tmp_path / "d")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match="is a pipe or a device"):
        plan({"datasets": {"d": {"input": {"folder": str(folder)}}}}, None)


def test_more_times_than_a_film_has():
    tree = {"datasets": {"d": {"input": {"folder": "data"}}}, "export": {"times": [i / 20_000 for i in range(MOST_TIMES + 1)]}}
    with pytest.raises(InputError, match=r"export\.times: has 10001 times"):
        plan(tree, None)


def test_a_million_frames(tmp_path):
    path = tmp_path / "transforms_00.json"
    path.write_text('{"frames": [' + ", ".join(['{"file_path": "a.png"}'] * (MOST_FRAMES + 1)) + "]}")
    with pytest.raises(InputError, match=r"transforms_00\.json: frames: has 100001 projections"):
        read_json(path)


OPENED = {
    "c.yaml": read_mapping,
    "c.json": read_mapping,
    "transforms_00.json": read_json,
    "scan.xtekct": Xtekct,
    "v.npy": open_voxels,
    "v.npz": open_voxels,
    "image.png": lambda path: safe_path(path.parent, path.name, "frames[0].file_path"),
}


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("/dev/tty")])
@pytest.mark.parametrize("name", OPENED)
def test_a_pipe_or_a_device_is_not_read(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(InputError, match=r"pipe or a device|outside the folder"):
        OPENED[name](tmp_path / name)


def header(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_2_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_a_header_that_promises_terabytes(tmp_path):
    (tmp_path / "v.npy").write_bytes(header((10**5,) * 3) + bytes(100))
    with pytest.raises(InputError, match="ends before its 100000 x 100000 x 100000 voxels"):
        open_voxels(tmp_path / "v.npy")
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "v.npz", "w", compression) as archive:
            archive.writestr("vol.npy", header((2048,) * 3) + bytes(100))
        content = bytearray((tmp_path / "v.npz").read_bytes())
        place = content.index(b"PK\1\2") + 24  # the uncompressed size in the list of members
        content[place : place + 4] = struct.pack("<I", 2**32 - 2)
        (tmp_path / "v.npz").write_bytes(content)
        with pytest.raises(InputError, match="ends before its 2048 x 2048 x 2048 voxels"):
            open_voxels(tmp_path / "v.npz")


def test_more_voxels_than_any_memory_holds(tmp_path):
    with open(tmp_path / "v.raw", "wb") as file:
        file.truncate(5000**3)  # a hole: it takes no space
    with pytest.raises(InputError, match=r"v\.raw: has shape \(5000, 5000, 5000\); at most"):
        open_voxels(tmp_path / "v.raw", (5000,) * 3, "uint8")


def test_json_is_as_long_as_it_is(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"a": list(range(300_000))}))
    assert len(read_mapping(tmp_path / "c.json")["a"]) == 300_000

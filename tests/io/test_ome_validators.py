"""Volumes and films before judges that are not ours: the validators of the OME-Zarr community.

yaozarrs comes with the test requirements. ome-zarr-models holds back pydantic
(below 2.13), so it is asked only where someone has installed it.
"""

import json

import numpy as np
import pytest
import zarr

from xct4d.io.ome_writer import VolumeWriter
from xct4d.quantities import ATTENUATION, DISPLACEMENT
from xct4d.stages.convert import convert
from xct4d.stages.series import series
from xct4d.units import WORLD, Scale

SHAPE = (40, 36, 33)
TIMES = (0.0, 0.5, 1.0)


def yaozarrs(path):
    module = pytest.importorskip("yaozarrs", reason="yaozarrs is not installed (pip install 'xct4d[test]')")
    pytest.importorskip("fsspec", reason="yaozarrs reads files through fsspec, which is not installed")
    module.validate_zarr_store(path)


def ome_zarr_models(path, version="0.5"):
    module = pytest.importorskip("ome_zarr_models", reason="ome-zarr-models is not installed (it needs pydantic below 2.13)")
    module.open_ome_zarr(zarr.open_group(path, mode="r"), version=version)


judges = pytest.mark.parametrize("judge", [yaozarrs, ome_zarr_models])
kinds = pytest.mark.parametrize(
    ("quantity", "dtype", "scale", "shard"),
    [
        (ATTENUATION, "float32", WORLD, None),
        (ATTENUATION, "uint16", Scale(3.0, 8.0), None),
        (ATTENUATION, "float16", Scale(3.0), 32),
        (DISPLACEMENT, "float32", Scale(3.0, 8.0), None),
        (DISPLACEMENT, "float16", WORLD, 32),
    ],
)


def write(path, quantity, dtype, scale, shard):
    rng = np.random.default_rng(0)
    window = (0.0, 1.0) if dtype.startswith("uint") else None
    with VolumeWriter(path, SHAPE, dtype, quantity=quantity, scale=scale, chunk=16, shard=shard, window=window) as volume:
        volume[:] = rng.random((*[len(quantity.components)] * bool(quantity.components), *SHAPE))


@judges
@kinds
def test_volumes_are_valid(tmp_path, judge, quantity, dtype, scale, shard):
    write(tmp_path / "v.zarr", quantity, dtype, scale, shard)
    judge(str(tmp_path / "v.zarr"))


@judges
@kinds
def test_films_are_valid(tmp_path, judge, quantity, dtype, scale, shard):
    volumes = {(quantity.name, t): tmp_path / f"t{t}.zarr" for t in TIMES}
    for path in volumes.values():
        write(path, quantity, dtype, scale, shard)
    series(volumes, tmp_path / "series", scale)
    judge(str(tmp_path / "series" / f"{quantity.name}.zarr"))


@judges
@kinds
def test_films_in_version_0_4_are_valid_and_hold_the_same(tmp_path, judge, quantity, dtype, scale, shard):
    volumes = {(quantity.name, t): tmp_path / f"t{t}.zarr" for t in TIMES}
    for path in volumes.values():
        write(path, quantity, dtype, scale, shard)
    series(volumes, tmp_path / "series", scale)
    convert(volumes, "ome-zarr-0.4", tmp_path / "old", scale)
    path = tmp_path / "old" / f"{quantity.name}.zarr"
    judge(str(path), **({"version": "0.4"} if judge is ome_zarr_models else {}))
    old, new = zarr.open_group(path, mode="r"), zarr.open_group(tmp_path / "series" / f"{quantity.name}.zarr", mode="r")
    assert old.metadata.zarr_format == 2
    levels = [dataset["path"] for dataset in old.attrs["multiscales"][0]["datasets"]]
    assert [name for name, _ in sorted(old.members())] == levels
    for level in levels:
        assert old[level].dtype == new[level].dtype
        assert np.array_equal(old[level][:], new[level][:])
    assert old.attrs["xct4d"] == new.attrs["xct4d"]
    assert old.attrs["multiscales"][0]["version"] == "0.4"
    assert old.attrs["omero"]["channels"] == new.attrs["ome"]["omero"]["channels"]


@judges
def test_the_judges_see_what_is_wrong(tmp_path, judge):
    """Scales without an entry for the channel axis: what a vector written as a scalar would have."""
    write(tmp_path / "v.zarr", DISPLACEMENT, "float32", WORLD, None)
    judge(str(tmp_path / "v.zarr"))
    record = json.loads((tmp_path / "v.zarr" / "zarr.json").read_text())
    for dataset in record["attributes"]["ome"]["multiscales"][0]["datasets"]:
        del dataset["coordinateTransformations"][0]["scale"][0]
    (tmp_path / "v.zarr" / "zarr.json").write_text(json.dumps(record))
    with pytest.raises(Exception, match=r"(?i)scale|dimension|transform"):
        judge(str(tmp_path / "v.zarr"))

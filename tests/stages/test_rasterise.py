"""Descriptions of known objects become voxels."""

import numpy as np
import pytest
import tiny_dataset
import yaml
from preparation import complaint

from workflow import reasons
from xct4d.config import VolumeFile
from xct4d.io.volumes import load_volume
from xct4d.stages.rasterise import rasterise


def test_object_description_becomes_voxels(tmp_path):
    (tmp_path / "object.yaml").write_text("type: sphere\ncenter: [0.5, 0, -0.5]\nradius: 0.3\nrho: 0.7\n")
    rasterise(VolumeFile(path="object.yaml"), tmp_path, 20, "input.forward_volume", tmp_path / "out" / "object.npz")
    volume = load_volume(VolumeFile(path="object.npz"), tmp_path / "out", "input.forward_volume")
    assert volume.dtype == np.float32
    assert volume[5, 10, 15] == pytest.approx(0.7)
    assert volume[15, 10, 5] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type: spher\ncenter: [0, 0, 0]\nradius: 0.3\nrho: 1\n", "type: must be one of"),
        ("type: object_collection\nobjects: []\n", "objects: must be a list"),
        ("type: voxel_grid\npath: v.npy\n", "holds negative attenuation"),
    ],
)
def test_object_description_that_is_wrong(tmp_path, text, expected):
    (tmp_path / "o.yaml").write_text(text)
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), -1.0))
    output = tmp_path / "out.npz"
    line = complaint(rasterise, VolumeFile(path="o.yaml"), tmp_path, 8, "input.forward_volume", output)
    assert "o.yaml" in line
    assert expected in line
    assert not output.exists()


def test_canonical_training_waits_for_what_is_rasterised(tmp_path):
    """Of each end that has a description; voxels are read as they are."""
    folder = tiny_dataset.make(tmp_path / "data")
    (folder / "o.yaml").write_text("type: sphere\ncenter: [0.1, -0.3, 0.5]\nradius: 0.35\nrho: 2.0\n")
    np.save(folder / "v.npy", np.zeros((4, 4, 4), np.float32))
    volumes = {"forward_volume": {"path": "o.yaml"}, "backward_volume": {"path": "v.npy"}}
    tree = {"datasets": {"d": {"input": {"folder": "data", **volumes}}}, "canonical": {"volume_weight": 0.1, "bake": 16}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    found = reasons("--configfile", "c.yaml", cwd=tmp_path)
    assert [job for job in found if "rasterise" in job] == ["d: rasterise forward"]
    assert "results/d/rasterised/forward.npz" in found["d: canonical forward"]
    assert "rasterised" not in found["d: canonical backward"]

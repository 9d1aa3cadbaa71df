"""What the guide to scenes shows can be simulated, and it leaves no type out."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from xct4d.phantom import motions, shapes
from xct4d.phantom.scenes import load_scene
from xct4d.phantom.truth import Phantom
from xct4d.stages.simulate import simulate

SCENES = Path(__file__).parents[2] / "config" / "scenes"
GUIDE = (SCENES / "README.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_is_part_of_a_scene(tmp_path, block):
    """On top of the first, which is a whole one; a new object comes without the first one's motion."""
    base, block = yaml.safe_load(BLOCKS[0]), yaml.safe_load(block)
    if "object" in block:
        base.pop("motion")
    np.zeros((10, 30, 20), np.uint16).tofile(tmp_path / "v.raw")
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(base | block))
    Phantom.load(tmp_path / "scene.yaml")


@pytest.mark.parametrize("kind", [*shapes._TYPES, *motions.TYPES, "power", "step"])
def test_every_type_is_explained(kind):
    assert f"`{kind}`" in GUIDE


def test_the_scene_of_everything_can_be_simulated(tmp_path):
    tree = yaml.safe_load((SCENES / "everything.yaml").read_text())
    tree["detector"]["resolution"] = 12
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(tree))
    simulate(tmp_path / "scene.yaml", tmp_path / "out")
    assert len(list((tmp_path / "out").glob("images_*/*.png"))) == load_scene(tmp_path / "scene.yaml").scene.projections() == 2 * 25 + 3 * 4


def test_a_raw_volume_has_the_axes_that_the_guide_says(tmp_path):
    """z slowest, y fastest, and the largest whole number is a density of 1."""
    stored = np.zeros((4, 5, 6), np.uint16)  # z, x, y
    stored[1, 3, 2] = 65535
    stored.tofile(tmp_path / "v.raw")
    tree = {"type": "voxel_grid", "path": "v.raw", "resolution": [5, 6, 4], "dtype": "uint16"}
    thing = Phantom(shapes.parse(tree, source="test", folder=tmp_path))
    x, y, z = (-1 + (i + 0.5) * 2 / n for i, n in ((3, 5), (2, 6), (1, 4)))
    assert thing.density(np.array([[x, y, z]]), 0.0)[0] == pytest.approx(1.0)

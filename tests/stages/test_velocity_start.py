"""The I0 level with which the velocity stage begins."""

import numpy as np
import pytest

from xct4d.config import Level, Velocity
from xct4d.fields.flatfield import FlatField
from xct4d.stages.velocity import start


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"forward": 0.9, "backward": 0.9, "between": 0.9}, (0.12, 0.2)),
        ({"forward": 0.9, "backward": 0.9}, (0.12, 0.2)),
        ({"forward": 0.9, "backward": 0.8, "between": 0.5}, (0.12 + np.log(0.9 / 0.5), 0.2 + np.log(0.8 / 0.5))),
    ],
    ids=["the same everywhere", "no sequence", "a sequence of its own"],
)
def test_the_sequence_s_own_level_shifts_the_line_between_the_scans(tmp_path, declared, expected):
    ends = {"forward": tmp_path / "forward", "backward": tmp_path / "backward"}
    for folder, f in zip(ends.values(), (0.12, 0.2), strict=True):
        folder.mkdir()
        FlatField.constant(np.exp(-f)).save(folder / "flatfield.safetensors")
    _, flat_field = start(Velocity(), Level(resolution=6, steps=1, learning_rate=0.01), ends, None, declared)
    first, last = expected
    for t in (0.0, 0.3, 1.0):
        assert float(flat_field(t).detach()) == pytest.approx(first + t * (last - first), abs=1e-5)

"""Prepare the tiny dataset in a test: the frames that come out, or the one line that says why not."""

import json
import os
from pathlib import Path

import pytest

from xct4d.config import Input, Prepare
from xct4d.errors import InputError
from xct4d.io import prepared
from xct4d.stages.prepare import prepare

DATA = os.environ.get("XCT4D_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
FULL_SIZE = Prepare(target_size=None)
FORWARD, BACKWARD, SEQUENCE = "transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"
IMAGE = "images_00/train_02.png"
FRAME = f"{FORWARD}: frames[2] ({IMAGE})"


def run(folder, state="forward", settings=FULL_SIZE, **input):
    output = folder.parent / f"prepared_{state}"
    prepare(folder, Input(folder=str(folder), **input), settings, state, output)
    return prepared.load(output)


def notes(folder, state="forward"):
    return json.loads((folder.parent / f"prepared_{state}" / "checks.json").read_text())["notes"]


def names(frames, held_out):
    return [Path(name).stem for name, out in zip(frames.name, frames.held_out, strict=True) if out == held_out]


def complaint(raising, *arguments) -> str:
    """The error's one line."""
    with pytest.raises(InputError) as caught:
        raising(*arguments)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    return line


def refused(folder, state="forward", settings=FULL_SIZE, **input) -> str:
    """prepare's one line; nothing may be left beside the dataset."""
    output = folder.parent / "prepared"
    before = sorted(os.listdir(folder.parent))
    line = complaint(prepare, folder, Input(folder=str(folder), **input), settings, state, output)
    assert sorted(os.listdir(folder.parent)) == before
    return line

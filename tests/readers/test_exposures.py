"""Long exposures: several cameras about the recorded one, with weights and times of their own."""

from pathlib import Path

import numpy as np
import pytest
import table_dataset
from scanned_ball import STAGE, pose

from xct4d.config import Input
from xct4d.readers.dataset import open_dataset


def with_columns(path: Path, columns: str, values: str) -> None:
    """Add columns with the same values to the projections of a table."""
    lines = path.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    empty = "," * columns.count(",")
    lines[head] += f",{columns}"
    lines[head + 1 :] = [f"{line},{values if 'flat' not in line and 'dark' not in line else empty}" for line in lines[head + 1 :]]
    path.write_text("\n".join(lines) + "\n")


def scan(folder: Path, columns: str, values: str, **keys):
    with_columns(table_dataset.with_flats(folder) / "projections.csv", columns, values)
    return open_dataset(folder, Input(folder=str(folder), **keys)).forward


def test_a_stage_that_turns_is_seen_from_several_angles(tmp_path):
    opened = scan(tmp_path / "scan", "exposure_s,turn_deg", "0.5,2.0")
    for projection, angle in zip(opened.projections, STAGE, strict=True):
        assert projection.weight == pytest.approx([5 / 18, 8 / 18, 5 / 18])
        apart = np.sqrt(0.6)  # of half of the exposure
        for k, turned in enumerate((-apart, 0.0, apart)):
            assert projection.camera_to_world[k] == pytest.approx(pose(angle + turned, opened.unit_mm), abs=1e-9)
    assert any("6 exposures are seen from 3 cameras" in note for note in opened.notes)


def test_a_wide_turn_takes_more_cameras(tmp_path):
    opened = scan(tmp_path / "scan", "turn_deg", "20")
    weights = opened.projections[0].weight
    assert len(weights) == 5
    assert weights.argmax() == 2  # what stages that take one camera use is the recorded one


@pytest.mark.parametrize("turn", ["1.4", "", "0"])
def test_a_stage_that_hardly_turns_has_one_camera(tmp_path, turn):
    opened = scan(tmp_path / "scan", "exposure_s,turn_deg", f"0.5,{turn}")
    assert {len(projection.weight) for projection in opened.projections} == {1}
    assert not any("cameras" in note for note in opened.notes)


def test_corrections_reach_every_camera(tmp_path):
    as_read = scan(tmp_path / "a", "turn_deg", "2.0").projections[1].camera_to_world
    negated = scan(tmp_path / "b", "turn_deg", "2.0", geometry={"negate_angles": True}).projections[1].camera_to_world
    assert negated[:, 0, 3] == pytest.approx(as_read[:, 0, 3])
    assert negated[:, 1, 3] == pytest.approx(-as_read[:, 1, 3])


def sequence(folder: Path, exposure: str):
    table_dataset.experiment(folder)
    with_columns(folder / "c" / "between.csv", "exposure_s", exposure)
    keys = {"forward": "a/projections.csv", "backward": "b/projections.csv", "between": "c/between.csv"}
    return open_dataset(folder, Input(folder=str(folder), **keys)).acquisitions["between"]


def test_a_long_exposure_of_a_sequence_has_the_times_of_its_parts(tmp_path):
    opened = sequence(tmp_path / "long", "1.0")
    first = opened.projections[0]
    assert first.time == pytest.approx([62 - np.sqrt(0.15), 62, 62 + np.sqrt(0.15)])
    assert first.camera_to_world[0] == pytest.approx(first.camera_to_world[2])
    assert {len(projection.weight) for projection in sequence(tmp_path / "short", "0.01").projections} == {1}


def test_an_exposure_that_reaches_into_a_scan_keeps_its_time(tmp_path):
    """The scan before ends at 60 s: the sample of an exposure from 58 to 66 s would be in motion before it."""
    assert {len(projection.weight) for projection in sequence(tmp_path / "longer", "8.0").projections} == {1, 3}

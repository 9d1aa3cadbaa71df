"""Real scans: what is known of them by hand is found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from preparation import DATA, needs_data

from xct4d.config import Geometry, Input
from xct4d.doctor.diagnose import diagnose
from xct4d.doctor.sample import Sample
from xct4d.readers.dataset import open_dataset
from xct4d.stages.prepare import views_of

pytestmark = needs_data


def sample(folder, **given):
    path = Path(DATA) / folder
    acquisition = open_dataset(path, Input(folder=str(path), **given)).forward
    projections = acquisition.projections
    return Sample.of(lambda i: projections[i].load(), [views_of(one)[:1] for one in projections], acquisition.flat_field)


def test_the_balls_of_a_nikon_scanner_as_shipped_have_half_the_focal_length():
    shipped = sample("nikon_balls", forward="transforms.json")
    found = diagnose(shipped, Geometry())[0]
    assert list(found.mend) == ["focal_factor"]
    assert found.mend["focal_factor"] == pytest.approx(2.0, rel=0.01)
    inverted = replace(shipped, images=np.ascontiguousarray(1 - shipped.images[:, :, ::-1]))
    found = diagnose(inverted, Geometry())[0]
    assert found.grey == "inverted"
    assert found.mend == {"mirror": True, "focal_factor": pytest.approx(2.0, rel=0.01)}


def test_the_same_balls_as_corrected_are_right():
    found = diagnose(sample("nikon_balls", forward="transforms_corrected.json"), Geometry())[0]
    assert (found.verdict, found.mend) == ("right", {})


def test_the_balls_of_the_reference_program_lie_half_a_pixel_beside_their_cameras():
    found = diagnose(sample("balls_upstream"), Geometry())[0]
    assert found.verdict == "small corrections"
    assert found.mend["axis_shift_px"] == pytest.approx(0.5, abs=0.1)
    assert found.mend["row_shift_px"] == pytest.approx(-0.5, abs=0.1)


def test_the_axis_of_a_tooth_at_a_synchrotron():
    found = diagnose(sample("aps_tooth_dxfile"), Geometry())[0]
    assert 320 + found.mend["axis_shift_px"] == pytest.approx(296, abs=0.5)

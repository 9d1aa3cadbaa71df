"""The stage trust on motions that are right and wrong."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from squeezed_balls import make_outputs, thing

from xct4d.analysis.trust import TrustScores
from xct4d.analysis.uncertainty import GRID, Motions
from xct4d.analysis.verdict import Residuals, verdict
from xct4d.config import Trust
from xct4d.directions import SCAN_TIME, STATES
from xct4d.errors import InputError
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.shared import bspline_matrices as bspline
from xct4d.stages.trust import trust

SHIFT = np.array([0.15, -0.1, 0.05])
TIMES = np.linspace(0, 1, 100)


def velocity(folder, rates):
    """Output of the stage velocity: a translation by SHIFT, at rates [100] over time."""
    field = VelocityField(15, 6, longest_step=0.1, solver="midpoint")
    control = np.linalg.lstsq(bspline.basis(6, 2 * TIMES - 1), rates[:, None] * SHIFT, rcond=None)[0]
    with torch.no_grad():
        field.control[:] = torch.from_numpy(control.astype(np.float32))[:, None, None, None]
    folder.mkdir(parents=True)
    field.save(folder / "field.safetensors")
    FlatField.constant(1.0).save(folder / "flatfield.safetensors")


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """A body that is shifted slowly first: the right motion, and one that comes to the same end by another path."""
    folder = tmp_path_factory.mktemp("shifted")
    # a scene says where material comes from
    make_outputs(folder, thing({"type": "rigid", "displacements": (-SHIFT).tolist(), "law": {"type": "power", "exponent": 2.0}}))
    velocity(folder / "velocity" / "right", 2 * TIMES)
    velocity(folder / "velocity" / "wrong", 2 * (1 - TIMES))
    for name in ("right", "wrong"):
        made(folder, name, folder / "trust" / name)
    return folder


def made(folder, name, output, **changes):
    prepared = {state: folder / "prepared" / state for state in STATES} | changes
    canonicals = {direction: folder / "canonical" / direction for direction in SCAN_TIME}
    trust(Trust(samples=2), {s: p for s, p in prepared.items() if p}, canonicals, folder / "velocity" / name, output)


def residuals(folder):
    return Residuals.of(json.loads((folder / "trust.json").read_text()))


def test_the_right_motion_leaves_what_the_scans_leave_and_a_wrong_one_more(shifted):
    right, wrong = residuals(shifted / "trust/right"), residuals(shifted / "trust/wrong")
    assert np.allclose(right.times, [0.2, 0.4, 0.6, 0.8])
    assert right.normalised.max() < 1.25
    assert wrong.normalised.min() > 2.0
    assert verdict(right, 0.5, 0.0, "1") == "determined"
    assert verdict(wrong, 0.5, 0.0, "1").startswith("not determined: the motion leaves")


def test_the_samples_spread_about_the_fitted_motion(shifted):
    motions = Motions.load(shifted / "trust/right")
    assert len(motions.samples) == 2
    deviation = motions.deviation(0.5, np.ones(3 * (GRID,), np.float32))
    assert deviation.shape == (3, GRID, GRID, GRID)
    assert 0 < deviation.min() < deviation.max() < 0.3
    assert not motions.deviation(0.0, np.ones(3 * (GRID,), np.float32)).any()


def test_a_sequence_that_is_missing_is_no_trust(shifted, tmp_path):
    made(shifted, "right", tmp_path / "trust", between=None)
    found = residuals(tmp_path / "trust")
    assert found.at(0.5) is None
    assert verdict(found, 0.5, 0.0, "1") == "not determined: there is no projection between the scans"


def test_a_damaged_record_is_refused(shifted, tmp_path):

    shutil.copytree(shifted / "trust/right", tmp_path / "trust")
    (tmp_path / "trust/trust.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        TrustScores.load(tmp_path / "trust")

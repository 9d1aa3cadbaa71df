"""docs/tiny.ipynb runs as it stands."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from finished_result import DRIFT, make

from workflow import ROOT

NOTEBOOK = ROOT / "docs" / "tiny.ipynb"


def test_every_cell_runs_in_its_order(tmp_path, monkeypatch):
    make(tmp_path / "results", "tiny")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 5
    plt.switch_backend("agg")
    scope: dict = {}
    for cell in cells:
        exec(compile(cell, str(NOTEBOOK), "exec"), scope)
    assert len(plt.get_fignums()) == 4
    plt.close("all")
    assert scope["path"] - scope["start"] == pytest.approx(np.outer(scope["times"], DRIFT), abs=1e-5)
    assert scope["strained"] == pytest.approx([0] * 11, abs=1e-5)
    assert scope["material"].any()

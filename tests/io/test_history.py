"""The curves of a training run as a file."""

import json

from xct4d.io.history import History
from xct4d.report import plots


def test_a_history_is_json_also_where_a_score_is_none(tmp_path):
    """Images smaller than its window have no SSIM, equal ones no finite PSNR."""
    History([0], {"loss": [0.1]}, {"held_out_ssim": [(0, float("nan"))], "held_out_psnr": [(0, float("inf"))]}).save(
        tmp_path / "history.json"
    )

    def refused(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "history.json").read_text(), parse_constant=refused)
    assert read == {"step": [0], "loss": [0.1], "held_out_ssim": [[0, None]], "held_out_psnr": [[0, None]]}
    plots.training_curves(tmp_path / "training.png", {"canonical forward": read})

"""What is known of a job's dataset, to score its reconstruction against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xct4d.config import Truth
from xct4d.io.digests import check_folder
from xct4d.phantom.measured import MeasuredVolumes
from xct4d.phantom.truth import Phantom

KnownTruth = Phantom | MeasuredVolumes


def truth_of_job(params: Any) -> KnownTruth | None:
    """From a job's parameters (snakemake.params): the scene of a simulated dataset, or `input.truth`.

    Raises InputError where the simulated dataset is damaged or the description is wrong.
    """
    folder = Path(params.folder)
    if params.simulated:
        check_folder(folder)
        return Phantom.load(folder / "scene.yaml")
    if params.truth is None:
        return None
    truth = Truth.model_validate(params.truth)
    return MeasuredVolumes.from_truth(truth, folder) if truth.volumes else Phantom.from_truth(truth, folder)

"""A trained model on disk: the output folders of the training stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xct4d.config import Mixing
from xct4d.directions import SCAN_TIME


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """Where the parts of a trained model are.

    A dataset of one scan has its forward canonical alone, and of a sequence
    after it a velocity field too. Otherwise there are two canonicals, a
    velocity field, and mixing settings: the whole section of the configuration,
    so that whatever a mixer depends on comes with it. The fields are read by
    `fields.evolution.Evolution.load`.

    Raises ValueError for a combination that no dataset has.
    """

    forward: Path  # output folder of the canonical stage
    backward: Path | None = None
    velocity: Path | None = None  # output folder of the finest level, or of the refined motion
    mixing: Mixing | None = None
    mixer: Path | None = None  # output folder of the mixing stage, where the mixer is trained

    def __post_init__(self):
        if (self.backward is None) != (self.mixing is None):
            raise ValueError("two canonicals and mixing settings belong together")
        if self.backward is not None and self.velocity is None:
            raise ValueError("two canonicals need a velocity field between them")
        if self.mixer is not None and self.backward is None:
            raise ValueError("a trained mixer needs two canonicals to mix")

    @property
    def moves(self) -> bool:
        """Whether there is a motion: between two scans, or after one."""
        return self.velocity is not None

    @classmethod
    def of_job(cls, files: Any, mixing: Mapping[str, Any]) -> TrainedModel:
        """The model that a job of the workflow has as its input.

        files: the job's named inputs canonical_forward, canonical_backward,
        velocity (one level, or all from coarse to fine and the refined motion) and mixing; those that
        the dataset does not have are empty. mixing: the section of the
        configuration as plain values.
        """
        forward = Path(files.canonical_forward)
        if not files.velocity:
            return cls(forward=forward)
        velocity = Path(files.velocity if isinstance(files.velocity, str) else files.velocity[-1])
        if not files.canonical_backward:
            return cls(forward=forward, velocity=velocity)
        return cls(
            forward=forward,
            backward=Path(files.canonical_backward),
            velocity=velocity,
            mixing=Mixing.model_validate(mixing),
            mixer=Path(files.mixing) if files.mixing else None,
        )


def trainings_of_job(files: Any) -> dict[str, Path]:
    """Folders with a history.json among a job's named inputs (as of `TrainedModel.of_job`, with all velocity levels), by title."""
    found = {f"canonical {direction}": getattr(files, f"canonical_{direction}") for direction in SCAN_TIME}
    levels = [files.velocity] if isinstance(files.velocity, str) else files.velocity
    found |= {"refinement" if Path(folder).name == "motion" else f"velocity {Path(folder).name}": folder for folder in levels}
    found["mixing"] = files.mixing
    return {title: Path(folder) for title, folder in found.items() if folder}

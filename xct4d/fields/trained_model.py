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

    A dataset of one scan has its forward canonical alone. Otherwise there are
    two canonicals, a velocity field, and mixing settings: the whole section of
    the configuration, so that whatever a mixer depends on comes with it. The
    fields are read by `fields.evolution.Evolution.load`.

    Raises ValueError for a combination that no dataset has.
    """

    forward: Path  # output folder of the canonical stage
    backward: Path | None = None
    velocity: Path | None = None  # output folder of the finest level
    mixing: Mixing | None = None
    mixer: Path | None = None  # output folder of the mixing stage, where the mixer is trained

    def __post_init__(self):
        moving = (self.backward is not None, self.velocity is not None, self.mixing is not None)
        if any(moving) != all(moving):
            raise ValueError("two canonicals, a velocity field and mixing settings belong together")
        if self.mixer is not None and not self.moves:
            raise ValueError("a trained mixer needs two canonicals to mix")

    @property
    def moves(self) -> bool:
        """Whether there are two scans and a motion between them."""
        return self.backward is not None

    @classmethod
    def of_job(cls, files: Any, mixing: Mapping[str, Any]) -> TrainedModel:
        """The model that a job of the workflow has as its input.

        files: the job's named inputs canonical_forward, canonical_backward,
        velocity (one level, or all from coarse to fine) and mixing; those that
        the dataset does not have are empty. mixing: the section of the
        configuration as plain values.
        """
        if not files.canonical_backward:
            return cls(forward=Path(files.canonical_forward))
        return cls(
            forward=Path(files.canonical_forward),
            backward=Path(files.canonical_backward),
            velocity=Path(files.velocity if isinstance(files.velocity, str) else files.velocity[-1]),
            mixing=Mixing.model_validate(mixing),
            mixer=Path(files.mixing) if files.mixing else None,
        )


def trainings_of_job(files: Any) -> dict[str, Path]:
    """Folders with a history.json among a job's named inputs (as of `TrainedModel.of_job`, with all velocity levels), by title."""
    found = {f"canonical {direction}": getattr(files, f"canonical_{direction}") for direction in SCAN_TIME}
    levels = [files.velocity] if isinstance(files.velocity, str) else files.velocity
    found |= {f"velocity {Path(folder).name}": folder for folder in levels}
    found["mixing"] = files.mixing
    return {title: Path(folder) for title, folder in found.items() if folder}

"""Section `calibration`: where the cameras really stood."""

from __future__ import annotations

from pydantic import Field

from xct4d.config.base import Section


class Calibration(Section):
    """Cameras of the sequence, measured by its own projections and both scans, and corrected where they clearly stood elsewhere."""

    between: bool = Field(
        True,
        description="correct shift of the detector, roll, angle and distance of each source of the sequence where they clearly differ from what the "
        "files say; false: the cameras stay as the files have them",
    )

"""Section `prepare`: checks and downscaling."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xct4d.config.base import Count, Section


class Prepare(Section):
    """Checks of the projections, and downscaling."""

    target_size: Count | None = Field(
        250, description="downscale by the largest whole factor that leaves this many pixels along the longer side"
    )
    downscale: Count | None = Field(None, description="downscale by exactly this factor; overrides target_size")
    outside: Literal["clip", "refuse"] = Field(
        "clip",
        description="transmissions outside [0, 1], as noise makes them: clip: they are clipped, and a note says how many; refuse: they are an error",
    )
    check_intensities: bool = Field(
        True,
        description="refuse projections that look inverted, not divided by the flat field, unlike the others, "
        "or of a sample that is not in the box; false: a note says so",
    )

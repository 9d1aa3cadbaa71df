"""Sections `input.geometry` and `input.intensities`: what the files of a scan have wrong, or do not tell."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xct4d.config.base import Finite, Positive, Section


class Geometry(Section):
    """Corrections of the cameras, in any format; directions are those of the image as it is displayed."""

    mirror: bool = Field(False, description="the columns of every image are mirrored, left for right")
    negate_angles: bool = Field(False, description="the sample turned the other way round than the files are read")
    axis_shift_px: Finite = Field(
        0.0, description="how far the rotation axis is seen to the right of where the files put it, in pixels of the full image"
    )
    row_shift_px: Finite = Field(
        0.0, description="how far below where the files put it the beam meets the detector at a right angle, in pixels of the full image"
    )
    roll_deg: Finite = Field(0.0, description="by how much the rotation axis leans to the right in the image")
    tilt_deg: Annotated[float, Field(gt=-90, lt=90)] = Field(0.0, description="by how much its upper end leans towards the source")
    drift: Literal["ignore", "add", "subtract"] = Field(
        "ignore",
        description="what becomes of the shifts of each projection that a scanner recorded: add says that its content was moved by them, "
        "to the right and downwards; subtract that it was moved the other way",
    )
    focal_factor: Positive = Field(1.0, description="focal lengths are this many times those of the files")
    angle_offset_deg: Finite = Field(
        0.0,
        description="the stage's angles are this much larger, counter-clockwise seen from above: of a scan whose angles count from another zero, "
        "or whose sample was mounted turned by so much",
    )
    sample_shift: tuple[Finite, Finite, Finite] = Field(
        (0.0, 0.0, 0.0),
        description="how far the sample lies along x, y, z from where it lies in the other scans, in world units (half the box); "
        "a sample that was mounted anew, x and y before it is turned back by angle_offset_deg",
    )

    @property
    def moves_sample(self) -> bool:
        """Whether the sample lies elsewhere than the files say."""
        return self.angle_offset_deg != 0 or any(self.sample_shift)


class Intensities(Section):
    """From counts to transmission I/I0."""

    air: Positive | None = Field(
        None, description="counts of air, in place of the level that a scanner's files give; not for images that are transmissions already"
    )
    zingers: Positive | None = Field(
        None,
        description="single pixels that stand out by more than this transmission from all but one of their neighbours take the median of these",
    )
    beam_hardening: list[Finite] | None = Field(
        None, description="coefficients c1, c2, ... of a polynomial without a constant: p = -ln(I/I0) becomes c1 p + c2 p^2 + ..."
    )

"""Section `evaluate`: scores and figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from xct4d.config.base import Section
from xct4d.config.input import VolumeFile
from xct4d.config.region import Region

Classical = Literal["fdk", "sirt"]


class EvaluatedRegion(Section):
    """The part of the box in which volumes and motion are scored: one of these."""

    half_width: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="a cube around the centre: half its width, world units"
    )
    box: Region | None = Field(None, description="a box along the axes")
    mask: VolumeFile | None = Field(None, description="voxels: where they are above 0")

    @model_validator(mode="after")
    def _one(self):
        if [self.half_width, self.box, self.mask].count(None) != 2:
            raise ValueError("give one of half_width, box and mask")
        return self


class Evaluate(Section):
    """Scores and figures."""

    resolution: Annotated[int, Field(ge=8)] = Field(200, description="grid points per axis on which volumes are compared")
    trained_projections: bool = Field(False, description="score the projections that were trained on too, apart from the held-out ones")
    region: EvaluatedRegion | None = Field(
        None, description="the part of the box in which volumes and motion are scored (default: all of it)"
    )
    classical: list[Classical] = Field(
        [],
        description="reconstruct each scan by these too and score them beside its canonical, with evaluate.resolution voxels per axis: "
        "fdk, filtered back-projection of circular scans; sirt, 100 simultaneous iterations",
    )

"""Section `canonical`: the static fields of the scans."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from xct4d.config.base import Count, NonNegative, Section
from xct4d.config.training import FlatField, Schedule


class HashGrid(Section):
    """Multiresolution hash grid (Mueller et al. 2022, section 3) and the MLP behind it."""

    levels: Annotated[int, Field(ge=1, le=32)] = Field(12, description="resolution levels")
    log2_size: Annotated[int, Field(ge=8, le=24)] = Field(16, description="log2 of the largest number of entries a level has")
    coarsest: Annotated[int, Field(ge=2)] = Field(8, description="cells per axis of the coarsest level")
    finest: Annotated[int, Field(ge=2)] = Field(512, description="cells per axis of the finest level")
    width: Annotated[int, Field(ge=4)] = Field(64, description="neurons of the hidden layer")

    @model_validator(mode="after")
    def _in_order(self):
        if self.finest < self.coarsest:
            raise ValueError(f"finest ({self.finest}) must not be less than coarsest ({self.coarsest})")
        return self


class Canonical(Section):
    """The canonical field of each scan: a reconstruction in voxels, refined by a hash grid and an MLP."""

    steps: Count = Field(100, description="training steps that refine the reconstruction")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(
        64,
        description="samples per ray through an object that fills the box; where part of the box is empty, its samples go to the rest: "
        "they lie up to 4 times as close along a ray, and then more rays are drawn",
    )
    grid: HashGrid = HashGrid()
    schedule: Schedule = Schedule(learning_rate=3e-3, warmup=0.1)
    flat_field: FlatField = FlatField()
    volume_weight: NonNegative = Field(
        0.0, description="weight of 1 - normalized correlation of the field with the known volume of its scan"
    )
    bake: Annotated[int, Field(ge=8)] = Field(
        192,
        description="voxels per axis, at most, of the reconstruction and of the baked copy that velocity and mixing train on; "
        "fewer where the pixels do not resolve them",
    )
    evaluate_every: Count = Field(50, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(50, description="steps between checkpoints")

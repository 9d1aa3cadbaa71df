"""Section `refinement`: scans and motion trained together once more."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xct4d.config.base import Count, NonNegative, Section
from xct4d.config.training import Schedule


class Refinement(Section):
    """The canonicals, as voxels, trained on with the motion: on all projections, those of the scans and of the sequence."""

    steps: Annotated[int, Field(ge=0)] = Field(
        0, description="training steps; 0: there is no such stage, and the canonicals stay as they are"
    )
    rays: Count = Field(1024, description="rays per step")
    samples: Count = Field(128, description="samples per ray inside the box")
    schedule: Schedule = Schedule(learning_rate=2e-3, final=1e-4)
    motion_learning_rate: NonNegative = Field(
        1e-4, description="Adam's learning rate of the velocity's control points in the steady part; 0: the motion stays as it is"
    )
    smoothness_weight: NonNegative = Field(1e-7, description="weight of the velocity's bending energy")
    evaluate_every: Count = Field(200, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(200, description="steps between checkpoints")

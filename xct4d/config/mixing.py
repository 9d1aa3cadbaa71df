"""Section `mixing`: the weights of the two canonical fields."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xct4d.config.base import Count, Fraction, Section
from xct4d.config.training import FlatField, Schedule


class Mixing(Section):
    """How the two canonicals are blended: mu = (1 - alpha) forward + alpha backward."""

    method: Literal["constant", "temporal", "smoothstep", "spline"] = Field(
        "temporal", description="alpha is: constant; t; 3t^2 - 2t^3; or a trained spline in space and time (a stage of its own)"
    )
    alpha: Fraction = Field(0.5, description="the constant (method constant)")
    resolution: Annotated[int, Field(ge=4)] = Field(9, description="control points per axis (method spline)")
    modes: Annotated[int, Field(ge=4)] = Field(6, description="control points in time (method spline)")
    steps: Count = Field(200, description="training steps")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(64, description="samples per ray inside the box")
    schedule: Schedule = Schedule()
    flat_field: FlatField = FlatField(train=False)
    evaluate_every: Count = Field(100, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(100, description="steps between checkpoints")

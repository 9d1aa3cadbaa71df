"""Section `mixing`: the weights of the two canonical fields."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from xct4d.config.base import Count, Fraction, Positive, Section
from xct4d.config.training import FlatField, Schedule

Trained = Literal["trained_constant", "trained_temporal", "trained_smoothstep", "annealed_temporal", "spline"]
Method = Literal["constant", "temporal", "smoothstep", Trained]
TRAINED = get_args(Trained)


class Mixing(Section):
    """How the two canonicals are blended: mu = (1 - alpha) forward + alpha backward."""

    method: Method = Field(
        "temporal",
        description="alpha is: constant; temporal: t; smoothstep: 3t^2 - 2t^3; or trained, in a stage of its own: trained_constant; "
        "trained_temporal, a spline in time; trained_smoothstep, with its centre and width; annealed_temporal, a spline in time that grows "
        "steeper; spline, in space and time",
    )
    alpha: Fraction = Field(0.5, description="the constant (method constant), or where it begins (method trained_constant)")
    resolution: Annotated[int, Field(ge=4)] = Field(9, description="control points per axis (method spline)")
    modes: Annotated[int, Field(ge=4)] = Field(6, description="control points in time (methods spline, trained_ and annealed_temporal)")
    initial_slope: Positive = Field(1.0, description="of the logit of alpha at the first step (method annealed_temporal)")
    final_slope: Positive = Field(4.0, description="the same at the last step, reached in equal steps")
    steps: Count = Field(200, description="training steps")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(64, description="samples per ray inside the box")
    schedule: Schedule = Schedule()
    flat_field: FlatField = FlatField(train=False)
    evaluate_every: Count = Field(100, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(100, description="steps between checkpoints")

    @property
    def is_trained(self) -> bool:
        return self.method in TRAINED

    @model_validator(mode="after")
    def _can_be_trained(self):
        if self.method == "trained_constant" and self.alpha in (0, 1):
            raise ValueError(f"alpha must lie between 0 and 1 where trained_constant begins from it, not at {self.alpha:g}")
        return self

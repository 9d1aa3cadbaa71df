"""Section `velocity`: the motion between the scans."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from xct4d.config.base import Count, Fraction, NonNegative, Positive, Section
from xct4d.config.training import Decay, DriftingFlatField

Solver = Literal["euler", "midpoint", "rk4"]
Step = Annotated[float, Field(gt=0, le=1)]


class Level(Section):
    """One level of the velocity field: a spatial resolution and how it is trained."""

    resolution: Annotated[int, Field(ge=4)] = Field(description="control points per axis")
    steps: Count = Field(description="training steps")
    learning_rate: Positive = Field(description="Adam's learning rate in the steady part")
    blur: NonNegative = Field(0.0, description="Gaussian blur of the baked volumes, standard deviation in world units")
    smoothness_weight: NonNegative = Field(1e-7, description="weight of the velocity's bending energy")
    strain_weight: NonNegative = Field(1e-3, description="weight of the mean squared strain rate inside the material")
    rays: Count | None = Field(None, description="rays per step of this level, in place of velocity.rays")
    samples: Count | None = Field(None, description="samples per ray of this level, in place of velocity.samples")
    ode_step: Step | None = Field(None, description="longest time step of this level, in place of velocity.ode_step")
    solver: Solver | None = Field(None, description="one-step method of this level, in place of velocity.solver")

    def of_its_own(self) -> dict[str, Any]:
        """What this level has in place of the section's keys of the same names."""
        return self.model_dump(include={"rays", "samples", "ode_step", "solver"}, exclude_none=True)


class Velocity(Section):
    """The velocity field, level by level; each level starts from the one before, refined."""

    levels: list[Level] = Field(
        [
            Level(resolution=6, steps=300, learning_rate=1e-2, blur=0.04),
            Level(resolution=9, steps=250, learning_rate=5e-3, blur=0.02),
            Level(resolution=15, steps=250, learning_rate=3e-3),
        ],
        description="levels from coarse to fine; 6, 9, 15, 27, 51 refine into each other exactly",
        min_length=1,
    )
    start: Literal["registration", "rest"] = Field(
        "registration",
        description="registration: the levels start from the registration of the scans and are fitted to all pixels, unless it does not explain "
        "the sequence; rest: the first level starts from no motion, and all are trained on random rays",
    )
    modes: Annotated[int, Field(ge=4)] = Field(6, description="control points in time (cubic B-spline)")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(64, description="samples per ray inside the box")
    ode_step: Step = Field(0.1, description="longest time step of the flow's integration")
    solver: Solver = Field("midpoint", description="one-step method of the flow's integration")
    schedule: Decay = Decay()
    early_times_first: Fraction = Field(
        0.5,
        description="fraction of the first level's steps during which projections join in the order of their distance in time from a scan; "
        "0: all are trained on from the first step",
    )
    max_images_per_time: Count | None = Field(None, description="use at most this many projections of each time")
    volume_weight: NonNegative = Field(
        0.0,
        description="weight of 1 - normalized correlation of one scan, carried to the time of the other, with the other, at random points",
    )
    mismatch_weight: NonNegative = Field(
        0.0,
        description="weight of the mean squared difference in attenuation of the two scans, both carried to one random time, at random points",
    )
    points: Count = Field(4096, description="random points per step for the volume, mismatch and strain terms")
    flat_field: DriftingFlatField = DriftingFlatField(train=False)
    evaluate_every: Count = Field(200, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(200, description="steps between checkpoints")

    def level(self, resolution: int) -> Level:
        """The level of so many control points per axis. Raises StopIteration where there is none."""
        return next(level for level in self.levels if level.resolution == resolution)

    def at(self, level: Level) -> Velocity:
        """The settings with which a level is trained: its own rays, samples, time step and solver in place of the section's."""
        return self.model_copy(update=level.of_its_own())

    @model_validator(mode="after")
    def _rising(self):
        resolutions = [level.resolution for level in self.levels]
        if resolutions != sorted(set(resolutions)):
            raise ValueError(f"levels must rise in resolution, not {resolutions}")
        return self

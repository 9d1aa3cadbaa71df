"""Sections within those of the training stages: the flat field and the learning rate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from xct4d.config.base import Fraction, NonNegative, Positive, Section


class FlatField(Section):
    """Correction of the I0 level, a factor exp(-f) on the transmission."""

    train: bool = Field(True, description="fit the I0 level; false: it keeps its initial value")
    penalty: NonNegative = Field(0.005, description="weight of f^2 in the loss")
    learning_rate: Positive = Field(1e-3, description="Adam's learning rate")


class DriftingFlatField(FlatField):
    """Correction of an I0 level that drifts in time, a factor exp(-f(t)) on the transmission; initially f is linear between those of the scans."""

    knots: Annotated[int, Field(ge=4)] = Field(6, description="control points of f(t), a cubic B-spline in time")


class Decay(Section):
    """Learning rate over the steps of a level: warm-up, steady part at the level's own rate, exponential decay."""

    final: Positive = Field(1e-4, description="learning rate at the last step, at most the steady rate")
    warmup: Fraction = Field(0.02, description="fraction of the steps over which the rate rises linearly from zero")
    steady: Fraction = Field(0.5, description="fraction of the steps before the decay begins, warm-up included")

    @model_validator(mode="after")
    def _in_order(self):
        if self.steady < self.warmup:
            raise ValueError("steady must not be less than warmup")
        return self


class Schedule(Decay):
    """Learning rate over the steps: warm-up, steady part, exponential decay."""

    learning_rate: Positive = Field(1e-2, description="Adam's learning rate in the steady part")

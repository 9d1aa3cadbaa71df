"""The learning rate over the steps."""

from __future__ import annotations

from xct4d.config import Decay, FlatField


def learning_rate(schedule: Decay, peak: float, step: int, steps: int) -> float:
    """Rate at step 0 <= step < steps: linear warm-up, steady part at `peak`, exponential decay to `final`, or not at all where that is above."""
    progress = (step + 1) / steps
    if progress < schedule.warmup:
        return peak * progress / schedule.warmup
    if progress <= schedule.steady:
        return peak
    decayed = (progress - schedule.steady) / (1 - schedule.steady)
    return peak * (min(schedule.final, peak) / peak) ** decayed


def learning_rates(schedule: Decay, peak: float, flat_field: FlatField, step: int, steps: int) -> dict[str, float]:
    """Rates of the groups `field` and `flat_field`: the second follows the shape of the first, or is 0 where it is not trained."""
    rate = learning_rate(schedule, peak, step, steps)
    return {"field": rate, "flat_field": rate / peak * flat_field.learning_rate if flat_field.train else 0.0}

"""The learning rate over the steps."""

from __future__ import annotations

from xct4d.config import FlatField, Schedule


def learning_rate(schedule: Schedule, step: int, steps: int, *, peak: float | None = None) -> float:
    """Rate at step 0 <= step < steps: linear warm-up, steady part, exponential decay to `final`.

    peak: the steady rate, where it is not the schedule's own.
    """
    peak = schedule.learning_rate if peak is None else peak
    progress = (step + 1) / steps
    if progress < schedule.warmup:
        return peak * progress / schedule.warmup
    if progress <= schedule.steady:
        return peak
    decayed = (progress - schedule.steady) / (1 - schedule.steady)
    return peak * (min(schedule.final, peak) / peak) ** decayed


def learning_rates(schedule: Schedule, flat_field: FlatField, step: int, steps: int, *, peak: float | None = None) -> dict[str, float]:
    """Rates of the groups `field` and `flat_field`: the second follows the shape of the first, or is 0 where it is not trained."""
    rate = learning_rate(schedule, step, steps, peak=peak)
    shape = rate / (schedule.learning_rate if peak is None else peak)
    return {"field": rate, "flat_field": shape * flat_field.learning_rate if flat_field.train else 0.0}

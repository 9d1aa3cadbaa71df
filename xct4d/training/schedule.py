"""The learning rate over the steps."""

from __future__ import annotations

from xct4d.config import Schedule


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

"""Learning rates over the steps of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xct4d.config import Decay, FlatField


@dataclass(frozen=True)
class LearningRate:
    """Rate at step 0 <= step < steps: linear warm-up to `peak`, constant, exponential decay to `decay.final`.

    A peak below the final rate does not decay.
    """

    decay: Decay
    peak: float
    steps: int

    def __call__(self, step: int) -> float:
        progress = (step + 1) / self.steps
        if progress < self.decay.warmup:
            return self.peak * progress / self.decay.warmup
        if progress <= self.decay.steady:
            return self.peak
        decayed = (progress - self.decay.steady) / (1 - self.decay.steady)
        return self.peak * (min(self.decay.final, self.peak) / self.peak) ** decayed


@dataclass(frozen=True)
class ProportionalRate:
    """The course of another rate, scaled to a peak of its own."""

    other: LearningRate
    peak: float

    def __call__(self, step: int) -> float:
        return self.other(step) / self.other.peak * self.peak


def not_trained(_step: int) -> float:
    """The rate of a group that stays as it is."""
    return 0.0


def flat_field_rate(field: LearningRate, settings: FlatField) -> Callable[[int], float]:
    """Rate of the flat field: proportional to that of the field, zero where the configuration does not train it."""
    return ProportionalRate(field, settings.learning_rate) if settings.train else not_trained

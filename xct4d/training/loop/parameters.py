"""Named groups of trained parameters, each with a learning rate of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate.

    The group's name and the parameters' names make the keys of a checkpoint
    ("field.control"), so they must not change between runs.
    """

    name: str
    parameters: dict[str, nn.Parameter]
    rate: Callable[[int], float]  # learning rate of a step, counted from 0; at 0.0 the group stays as it is

    @classmethod
    def of(cls, name: str, module: nn.Module, rate: Callable[[int], float]) -> ParameterGroup:
        """All parameters of a module."""
        return cls(name, dict(module.named_parameters()), rate)

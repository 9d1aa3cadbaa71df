"""A loss as a list of named, weighted terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Term(Generic[Drawn]):
    """One part of a loss: weight times value. The value without the weight is recorded under the name."""

    name: str
    weight: float
    value: Callable[[Drawn], Tensor]  # of what the task drew: a scalar, the mean over its rays or points


def total_loss(terms: Sequence[Term[Drawn]], drawn: Drawn) -> dict[str, Tensor]:
    """{"loss": sum of weight times value, name: value for each term}.

    The terms are evaluated in their order. Those that draw random numbers share
    one generator, so a term added in front changes what the later ones draw.
    """
    values: dict[str, Tensor] = {}
    total: Tensor | None = None
    for term in terms:
        value = values[term.name] = term.value(drawn)
        part = value if term.weight == 1 else term.weight * value
        total = part if total is None else total + part
    if total is None:
        raise ValueError("a loss needs at least one term")
    return {"loss": total} | values
